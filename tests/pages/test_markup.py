"""What a checker of HTML, CSS and SVG says of every page in every state, and of the files that they load: nothing."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from interfaces.web import page, rendering
from tests.pages.markup import every_page
from tests.support import nu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pages.office import Office

_BASES = {"frame.html", "page.html", "sheet.html", "form.html", "alone.html", "parts.html", "member_parts.html"}
"""What other templates are made of: no page by itself."""


@pytest.fixture(scope="module")
def rendered() -> Iterator[set[str]]:
    """The names of the templates that were used."""
    used: set[str] = set()

    def noted(template: str, **values: object) -> str:
        used.add(template)
        return rendering.render(template, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "render", noted)
        yield used


@pytest.fixture(scope="module")
def pages(office: Office, rendered: set[str]) -> dict[str, str]:
    """Every page as HTML, by name."""
    del rendered  # which has to listen meanwhile
    return every_page(office)


def test_the_checker_finds_nothing(pages: dict[str, str]) -> None:
    loaded = [file for file in files("interfaces.web").joinpath("static").iterdir() if file.name[-3:] != ".js"]
    sent = {f"{name}.html": text for name, text in pages.items()}
    assert nu.findings(sent | {file.name: file.read_text(encoding="utf-8") for file in loaded}) == []


def test_no_page_shows_a_token_of_a_session_as_it_is(pages: dict[str, str], office: Office) -> None:
    """It would be guessed from the lengths of compressed pages."""
    for who in ("alice", "tess", "aud", "bob"):
        session = office.world.people.session(who)
        for name, text in pages.items():
            assert session["token"] not in text, name
            assert session["csrf_token"] not in text, name


def test_every_template_is_among_the_pages(pages: dict[str, str], rendered: set[str]) -> None:
    del pages
    there = {file.name for file in files("interfaces.web").joinpath("templates").iterdir()}
    assert there - rendered == _BASES


def test_the_checker_finds_what_is_wrong() -> None:
    wrong = '<!doctype html><html lang="en"><title>x</title><time datetime="2026-01-01T00:00:00.123456Z">x</time>'
    time, colour = sorted(nu.findings({"a.html": wrong, "b.css": "p { color: 7px }"}))
    assert "three digits" in time
    assert "color" in colour


def test_without_java_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nu, "JAVA", "java-that-is-not-there")
    with pytest.raises(nu.NuError, match="apt-get install default-jdk-headless"):
        nu.findings({"a.html": ""})
