from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.http.percent_encoding import is_utf8, percent_decoded

PIECES = ["%", "%%", "%4", "%41", "%c3%BC", "%FC", "%00", "%zz", "%2", "%25", "25", "a", "ü", "/", "+", "&"]


@pytest.mark.parametrize("text", ["", *PIECES, "%%41", "%4%41", "%c3%", "%2541", "a%20b", "%41%42%4", "%\n41"])
def test_a_text_stands_for_what_the_standard_library_says(text: str) -> None:
    assert percent_decoded(text.encode()) == unquote_to_bytes(text)


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_so_does_any_text(text: str) -> None:
    sent = text.encode("utf-8", "replace")
    assert percent_decoded(sent) == unquote_to_bytes(sent)


@given(st.lists(st.sampled_from([*PIECES, "%EF%BF%BD", "%ED%A0%80", "%E2%80", "%C3", "%B1"])).map("".join))
def test_a_text_is_utf_8_when_what_it_stands_for_is(text: str) -> None:
    ascii_text = text.replace("ü", "")
    try:
        unquote_to_bytes(ascii_text).decode()
    except UnicodeDecodeError:
        assert not is_utf8(ascii_text)
    else:
        assert is_utf8(ascii_text)
