"""The form of a key, and that it stays out of everything that is written down."""

from __future__ import annotations

import ast
import copy
import logging
import pickle
import re
import string
import zlib
from pathlib import Path

import pytest
import structlog

from domain import key_secret
from domain.ids import key_id
from domain.key_secret import LOOKS_LIKE_A_KEY, MARK, KeySecret, generate, parse
from tests.support.effort import effort, seeded_random

ROOT = Path(__file__).parents[2]
BASE62 = string.digits + string.ascii_letters
EXAMPLE = "rpakey_0123456789ABCDEFGHIJKLMNOPQRSTUV3CT90N"
"""Made up, with the right checksum."""


def test_a_key_has_the_published_form() -> None:
    assert re.fullmatch(r"rpakey_[0-9A-Za-z]{38}", generate().text)


def test_the_checksum_is_base62_crc32_over_what_stands_before_it() -> None:
    number = 0
    for digit in EXAMPLE[-6:]:
        number = number * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(digit)
    assert number == zlib.crc32(EXAMPLE[:-6].encode())
    assert parse(EXAMPLE) is not None


def test_the_public_prefix_is_the_first_eight_characters_after_the_mark() -> None:
    assert KeySecret(EXAMPLE).prefix == "01234567"


def test_what_is_kept_is_the_sha256_of_the_whole_string() -> None:
    kept = "c0c95612b67f687a311b606b144a368fbbdc638bd283764f15a42e0eb208aa9a"
    assert KeySecret("rpakey_abc").sha256_hex == kept


def test_keys_do_not_repeat() -> None:
    number = effort(10_000, 1_000_000)
    assert len({generate().text for _ in range(number)}) == number


def test_every_character_of_the_alphabet_is_drawn_everywhere_about_as_often() -> None:
    draws = [generate().text[len(MARK) : -6] for _ in range(2_000)]
    for place in range(32):
        counts = dict.fromkeys(BASE62, 0)
        for text in draws:
            counts[text[place]] += 1
        # 2,000 draws of 62 letters: some 32 each. Beyond 90 is more than ten standard deviations.
        assert 0 < max(counts.values()) < 90


def test_a_generated_key_is_recognised() -> None:
    for _ in range(100):
        secret = generate()
        found = parse(secret.text)
        assert found is not None
        assert found.text.encode() == secret.text.encode()


def test_the_checksum_refuses_every_change_of_one_character() -> None:
    text = generate().text
    replacements = string.ascii_letters + string.digits + "_- é\x00\n"
    for place, right in enumerate(text):
        for wrong in replacements:
            if wrong != right:
                assert parse(text[:place] + wrong + text[place + 1 :]) is None


def test_two_neighbours_swapped_are_refused() -> None:
    text = generate().text
    for place in range(len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert swapped == text or parse(swapped) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "rpakey_",
        EXAMPLE[:-1],
        EXAMPLE + "0",
        EXAMPLE + "\n",
        " " + EXAMPLE,
        EXAMPLE + " ",
        EXAMPLE.upper(),
        EXAMPLE.removeprefix("rpakey_"),
        EXAMPLE.replace("rpakey_", "rpakey-"),
        "rpakey_" + "٣" * 38,
        "rpakey_" + "\ud800" * 38,
        '"' + EXAMPLE + '"',
        "rpakey_" * 1_000_000,
    ],
)
def test_what_has_another_form_is_no_key(text: str | None) -> None:
    assert parse(text) is None


def test_random_text_of_the_right_form_is_no_key() -> None:
    chance = seeded_random()
    junk = ("rpakey_" + "".join(chance.choices(BASE62, k=38)) for _ in range(10_000))
    assert [text for text in junk if parse(text)] == []


def test_two_keys_lead_to_two_streams_and_one_key_always_to_the_same() -> None:
    one, other = generate(), generate()
    assert key_id(one.sha256_hex) == key_id(KeySecret(one.text).sha256_hex) != key_id(other.sha256_hex)


def ways_to_write_down(secret: KeySecret) -> list[str]:
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "%s %r", (secret, secret), None)
    structured = structlog.processors.JSONRenderer(default=repr)(None, "info", {"secret": secret, "in": [secret]})
    with pytest.raises(ValueError, match="KeySecret") as error:
        raise ValueError(secret)
    return [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!s:>80}",
        format(secret),
        "%s %r" % (secret, secret),  # noqa: UP031 - one of the ways
        repr([secret, {"key": secret}, (secret,)]),
        repr(error.value),
        str(error.value),
        record.getMessage(),
        str(structured),
        repr(copy.copy(secret)),
    ]


def test_no_way_of_writing_a_secret_down_shows_it() -> None:
    secret = generate()
    for written in ways_to_write_down(secret):
        assert secret.text not in written
        assert secret.text[len(MARK) + 8 :] not in written
        assert secret.prefix in written


def test_a_secret_does_not_go_into_a_pickle() -> None:
    secret = generate()
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_deliberate_leak_would_be_recognised() -> None:
    text = generate().text
    assert LOOKS_LIKE_A_KEY.search(f"GET /api/v1/ingest/key?key={text} HTTP/1.1")
    assert LOOKS_LIKE_A_KEY.search(text[: len(MARK) + 9])


def test_the_public_prefix_alone_is_not_taken_for_a_key() -> None:
    assert not LOOKS_LIKE_A_KEY.search(repr(generate()))
    assert not LOOKS_LIKE_A_KEY.search(generate().text[: len(MARK) + 8])


def test_secrets_are_not_compared_with_each_other() -> None:
    assert KeySecret.__eq__ is object.__eq__, "dataclass(eq=False): an == on secrets takes a time that tells"


def is_of_a_secret(part: ast.expr) -> bool:
    return isinstance(part, ast.Attribute) and part.attr in {"text", "sha256_hex"}


def is_with_none(node: ast.Compare) -> bool:
    """Return whether it asks whether there is anything, which takes the same time whatever the text is."""
    return all(isinstance(one, ast.Is | ast.IsNot) for one in node.ops) and all(
        isinstance(other, ast.Constant) and other.value is None for other in node.comparators
    )


def test_no_code_compares_the_text_of_a_secret() -> None:
    compared = []
    for package in ("domain", "application", "projections", "interfaces"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Compare) or is_with_none(node):
                    continue
                if any(map(is_of_a_secret, [node.left, *node.comparators])):
                    compared += [f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"]
    assert compared == []


def test_keys_come_from_the_operating_systems_random_source() -> None:
    source = Path(key_secret.__file__).read_text("utf-8")
    assert "secrets.choice" in source
    assert "import random" not in source
