"""What the commands on the store have in common: options, an operator context, one result to print."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_type_hints
from uuid import UUID

import typer

from domain.key_secret import MARK
from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.output import CommandResult, show

P = ParamSpec("P")


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
_COMMON = {"as_json": (AsJson, False), "data_dir": (DataDir, None), "database_url": (DatabaseUrl, None)}

Work = Callable[Concatenate[OperatorContext, P], CommandResult]


def store_command(group: typer.Typer, name: str, *, examples: str) -> Callable[[Work[P]], Work[P]]:
    """Make a function of an operator context a command of `group`: its other parameters, typer's, are the command's.

    examples: lines of a shell, for the help.
    """

    def register(work: Work[P]) -> Work[P]:
        def command(*, as_json: bool, data_dir: Path | None, database_url: str | None, **own: Any) -> int:  # noqa: ANN401 - as the signature of `work` says
            with open_context(data_dir, database_url) as context:
                result = work(context, **own)  # type: ignore[call-arg] # as the signature of `work` says
                # Before the store is let go: a secret that is shown once must not be lost to trouble at the end.
                show(result, as_json=as_json)
            return result.exit_code

        _look_like(command, work)
        group.command(name, epilog=example_text(examples))(command)
        return work

    return register


def example_text(lines: str) -> str:
    """Return the end of a help text, with its lines kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in lines.strip().splitlines())


def _look_like(command: Callable[..., int], work: Callable[..., CommandResult]) -> None:
    hints = get_type_hints(work, include_extras=True)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in list(inspect.signature(work).parameters.values())[1:]
    ]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]
    command.__doc__ = work.__doc__
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *common]}
    command.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined] # what typer reads
