"""Signed notes, public keys and checkpoints: the examples of the C2SP, and what is none."""

from __future__ import annotations

import base64

import pytest

from domain.proof.checkpoint import SIZE_MAX, Checkpoint, open_checkpoint, parse_checkpoint
from domain.proof.errors import MalformedError, ProofError
from domain.proof.merkle import EMPTY_ROOT
from domain.proof.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Signer,
    Verifier,
    open_note,
    parse_vkey,
    parse_vkeys,
    sign_note,
)

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
"""From c2sp.org/signed-note."""
OTHERS_SIGNATURE = "— witness.example/one AAAAAAA=\n"
"""As short as one can be: a key's id of four bytes, and one more."""
EXAMPLE_CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
"""From c2sp.org/tlog-checkpoint."""
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNED_NOTHING = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
    "655141438e7a100b"
)
"""Test 1 of RFC 8032 section 7.1."""
LOG = Signer("rpawatch/log", SEED)
OTHER = Signer("rpawatch/log", bytes(range(32)))
WITNESS = Signer("witness.example/one", bytes(range(1, 33)))
HEAD = Checkpoint("rpawatch/log", 3, bytes(range(32)))


def test_the_example_of_the_specification_holds_with_its_key() -> None:
    key = parse_vkey(EXAMPLE_KEY)
    text, signed_by = open_note(EXAMPLE_NOTE, [key])
    assert text == "This is an example message.\n"
    assert signed_by == [key]
    assert key.vkey == EXAMPLE_KEY


def test_signatures_are_those_of_ed25519() -> None:
    assert LOG.verifier.public_key == PUBLIC
    assert LOG.verifier.verify(b"", SIGNED_NOTHING)
    assert LOG.sign(b"") == SIGNED_NOTHING


def test_a_changed_letter_another_key_or_no_known_key_is_refused() -> None:
    key = parse_vkey(EXAMPLE_KEY)
    with pytest.raises(ProofError, match="wrong"):
        open_note(EXAMPLE_NOTE.replace("message", "massage"), [key])
    with pytest.raises(ProofError, match="None of"):
        open_note(EXAMPLE_NOTE, [LOG.verifier])
    with pytest.raises(ProofError, match="None of"):
        open_note(EXAMPLE_NOTE, [])


def test_signatures_of_others_are_left_out_and_a_wrong_one_of_a_known_key_is_not() -> None:
    note = HEAD.signed([WITNESS, LOG])
    assert open_checkpoint(note, [LOG.verifier]) == HEAD
    assert open_checkpoint(note, [OTHER.verifier, LOG.verifier]) == HEAD
    first, second = note.splitlines()[-2:]
    forged = note.replace(first, first[:-8] + "AAAAAAA=")
    assert open_checkpoint(forged, [LOG.verifier]) == HEAD
    with pytest.raises(ProofError, match="signature of witness"):
        open_checkpoint(forged, [LOG.verifier, WITNESS.verifier])
    assert second.startswith("— rpawatch/log ")


def test_a_witness_alone_does_not_make_a_checkpoint_of_the_log() -> None:
    with pytest.raises(ProofError, match="of another"):
        open_checkpoint(HEAD.signed([WITNESS]), [WITNESS.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        EXAMPLE_NOTE.removesuffix("\n"),
        EXAMPLE_NOTE.replace("\n\n", "\n"),
        EXAMPLE_NOTE.partition("\n\n")[2],
        EXAMPLE_NOTE.replace("— ", "- "),
        EXAMPLE_NOTE.replace("example.com/foo", "example+com"),
        EXAMPLE_NOTE.replace("example.com/foo ", ""),
        EXAMPLE_NOTE.replace("IneyaQM=", "IneyaQN="),
        EXAMPLE_NOTE.replace("IneyaQM=", "IneyaQM"),
        EXAMPLE_NOTE.replace("message", "mess\x00age"),
        EXAMPLE_NOTE.replace("message.\n", "message.\r\n"),
        EXAMPLE_NOTE + "\n",
        EXAMPLE_NOTE + "— example.com/foo Uw2Q\n",
        EXAMPLE_NOTE + "— witness.example/one AAAAAA==\n",
        EXAMPLE_NOTE + OTHERS_SIGNATURE * SIGNATURES_MAX,
        "x" * (NOTE_BYTES_MAX + 1 - len(EXAMPLE_NOTE)) + EXAMPLE_NOTE,
    ],
)
def test_what_is_no_note_can_not_be_checked(note: str) -> None:
    with pytest.raises(MalformedError):
        open_note(note, [parse_vkey(EXAMPLE_KEY)])


def test_a_note_may_have_as_many_signatures_and_be_as_long_as_the_limits_say() -> None:
    many = EXAMPLE_NOTE + OTHERS_SIGNATURE * (SIGNATURES_MAX - 1)
    assert open_note(many, [parse_vkey(EXAMPLE_KEY)])[1] == [parse_vkey(EXAMPLE_KEY)]
    text = "x" * (NOTE_BYTES_MAX - len(sign_note("\n", [LOG]))) + "\n"
    assert open_note(sign_note(text, [LOG]), [LOG.verifier]) == (text, [LOG.verifier])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("example", "exbmple"),
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY.replace("+Aek", "+Bek"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        Verifier("", PUBLIC).vkey,
        Verifier("two words", PUBLIC).vkey,
        Verifier("short", PUBLIC[:-1]).vkey,
    ],
)
def test_what_is_no_public_key_can_not_be_used(vkey: str) -> None:
    with pytest.raises(MalformedError):
        parse_vkey(vkey)


def test_a_file_of_public_keys_may_hold_several_and_remarks() -> None:
    found = parse_vkeys(f"# ours\n\n{EXAMPLE_KEY}\n \n  # and\n{LOG.verifier.vkey}\n")
    assert found == [parse_vkey(EXAMPLE_KEY), LOG.verifier]
    with pytest.raises(MalformedError, match="no public key"):
        parse_vkeys("# nothing\n")


def test_a_checkpoint_is_read_and_written_as_the_specification_has_it() -> None:
    head = parse_checkpoint(EXAMPLE_CHECKPOINT)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.text == EXAMPLE_CHECKPOINT
    assert parse_checkpoint(EXAMPLE_CHECKPOINT + "a further line\n") == head
    for head in (Checkpoint("log", 0, EMPTY_ROOT), Checkpoint("log", SIZE_MAX, bytes(32))):
        assert parse_checkpoint(head.text) == head


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("20852163", "020852163"),
        ("20852163", "-1"),
        ("20852163", "٣"),
        ("20852163", str(SIZE_MAX + 1)),
        ("20852163", "9" * 5_000),
        ("20852163", "0"),
        ("20852163\n", ""),
        ("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", base64.b64encode(b"short").decode()),
        ("q2I=", "q2J="),
        ("q2I=\n", "q2I="),
        ("example.com/behind-the-sofa\n", "\n"),
    ],
)
def test_what_is_no_checkpoint_can_not_be_checked(part: str, instead: str) -> None:
    with pytest.raises(MalformedError):
        parse_checkpoint(EXAMPLE_CHECKPOINT.replace(part, instead))


def test_a_note_can_be_signed_by_two_keys_of_one_name_as_a_rotation_does() -> None:
    note = sign_note("text\n", [LOG, OTHER])
    assert open_note(note, [LOG.verifier])[1] == [LOG.verifier]
    assert open_note(note, [OTHER.verifier])[1] == [OTHER.verifier]
    assert "d75a98" not in repr(LOG)
    assert SEED.hex() not in repr(LOG)
