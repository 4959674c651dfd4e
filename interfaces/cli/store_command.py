"""What the commands on the store have in common: options, an operator context, one result to print."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import typer

from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir
from interfaces.cli.output import CommandResult, show

C = TypeVar("C", bound=Callable[..., Any])
P = ParamSpec("P")


_COMMON = {"as_json": (AsJson, False), "data_dir": (DataDir, None), "database_url": (DatabaseUrl, None)}

Work = Callable[Concatenate[OperatorContext, P], CommandResult]


def store_command(group: typer.Typer, name: str, *, examples: str) -> Callable[[Work[P]], Work[P]]:
    """Make a function of an operator context a command of `group`: its other parameters, typer's, are the command's.

    examples: lines of a shell, for the help.
    """

    def register(work: Work[P]) -> Work[P]:
        def run(*, as_json: bool, data_dir: Path | None, database_url: str | None, **own: Any) -> int:  # noqa: ANN401 - as the signature of `work` says
            with open_context(data_dir, database_url) as context:
                result = work(context, **own)  # type: ignore[call-arg] # as the signature of `work` says
                # Before the store is let go: a secret that is shown once must not be lost to trouble at the end.
                show(result, as_json=as_json)
            return result.exit_code

        _take_parameters(run, work)
        command(group, name, examples=examples)(run)
        return work

    return register


def command(group: typer.Typer, name: str, *, examples: str) -> Callable[[C], C]:
    """Make a function a command of `group`, with the parameters that it has."""
    return group.command(name, epilog=example_text(examples))


def example_text(lines: str) -> str:
    """Return the end of a help text, with its lines kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in lines.strip().splitlines())


def _take_parameters(run: Callable[..., int], work: Callable[..., CommandResult]) -> None:
    hints = get_type_hints(work, include_extras=True)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in list(inspect.signature(work).parameters.values())[1:]
    ]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]
    run.__doc__ = work.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *common]}
    run.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined] # what typer reads
