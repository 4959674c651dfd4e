"""`rpawatch projections`: how the read models are, made anew, compared with the log."""

from __future__ import annotations

import re
from dataclasses import asdict
from itertools import count
from typing import Annotated, Any

import typer

from domain.times import time_text
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.output import CommandResult, WrongUsageError, notify
from interfaces.cli.progress_line import ProgressBar
from interfaces.cli.store_command import store_command
from interfaces.http.server import tune_memory
from projections.dead_letters import DeadLetter, list_dead_letters
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from projections.rebuild import rebuild
from projections.status import TableStatus, drop_unused, status, unused
from projections.verify import verify

_projections = typer.Typer(no_args_is_help=True)
_STATUS_COLUMNS = {
    "name": "Read model",
    "position": "Position",
    "behind": "Behind",
    "complete": "Complete",
    "dead_letters": "Set aside",
    "rows_about": "Rows, about",
    "megabytes": "MB",
}
_DIFFERENCE_COLUMNS = {"read_model": "Read model", "key": "Key", "kind": "What is wrong"}
_LETTERS_MAX = 20
_VERSION = re.compile(r"_v\d+$", re.ASCII)
_DIFFERENT = 1

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[READ_MODEL]...", help="As `status` names them, with or without the version; without one, all."
    ),
]


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(_projections, name=name, help=help_line)


@store_command(
    _projections, "status", examples="rpawatch projections status\nrpawatch projections status --json | jq .unused"
)
def show_status(context: OperatorContext) -> CommandResult:
    """Show how far the read models are, and the events that they lack."""
    services = context.services
    health = services.projection_health()
    tables = status(services.database)
    letters = list_dead_letters(services.database, READ_MODELS, _LETTERS_MAX)
    old = unused(tables, READ_MODELS)
    notes = [health.error] if health.error else []
    notes += [
        f"{letter.name} lacks the event at position {letter.position} ({letter.topic}): {letter.reason}"
        for letter in letters
    ]
    if letters:
        notes.append("A release that can handle them shows them after `rpawatch projections rebuild`.")
    if old:
        notes.append(f"Nobody reads {', '.join(old)}; `rpawatch projections clean` drops such tables.")
    return CommandResult(
        {
            "log_position": health.log_position,
            "error": health.error,
            "items": [_table(table) for table in tables],
            "dead_letters": [_letter(letter) for letter in letters],
            "unused": old,
        },
        _STATUS_COLUMNS,
        note="\n".join(notes) or None,
    )


@store_command(
    _projections,
    "rebuild",
    examples="rpawatch projections rebuild\nrpawatch projections rebuild key_list process_list",
)
def rebuild_tables(context: OperatorContext, names: Names = None) -> CommandResult:
    """Make read models anew from the log, beside the running service, and switch to them."""
    models = _models(names)
    tune_memory()
    with ProgressBar("Rebuilding") as progress:
        rebuild(context.services.connect_projector, models, context.services.decode, progress.update)
    made = {model.name for model in models}
    items = [_table(table) for table in status(context.services.database) if table.name in made]
    return CommandResult({"items": items}, _STATUS_COLUMNS)


@store_command(
    _projections,
    "verify",
    examples="rpawatch projections verify\nrpawatch projections verify key_list --json",
)
def verify_rows(context: OperatorContext, names: Names = None) -> CommandResult:
    """Compare read models with the log, row by row. Exits with 1 when a row is not what the log makes of it."""
    models = _models(names)
    tune_memory()
    with ProgressBar("Reading the log") as progress:
        rows = count(1)
        compared = verify(
            context.services.connect_projector,
            models,
            context.services.decode,
            progress.update,
            lambda model: progress.show(lambda: f"Comparing {model.name}", next(rows)),
        )
    items = [
        {"read_model": found.name, "key": [str(part) for part in found.key], "kind": found.kind}
        for found in compared.differences
    ]
    notify(f"Compared {compared.rows:,} rows of {len(models)} read models: {len(items):,} differ.")
    if not items:
        return CommandResult({"rows": compared.rows, "items": []}, _DIFFERENCE_COLUMNS, groups=[])
    return CommandResult(
        {"rows": compared.rows, "items": items},
        _DIFFERENCE_COLUMNS,
        note="`rpawatch projections rebuild` puts them right. A row that was changed by hand is worth a question.",
        exit_code=_DIFFERENT,
    )


@store_command(_projections, "clean", examples="rpawatch projections clean")
def clean(context: OperatorContext) -> CommandResult:
    """Drop the tables that this release does not read, once no other release serves from them."""
    names = unused(status(context.services.database), READ_MODELS)
    drop_unused(context.services.connect_projector, names)
    return CommandResult({"items": [{"name": name} for name in names]}, {"name": "Dropped"})


def _models(names: list[str] | None) -> list[ReadModel]:
    known = {name: model for model in READ_MODELS for name in (model.name, _VERSION.sub("", model.name))}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        there_are = ", ".join(sorted(model.name for model in READ_MODELS))
        raise WrongUsageError(f"There is no read model {', '.join(unknown)}. There are: {there_are}.")
    asked_for = {known[name].name for name in names or ()}
    return [model for model in READ_MODELS if not names or model.name in asked_for]


def _table(table: TableStatus) -> dict[str, Any]:
    fields = asdict(table)
    fields["complete"] = fields.pop("is_complete")
    fields["rows_about"] = None if table.rows_about < 0 else table.rows_about
    return fields | {"megabytes": round(table.bytes / 1_000_000, 1)}


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return asdict(letter) | {"stream_id": str(letter.stream_id), "set_aside_at": time_text(letter.set_aside_at)}
