"""Options and arguments that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.key_secret import MARK

LISTED_MAX = 10_000


def uuid_of(text: str | UUID) -> UUID:
    """Return the id that an argument spells; for typer's `parser`."""
    if MARK in str(text):
        raise typer.BadParameter("this is a key, which belongs in no command line: name it by its id")
    try:
        return UUID(str(text))
    except ValueError:
        raise typer.BadParameter("must be a UUID, as in 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11") from None


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DataDir = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Of the embedded PostgreSQL. [RPAWATCH_DATA_DIR]"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Of another PostgreSQL. One with a password is better set as RPAWATCH_DATABASE_URL, which no process"
        " list shows.",
    ),
]
AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="ACCOUNT", help="Its id or exact name; not needed where there is only one."),
]
ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why; it stays in the log for ever."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")]
Since = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Only then or later, as in 2026-03-10T21:43:51Z.")
]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only earlier than that.")]
RowsMax = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=LISTED_MAX, help="How many at most.")]
OutputFile = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Where to, readable by you alone; else standard output.")
]
KEY_ID: Any = typer.Argument(
    metavar="KEY_ID", parser=uuid_of, help="The key's id as lists show it, never the key itself."
)
KeyId = Annotated[UUID, KEY_ID]


def ids_option(metavar: str, help_line: str) -> Any:  # noqa: ANN401 - as typer says
    """Return an option that names several ids."""
    return typer.Option(metavar=metavar, parser=uuid_of, help=f"{help_line} May be given several times.")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what lets only these texts through, for typer's `parser`."""

    def parse(text: str) -> str:
        if text not in choices:
            raise typer.BadParameter(f"must be one of {', '.join(choices)}")
        return text

    return parse
