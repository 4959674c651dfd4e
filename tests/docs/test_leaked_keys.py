"""docs/leaked-keys.md: the rules for other scanners are those by which keys are made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from domain import key_secret
from interfaces.cli.keys import find as find_keys
from interfaces.cli.keys import leaked as leaked_keys
from tests.support.keys_to_find import near_misses

TEXT = (Path(__file__).parents[2] / "docs" / "leaked-keys.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def key() -> str:
    return key_secret.generate().text


@pytest.fixture
def without_form(key: str) -> list[str]:
    """Junk that a scanner without the checksum can tell from the key as well."""
    return [miss for miss in near_misses(key) if not re.search(r"rpakey_[0-9A-Za-z]{38}(?![0-9A-Za-z])", miss)]


def test_the_pattern_is_that_of_a_key(key: str, without_form: list[str]) -> None:
    pattern = next(line for line in TEXT.splitlines() if line.startswith("rpakey_["))
    assert re.fullmatch(pattern, key)
    assert not any(re.fullmatch(pattern, miss) for miss in without_form)
    assert f"secret format `{pattern}`" in TEXT


def test_the_rule_for_gitleaks_finds_a_key(key: str, without_form: list[str]) -> None:
    [rule] = tomllib.loads(block("toml"))["rules"]
    for text in (key, f'key="{key}"', f"x={key}\n"):
        found = re.search(rule["regex"], text)
        assert found is not None
        assert found[rule["secretGroup"]] == key
        assert all(keyword in text for keyword in rule["keywords"])
    assert len(without_form) > 3
    assert not any(re.search(rule["regex"], miss) for miss in without_form)


def test_the_plugin_for_detect_secrets_finds_a_key(key: str, without_form: list[str]) -> None:
    found = re.search(r're\.compile\(r"(.+)"\)', block("python"))
    assert found is not None
    assert re.search(found[1], f"key: {key}")
    assert not any(re.search(found[1], miss) for miss in without_form)


def test_the_example_is_a_key_but_for_being_known() -> None:
    examples = set(re.findall(r"rpakey_[0-9A-Za-z]{38}", TEXT))
    keys = [example for example in examples if key_secret.parse(example)]
    assert keys == ["rpakey_0123456789ABCDEFGHIJKLMNOPQRSTUV3CT90N"]


def test_the_limits_of_documents_are_in_it() -> None:
    assert find_keys.ITEMS_MAX == leaked_keys.ITEMS_MAX
    assert f"at most {find_keys.ITEMS_MAX:,}" in TEXT
