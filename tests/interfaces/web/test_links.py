"""A link has something to click on, whatever a robot was called."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

import pytest

from interfaces.web.rendering import make_environment

BLANK: Final = "(a blank name)"
_LINK = re.compile(r'<a class="(?:row-link|chip)"[^>]*><bdi>.*?</bdi></a>')


@pytest.mark.parametrize(("name", "shown"), [("robot-7", "robot-7"), ("\u200b", BLANK), (" ", BLANK)])
def test_a_name_that_nobody_sees_has_words_in_its_place(name: str, shown: str) -> None:
    """They are refused, but were not always."""
    assert make_environment().from_string("{{ name | seen }}").render(name=name) == shown


def test_every_link_of_a_row_and_every_tag_is_shown_so() -> None:
    templates = files("interfaces.web").joinpath("templates").iterdir()
    links = [link for template in templates for link in _LINK.findall(template.read_text(encoding="utf-8"))]
    assert len(links) >= 7
    assert [link for link in links if " | seen }}" not in link] == []
