"""The page that verifies the log: asked for by whoever reads the audit log, and made beside the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.store.database import connect
from domain.proof.checkpoint import Checkpoint, origin_of
from domain.proof.document import read_document
from domain.proof.merkle import EMPTY_ROOT
from domain.proof.note import Signer, parse_vkey, sign_note
from interfaces.web.rendering import number_of
from projections.log_tree import checks
from tests.support.pages import Browser, browser_of
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interfaces.bootstrap import Services
    from tests.support.pages import Seen
    from tests.support.world import World


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True


READERS = ("alice", "carol", "tess", "aud")
"""Two account admins, of accounts A and B, and those who watch over the whole tenant."""
OWN = (
    "The log is that of your checkpoint",
    "your checkpoint, which this log has signed",
    "compared with your checkpoint",
)
EVIDENCE = "Checkpoints that the log contradicts"


@pytest.fixture(scope="module")
def old_signer(services: Services, database_url: str) -> Signer:
    """A key that the log was signed with before, and that somebody may have stolen."""
    signer = Signer(origin_of(services.tenant_id), bytes(range(32)))
    with connect(database_url) as owner:
        owner.execute(
            "INSERT INTO rpawatch.log_keys (vkey, published_at, retired_at) VALUES (%s, '2020-01-01', '2020-02-01')",
            (signer.verifier.vkey,),
        )
    return signer


@pytest.fixture(autouse=True)
def _nothing_is_known(services: Services, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has asked for anything yet, what is asked for is made soon, and nothing is under way at the end."""
    monkeypatch.setattr(checks, "LOOK_SECONDS", 0.02)
    with connect(database_url) as owner:
        owner.execute("DELETE FROM rpawatch.log_checks")
    yield
    wait_for_checks(services)


def verify_of(world: World, name: str = "alice") -> str:
    account = world.cast.account_b if name == "carol" else world.cast.account_a
    return f"/accounts/{account}/audit/verify"


def page_of(world: World, name: str) -> Seen:
    return browser_of(world, name).get(verify_of(world, name))


def wait_for_checks(services: Services) -> None:
    def are_over() -> bool:
        with services.database.get_connection() as connection:
            return (
                connection.execute("SELECT number FROM rpawatch.log_checks WHERE ended_at IS NULL").fetchone() is None
            )

    wait_until(are_over, "the comparisons")


def verified(world: World, name: str, **typed: str) -> Seen:
    """Have somebody ask for a comparison, and return their page once nothing is under way."""
    sent = browser_of(world, name).submit(verify_of(world, name), **typed)
    assert (sent.status, sent.location) == (303, verify_of(world, name)), sent.text
    wait_for_checks(world.services)
    return page_of(world, name)


def made_up(world: World) -> str:
    """A checkpoint of this log in all but its signature."""
    text = world.wait_for_head().split("\n\n", maxsplit=1)[0] + "\n"
    return sign_note(text, [Signer(text.split("\n", maxsplit=1)[0], bytes(32))])


def contradicting(world: World, signer: Signer) -> str:
    """A checkpoint that a key of the log has signed, of another log."""
    return Checkpoint(origin_of(world.services.tenant_id), 3, bytes(32)).signed([signer])


@pytest.mark.parametrize("name", READERS)
def test_a_log_that_nobody_touched_is_whole_and_everybody_is_told(world: World, name: str) -> None:
    world.wait_for_head()
    assert "The log is whole." in verified(world, name).main.text
    for reader in READERS:
        page = page_of(world, reader)
        assert "The log is whole." in page.main.text
        assert "every signed head" in page.main.text
        assert not any(words in page.main.text for words in OWN)


@pytest.mark.parametrize("name", READERS)
def test_what_comes_of_a_checkpoint_that_somebody_kept_is_told_to_them_alone(world: World, name: str) -> None:
    kept = world.wait_for_head()
    assert "The log is that of your checkpoint." in verified(world, name, checkpoint=kept).main.text
    for reader in READERS:
        text = page_of(world, reader).main.text
        assert ("your checkpoint" in text) == (reader == name), reader
        assert "The log is whole." not in text, "nobody has asked for that"
        assert EVIDENCE not in text


@pytest.mark.parametrize("name", READERS)
def test_a_checkpoint_that_the_log_has_not_signed_is_refused_and_changes_nobodys_page(
    world: World, old_signer: Signer, name: str
) -> None:
    world.wait_for_head()
    verified(world, "alice")
    before = {reader: page_of(world, reader).main.text for reader in READERS}
    forged = {
        "not signed by this log": made_up(world),
        "the text was changed": world.wait_for_head().replace("\n\n", "\nadded\n\n", 1),
        "can't be read as a checkpoint": world.wait_for_head().replace("\n", " "),
        "of no event": Checkpoint(origin_of(world.services.tenant_id), 0, EMPTY_ROOT).signed([old_signer]),
        "None of the given": Checkpoint(origin_of(name), 3, bytes(32)).signed(
            [Signer(origin_of(name), bytes(range(32)))]
        ),
    }
    for said, checkpoint in forged.items():
        page = browser_of(world, name).submit(verify_of(world, name), checkpoint=checkpoint)
        assert (page.status, said if said in page.error("checkpoint") else page.error("checkpoint")) == (422, said)
    with world.services.database.get_connection() as connection:
        assert not connection.execute("SELECT number FROM rpawatch.log_checks WHERE kept IS NOT NULL").fetchall()
    assert {reader: page_of(world, reader).main.text for reader in READERS} == before


@pytest.mark.parametrize("name", READERS)
def test_a_checkpoint_that_the_log_has_signed_and_contradicts_is_evidence_for_who_gave_it_and_who_watches_the_tenant(
    world: World, old_signer: Signer, name: str
) -> None:
    world.wait_for_head()
    kept = contradicting(world, old_signer)
    own = verified(world, name, checkpoint=kept).main.text
    assert "The log is not that of your checkpoint, which this log has signed." in own
    assert "This is not the log of the checkpoint of 3 events." in own
    for reader in READERS:
        text = page_of(world, reader).main.text
        assert "The log is whole." in text, "the log itself was compared for everybody after it"
        assert ("your checkpoint, which this log has signed" in text) == (reader == name), reader
        assert (EVIDENCE in text) == (reader in {"tess", "aud"}), reader
        if reader in {"tess", "aud"}:
            assert kept.split("\n")[-2] in text, "the checkpoint itself, to be checked elsewhere"
            assert f"Given by {name.title()}" in text


def test_evidence_is_shown_once_and_stays_whatever_its_giver_asks_for_later(world: World, old_signer: Signer) -> None:
    good = world.wait_for_head()
    kept = contradicting(world, old_signer)
    for name, checkpoint in (
        ("alice", kept),
        ("alice", f"{kept}\u2014 other AAAAAAAA\n"),
        ("carol", kept),
        ("alice", good),
    ):
        verified(world, name, checkpoint=checkpoint)
    page = page_of(world, "aud")
    assert page.main.text.count("Given by") == 1
    assert "Given by Alice" in page.main.text


def test_a_log_that_is_not_what_was_signed_says_so_to_everybody_until_the_same_comparison_succeeds(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_for_what_can_not_be_made() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(checks, "ATTEMPTS_MAX", 0)
            assert "could not be checked" in verified(world, "carol").main.text

    good = world.wait_for_head()
    spoilt = good.replace("\n\n", "\nan added line\n\n", 1)
    with connect(database_url) as owner:
        owner.execute("INSERT INTO rpawatch.checkpoints (size, note) VALUES (2, %s)", (spoilt,))
        verified(world, "alice")
        asked_later: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "a checkpoint that is good": lambda: verified(world, "carol", checkpoint=good),
            "what can't be made": ask_for_what_can_not_be_made,
            "the same again": lambda: verified(world, "carol"),
        }
        for what, ask in asked_later.items():
            ask()
            for reader in READERS:
                text = page_of(world, reader).main.text
                assert "The log is not what was signed." in text, (what, reader)
                assert "A head of 2 events in the database is not what was signed" in text
                assert "The log is whole." not in text
        owner.execute("DELETE FROM rpawatch.checkpoints WHERE note = %s", (spoilt,))
    verified(world, "carol")
    for reader in READERS:
        assert "The log is whole." in page_of(world, reader).main.text


@pytest.mark.parametrize("typed", ["nonsense", "log\n1\né\n\n\u2014 log MTIzNDU=", "log\né\né\n\n\u2014 log MTIzNDU="])
def test_what_is_no_checkpoint_is_said_beside_the_field(world: World, typed: str) -> None:
    browser = browser_of(world, "alice")
    page = browser.submit(verify_of(world), checkpoint=typed)
    assert page.status == 422
    assert "can't be read as a checkpoint" in page.error("checkpoint")
    assert typed.split("\n", maxsplit=1)[0] in page.text


def test_the_head_and_the_public_key_are_there_to_be_kept(world: World) -> None:
    note = world.wait_for_head()
    page = browser_of(world, "alice").get(verify_of(world))
    assert note.split("\n")[2] in page.main.text
    [vkey] = [key.vkey for key in world.services.log_proofs.public_keys() if key.retired_at is None]
    assert vkey in page.main.text
    assert parse_vkey(vkey).name == note.split("\n")[0]


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("con", 403), ("carol", 404), ("stranger", 404)])
def test_who_does_not_read_the_audit_log_can_neither_see_nor_ask(world: World, name: str, status: int) -> None:
    browser = browser_of(world, name)
    assert browser.get(verify_of(world)).status == status
    assert browser.post(verify_of(world), {}).status == status


def test_everybody_sees_how_far_the_log_is_and_each_their_own_place(
    world: World, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = world.wait_for_head()
    names = ("alice", "carol", "aud")
    monkeypatch.setattr(checks.LogChecker, "_turn", lambda *_: None)
    for name in ("alice", "carol"):
        browser_of(world, name).submit(verify_of(world, name))
    for place, name in enumerate(names, start=1):
        browser_of(world, name).submit(verify_of(world, name), checkpoint=kept)
        text = page_of(world, name).main.text
        assert "The log with its signed heads: next" in text, "of the log itself there is one, whoever asks"
        assert f"The log with your checkpoint: waits, {number_of(place, 'comparison')} before it" in text
    assert "The log with its signed heads: next" in page_of(world, "tess").main.text
    assert "your checkpoint:" not in page_of(world, "tess").main.text
    with services.database.get_connection() as connection:
        assert len(connection.execute("SELECT number FROM rpawatch.log_checks").fetchall()) == 1 + len(names)
    again = browser_of(world, "alice").submit(verify_of(world), checkpoint=kept)
    assert (again.status, "has not ended yet" in again.alert) == (422, True)
    monkeypatch.undo()
    wait_for_checks(services)
    for name in names:
        text = page_of(world, name).main.text
        assert "The log is whole." in text
        assert "The log is that of your checkpoint." in text


def test_every_entry_of_the_audit_log_has_its_proof_once_a_head_has_it(world: World) -> None:
    browser = browser_of(world, "alice")
    path = f"/accounts/{world.cast.account_a}/audit"
    world.wait_for_lists()
    world.wait_for_head()
    # The clock of the service stands months behind the database's, which signs.
    links = [link.attributes["href"] for link in browser.get(path).main.all("a") if "/proof" in link.attributes["href"]]
    assert links
    proof = read_document(browser.get(links[0]).answer.body)
    proof.check([key.verifier for key in world.services.log_proofs.public_keys()])
    assert json.loads(proof.state)["actor"]


def test_a_suspended_session_or_none_is_asked_to_sign_in(world: World) -> None:
    nobody = Browser(world)
    assert nobody.get(verify_of(world)).status == 303
    assert nobody.get(f"/accounts/{uuid4()}/audit/verify").status == 303
