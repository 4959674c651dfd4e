"""`rpawatch keys find`: where keys lie about, and which of them are live here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from domain.key_secret import MARK
from interfaces.cli.keys.group import KEYS
from interfaces.cli.keys.lookup import UNKNOWN_HERE, KnownKey, look_up_in, look_up_nowhere
from interfaces.cli.keys.scanner import Find
from interfaces.cli.keys.search import KeySearch
from interfaces.cli.operator_context import open_context, settings_of
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir
from interfaces.cli.output import CommandResult, WrongUsageError, notify, printable, show, show_line, without_keys
from interfaces.cli.progress_line import ProgressLine, bytes_in_words
from interfaces.cli.store_command import command

ITEMS_MAX: Final = 10_000
"""Keys, and paths that can't be read, in one JSON document. Others are counted."""
_FOUND: Final = 1
_UNREADABLE: Final = 2


@command(
    KEYS,
    "find",
    examples="""
        rpawatch keys find .
        rpawatch keys find --offline --json build/ ci.log
        git log --all --patch | rpawatch keys find -
    """,
)
def find_keys(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, and folders with all in them; - for standard input."),
    ],
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Only find: don't ask a store which are live.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Find API keys, and say which are live here. They are looked up in the store and sent nowhere.

    Exit codes: 0 none found, 1 found, 2 none found but something could not be read, 3 store can't be reached.
    """
    if offline:
        code = _find(paths, look_up_nowhere, as_json=as_json)
    else:
        _check_installation(data_dir, database_url)
        with open_context(data_dir, database_url) as context:
            code = _find(paths, look_up_in(context), as_json=as_json)
    raise typer.Exit(code)


def _check_installation(data_dir: Path | None, database_url: str | None) -> None:
    # Other commands make one where there is none. Here that would only say that every key is unknown.
    settings = settings_of(data_dir, database_url)
    if settings.database_url is None and not settings.data_dir.exists():
        raise WrongUsageError(
            f"There is no installation in {settings.data_dir} that could know a key. Name one with --data-dir or"
            " RPAWATCH_DATABASE_URL, or search with --offline."
        )


def _find(paths: list[str], look_up: Callable[[Find], KnownKey], *, as_json: bool) -> int:
    with ProgressLine("Searching") as progress:
        report = _Document(progress.hidden) if as_json else _Lines(progress.hidden)

        def show_progress() -> None:
            progress.show(lambda: f"Searched {search.files:,} files, {bytes_in_words(search.bytes)}", search.bytes)

        search = KeySearch(paths, report.unreadable, show_progress)
        for path, find in search.finds():
            report.found(_item(path, find, look_up(find)))
    report.end(search.files, search.bytes)
    if report.finds:
        return _FOUND
    return _UNREADABLE if report.troubles else 0


def _item(path: str, find: Find, known: KnownKey) -> dict[str, Any]:
    return {
        "path": path_text(path),
        "line": find.line,
        "column": find.column,
        "prefix": find.secret.prefix,
        "status": known.status,
        "key_id": str(known.key_id),
        "name": known.name,
        "account_id": None if known.account_id is None else str(known.account_id),
    }


def path_text(path: str) -> str:
    """Return a path as text that every encoding of JSON takes, with bytes that are no UTF-8 as Python spells them."""
    return without_keys(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


class _Report:
    """Counts what was found, and names what can't be read. hidden: makes room for a line in a terminal."""

    def __init__(self, hidden: Callable[[], AbstractContextManager[object]]) -> None:
        self.finds = 0
        self.troubles = 0
        self._hidden = hidden

    def found(self, item: dict[str, Any]) -> None:
        """Take in a key that was found."""
        del item
        self.finds += 1

    def unreadable(self, path: str, reason: str) -> None:
        """Take in a path that can't be read."""
        self.troubles += 1
        with self._hidden():
            notify(f"Can't read {printable(path_text(path))} ({reason}).")

    def end(self, files: int, read: int) -> None:
        """Say the rest, after so many files and bytes."""


class _Lines(_Report):
    """A report for people: a line for each key at once, as a search can take long."""

    def found(self, item: dict[str, Any]) -> None:
        super().found(item)
        line = f"{item['path']}:{item['line']}:{item['column']}: {MARK}{item['prefix']}…"
        if item["status"] is not None:
            line += f" {item['status']}"
        if item["name"] is not None:
            line += f' "{item["name"]}"'
        if item["status"] != UNKNOWN_HERE:
            line += f" {item['key_id']}"
        with self._hidden():
            show_line(line)

    def end(self, files: int, read: int) -> None:
        places = "1 place" if self.finds == 1 else f"{self.finds:,} places"
        what = f"Keys in {places}" if self.finds else "No key"
        notify(f"{what} ({files:,} {'file' if files == 1 else 'files'}, {read:,} bytes).")


class _Document(_Report):
    """A report for scripts: one document at the end."""

    def __init__(self, hidden: Callable[[], AbstractContextManager[object]]) -> None:
        super().__init__(hidden)
        self._items: list[dict[str, Any]] = []
        self._unreadable: list[dict[str, str]] = []

    def found(self, item: dict[str, Any]) -> None:
        super().found(item)
        if len(self._items) < ITEMS_MAX:
            self._items.append(item)

    def unreadable(self, path: str, reason: str) -> None:
        super().unreadable(path, reason)
        if len(self._unreadable) < ITEMS_MAX:
            self._unreadable.append({"path": path_text(path), "reason": reason})

    def end(self, files: int, read: int) -> None:
        document = {
            "items": self._items,
            "more": self.finds - len(self._items),
            "files": files,
            "bytes": read,
            "unreadable": self._unreadable,
            "unreadable_more": self.troubles - len(self._unreadable),
        }
        show(CommandResult(document, {}), as_json=True)
