"""A browser without a script: it keeps a session in a cookie, follows no redirect, and tells what stands on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from falcon.testing import DEFAULT_HOST

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

_WITHOUT_END = {"meta", "link", "input", "br", "hr"}
_NOT_READ = {"title", "script", "option"}
_WITHIN_A_LINE = {"a", "bdi", "code", "time"}
_LINES_OF_THEIR_OWN = {"under", "status", "chip"}
"""Classes of elements that stand by themselves although they are of a kind that stands within a line."""


@dataclass
class _Reader(HTMLParser):
    """Takes a page apart. Raises AssertionError for one whose elements don't nest, or that has an id twice."""

    words: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    by_id: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str]]] = []
        self._link: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._begin_or_end(tag, attributes)
        assert "style" not in attributes, "the Content-Security-Policy forbids it"
        if "id" in attributes:
            assert attributes["id"] not in self.by_id, attributes["id"]
            self.by_id[attributes["id"]] = []
        if tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "select":
            self.fields[attributes["name"]] = ""
        elif tag == "option" and "selected" in attributes:
            select = next(of for name, of in reversed(self._open) if name == "select")
            self.fields[select["name"]] = attributes["value"]
        elif tag == "a":
            self._link = []
        if tag not in _WITHOUT_END:
            self._open.append((tag, attributes))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs  # only SVG has such, and nothing to read in it

    def handle_endtag(self, tag: str) -> None:
        opened, attributes = self._open.pop()
        assert opened == tag, (opened, tag, self.getpos())
        self._begin_or_end(tag, attributes)
        if tag == "a":
            self.links[" ".join("".join(self._link).split())] = attributes["href"]

    def _begin_or_end(self, tag: str, attributes: dict[str, str]) -> None:
        if _LINES_OF_THEIR_OWN & set(attributes.get("class", "").split()) or tag not in {*_WITHIN_A_LINE, "span"}:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if any(tag in _NOT_READ for tag, _ in self._open):
            return
        self.words.append(data)
        self._link.append(data)
        for _, attributes in self._open:
            if "id" in attributes:
                self.by_id[attributes["id"]].append(data)


@dataclass(frozen=True)
class Seen:
    """An answer as somebody looks at it."""

    answer: Answer

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.answer.status

    @property
    def goal(self) -> str:
        """Where a form that was carried out leads to."""
        assert self.status == 303, (self.status, self.text)
        return self.answer.headers["location"]

    @property
    def html(self) -> str:
        """The page as it was sent."""
        assert self.answer.headers["content-type"] == "text/html; charset=utf-8"
        return self.answer.body.decode()

    @cached_property
    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        reader.close()
        return reader

    @property
    def text(self) -> str:
        """What can be read on it, with single blanks."""
        return " ".join("".join(self._read.words).split())

    @property
    def links(self) -> dict[str, str]:
        """Where links lead to, by what they say."""
        return self._read.links

    @property
    def fields(self) -> dict[str, str]:
        """What stands in the controls, and in what is hidden, by name."""
        return self._read.fields

    def error_beside(self, name: str) -> str:
        """What is said to be wrong with a field; it has to be tied to it for who can't see where it stands."""
        assert f'aria-describedby="{name}-hint {name}-error"' in self.html
        return "".join(self._read.by_id[f"{name}-error"]).strip()


@dataclass(frozen=True)
class Browser:
    """The browser of somebody who is signed in, or with None of nobody."""

    world: World
    name: str | None = "alice"

    def get(self, path: str, **headers: str) -> Seen:
        """Look at a page: a path in account A, or a whole one."""
        answer = self.world.ask("GET", self._path(path), headers=self._headers | headers)
        return Seen(answer)

    def post(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> Seen:
        """Send a form, with the session's token unless another is given."""
        token = "" if self.name is None else str(self.world.session(self.name)["csrf_token"])
        sent = {
            **self._headers,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://{DEFAULT_HOST}",
            **(headers or {}),
        }
        body = urlencode({"csrf": token} | fields).encode()
        return Seen(self.world.ask("POST", self._path(path), headers=sent, body=body))

    @property
    def _headers(self) -> dict[str, str]:
        accepted = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        if self.name is None:
            return accepted
        return accepted | self.world.cookie(self.world.session(self.name)["token"])

    def _path(self, path: str) -> str:
        return path if path.startswith("/accounts/") else f"/accounts/{self.world.cast.account_a}{path}"
