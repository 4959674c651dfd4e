"""The output of commands: tables for people, JSON for scripts, one line for what went wrong."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from domain.key_secret import LOOKS_LIKE_A_KEY, MARK

if TYPE_CHECKING:
    from rich.console import Console

_WIDE_ENOUGH = 100_000
"""Columns of an output that is no terminal: what reads it cuts lines itself, and nothing may be lost before."""
_DIRECTION_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn text around, so that a terminal shows something else than what is there."""
_NOTHING = "-"
_LAST_OF_TWO_BYTES = 0xFFFF
_LAST_OF_ONE_BYTE = 0xFF


class CommandError(Exception):
    """A command that can't be carried out. The message is one line: what happened, what to do."""

    exit_code = 1


class WrongUsageError(CommandError):
    """The arguments can't be right, whatever is in the store."""

    exit_code = 2


class UnreachableError(CommandError):
    """The service could not be reached, or could not reach its store. Trying again later may help."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON in a document, to be written as it stands: numbers that are read would lose digits."""

    text: str

    @property
    def value(self) -> Any:  # noqa: ANN401 - JSON
        """The value for people: its numbers are texts, as they were written."""
        return json.loads(self.text, parse_float=str, parse_int=str)


@dataclass(frozen=True, slots=True)
class Group:
    """A table under a heading. items: at least one."""

    heading: str
    items: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command prints, and its exit code.

    document: the JSON for scripts; of a list `items` people see a table, else a block of names and values.
    columns: the fields that people see, in order, with their headings.
    note: a sentence on standard error.
    blanks: what people see in a column without a value, other than a dash.
    groups: tables of these columns, which people see in place of the document.
    rows: what people see in place of the items.
    last_line: what people see after the groups.
    below: a part of the document that people see under the block.
    exit_code: not 0 where scripts go by the result, as by grep's.
    """

    document: Mapping[str, Any]
    columns: Mapping[str, str]
    note: str | None = None
    blanks: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[Group] | None = None
    rows: Sequence[Mapping[str, Any]] | None = None
    last_line: str | None = None
    below: CommandResult | None = None
    exit_code: int = 0


def show(result: CommandResult, *, as_json: bool) -> None:
    """Print a result on standard output: as one JSON document, or for people. Raises CommandError."""
    with _printing():
        _write(result, as_json=as_json)
    if result.note:
        notify(result.note)


def show_line(text: str) -> None:
    """Print a line of a result on standard output at once. Keys in it are cut down. Raises CommandError."""
    with _printing():
        sys.stdout.write(printable(without_keys(text)) + "\n")


def write_bytes(data: bytes) -> None:
    """Write a piece of a file on standard output, as it is whatever the encoding there. Raises CommandError."""
    with _printing():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextmanager
def _printing() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        _forget_output()
        raise CommandError(
            f"The answer can't be written ({error.strerror or error}). What was asked for was done all the same."
        ) from None


def _write(result: CommandResult, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(_json_of(result.document) + "\n")
    elif result.groups is not None:
        _print_groups(result.groups, result)
    elif "items" in result.document:
        _print_items(result.document["items"] if result.rows is None else result.rows, result)
    else:
        _print_block(_console(), result.document, result)
        if result.below is not None:
            sys.stdout.write("\n")
            _write(result.below, as_json=False)


def _json_of(document: Mapping[str, Any]) -> str:
    """Return it as JSON, in ASCII only: right in whatever encoding the output has, and nothing can steer a terminal."""
    texts: list[str] = []

    def stand_in(value: JsonText) -> str:
        texts.append(value.text)
        return f"\0{len(texts) - 1}"

    whole = json.dumps(document, indent=2, default=stand_in)
    return _STAND_IN.sub(lambda found: _NOT_ASCII.sub(_escaped, texts[int(found[1])]), whole)


_STAND_IN = re.compile(r'"\\u0000([0-9]+)"')
"""NUL is in nothing that is kept."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def _forget_output() -> None:
    # Or the interpreter tries to write what is left when it ends, and complains.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def notify(message: str) -> None:
    """Write a line for people on standard error. Keys in it are cut down to their public prefix."""
    sys.stderr.write("\n".join(printable(line) for line in without_keys(message).split("\n")) + "\n")
    sys.stderr.flush()


def without_keys(text: str) -> str:
    """Return the text with the keys in it cut down to their public prefix."""
    return LOOKS_LIKE_A_KEY.sub(lambda found: found[0][: len(MARK) + 8] + "…", text)


def printable(text: str) -> str:
    """Return the text with what a terminal would act on, or could not show, spelled out, as Python spells it."""
    return "".join(_spelled_out(char) if _is_control(char) else char for char in text)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in _DIRECTION_CONTROLS


def _spelled_out(char: str) -> str:
    code = ord(char)
    if code <= _LAST_OF_ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_OF_TWO_BYTES else f"\\U{code:08x}"


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - scripts, which ask for JSON, need not wait for rich

    width = None if sys.stdout.isatty() else _WIDE_ENOUGH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def _print_groups(groups: Sequence[Group], result: CommandResult) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    console = _console()
    for group in groups:
        console.print(Text(printable(group.heading), "bold"), soft_wrap=True)
        _print_items(group.items, result)
        console.print()
    if result.last_line is not None:
        console.print(Text(printable(result.last_line)), soft_wrap=True)


def _print_items(items: Sequence[Mapping[str, Any]], result: CommandResult) -> None:
    from rich import box  # noqa: PLC0415 - as above
    from rich.measure import Measurement  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    if not items:
        notify("There are none.")
        return
    console = _console()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in result.columns.values():
        table.add_column(heading, no_wrap=True)
    for item in items:
        table.add_row(*(Text(_cell(name, item.get(name), result.blanks)) for name in result.columns))
    if Measurement.get(console, console.options.update(width=_WIDE_ENOUGH), table).maximum <= console.width:
        console.print(table)
        return
    # In a narrow terminal a table would cut ids to pieces; a block of lines can still be read and copied.
    for number, item in enumerate(items):
        if number:
            console.print()
        _print_block(console, item, result)


def _print_block(console: Console, item: Mapping[str, Any], result: CommandResult) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    shown = {name: heading for name, heading in result.columns.items() if name in item}
    width = max((len(heading) for heading in shown.values()), default=0)
    for name, heading in shown.items():
        line = Text.assemble((heading.ljust(width), "bold"), "  ", _cell(name, item[name], result.blanks))
        # Left to the terminal to wrap: a long value stays in one piece for whoever copies it.
        console.print(line, soft_wrap=True)


def _cell(name: str, value: object, blanks: Mapping[str, str]) -> str:
    if value is None or value in ([], ""):
        return blanks.get(name, _NOTHING)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, JsonText):
        return _cell(name, value.value, blanks)
    if isinstance(value, Mapping):
        return ", ".join(f"{printable(str(key))} {_cell('', inner, {})}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(printable(str(item)) for item in value)
    text = printable(str(value))
    return f"{text[:19].replace('T', ' ')}Z" if name.endswith("_at") else text
