"""Looking at the pages as a browser without a script does, in this process: cookies, forms, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

_VOID = frozenset({"input", "meta", "link", "br", "hr", "img"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of its text, with single spaces."""
        return " ".join("".join(self.texts()).split())

    def texts(self) -> list[str]:
        """Return the pieces of its text."""
        return [
            text
            for child in self.children
            for text in ([child] if isinstance(child, str) else ["\n", *child.texts(), "\n"])
        ]

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Every element of this tag below with these attributes; `class_` is one of its classes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and child.has(attributes):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def has(self, attributes: dict[str, str]) -> bool:
        """Return whether it has these attributes."""
        return all(
            value in self.attributes.get("class", "").split()
            if name == "class_"
            else self.attributes.get(name) == value
            for name, value in attributes.items()
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in {element.tag for element in self._open}:
            return
        while self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


@dataclass(frozen=True)
class Seen:
    """An answer, as a page."""

    answer: Answer
    path: str

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        assert self.status == 303, (self.status, self.text[:2000])
        return self.answer.headers["location"]

    @property
    def root(self) -> Element:
        reader = _Reader()
        reader.feed(self.answer.body.decode())
        return reader.root

    @property
    def text(self) -> str:
        """What stands on it."""
        return self.root.text

    @property
    def main(self) -> Element:
        (found,) = self.root.all("main")
        return found

    @property
    def heading(self) -> str:
        (found,) = self.main.all("h1")
        return found.text

    def error(self, name: str) -> str:
        """What is said beside a field."""
        (found,) = self.root.all("p", id=f"{name}-error")
        return found.text

    @property
    def alert(self) -> str:
        """What is said about a form as a whole."""
        return " ".join(found.text for found in self.root.all("div", role="alert"))

    @property
    def rows(self) -> list[str]:
        """The text of each row of the first table."""
        return [row.text for row in self.main.all("tbody")[0].all("tr")] if self.main.all("tbody") else []

    def form(self, action: str | None = None) -> dict[str, str]:
        """Return what stands in the form of the page, field by field, as a browser would send it."""
        (form,) = [
            found
            for found in self.main.all("form", method="post")
            if action is None or found.attributes["action"] == action
        ]
        fields: dict[str, str] = {}
        for control in form.all("input"):
            kind, name = control.attributes.get("type", "text"), control.attributes.get("name")
            if name and (kind not in {"checkbox", "radio"} or "checked" in control.attributes):
                fields[name] = control.attributes.get("value", "on" if kind == "checkbox" else "")
        for select in form.all("select"):
            options = select.all("option")
            chosen = next((option for option in options if "selected" in option.attributes), options[0])
            fields[select.attributes["name"]] = chosen.attributes["value"]
        for area in form.all("textarea"):
            fields[area.attributes["name"]] = area.text
        return fields


class Browser:
    """Somebody's browser. token: of the session that its cookie stands for; None before signing in."""

    def __init__(self, world: World, token: str | None = None) -> None:
        self._world = world
        self.token = token

    def get(self, path: str, **headers: str) -> Seen:
        """Look at a page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Seen:
        """Send a form."""
        return self._ask("POST", path, fields, headers)

    def submit(self, path: str, **typed: Any) -> Seen:
        """Open a form, type something into it, and send it."""
        page = self.get(path)
        assert page.status == 200, (page.status, page.text)
        return self.post(path.partition("?")[0], page.form() | typed)

    def _ask(self, method: str, path: str, fields: dict[str, Any] | None, headers: dict[str, str]) -> Seen:
        sent = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent |= self._world.cookie(self.token)
        body = None
        if fields is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields, doseq=True).encode()
        answer = self._world.ask(method, path, headers=sent, body=body)
        for cookie in answer.set_cookies:
            name, _, rest = cookie.partition("=")
            if name == self._world.cookie_name():
                self.token = rest.partition(";")[0].strip('"') or None
        return Seen(answer, path)


def browser_of(world: World, name: str) -> Browser:
    """Return the browser of somebody of the cast, signed in."""
    return Browser(world, world.session(name)["token"])
