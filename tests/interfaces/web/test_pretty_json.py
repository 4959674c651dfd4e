from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.web.pretty_json import pretty

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
PLENTY = 1_000_000


@given(VALUES, st.booleans())
def test_it_is_what_python_itself_would_write(value: object, ensure_ascii: bool) -> None:
    compact = json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))
    assert pretty(compact, PLENTY) == (json.dumps(value, ensure_ascii=ensure_ascii, indent=2), False)


@pytest.mark.parametrize("text", ["1" * 50_000, "-0.0", "1E400", '"\\u00e9\\"\\\\"'])
def test_each_value_is_spelled_as_it_was(text: str) -> None:
    assert pretty(text, PLENTY) == (text, False)


def test_it_is_cut_at_so_many_characters_and_says_so() -> None:
    whole = '[\n  "abc"\n]'
    assert pretty('["abc"]', len(whole)) == (whole, False)
    assert pretty('["abc"]', len(whole) - 1) == (whole[:-1], True)
    assert pretty("[" * 100 + "]" * 100, 50)[0] == pretty("[" * 100 + "]" * 100, PLENTY)[0][:50]
