"""The command `rpawatch`: its commands in one table, and the line and exit code of every failure.

What a command needs is imported when it is asked for: `rpawatch report` in a bot's script, `--help` and `--version` do
not wait for the store's code.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "serve": ("interfaces.cli.service", "Run the service."),
    "migrate": ("interfaces.cli.service", "Bring the database up to date."),
    "accounts": ("interfaces.cli.accounts", "Accounts: list, create, rename, settings, suspend, resume."),
    "processes": ("interfaces.cli.processes", "Processes of an account: list, register, rename, retire, restore."),
    "members": ("interfaces.cli.members", "Who may sign in, and as what: list, add, remove, reset-password."),
    "keys": ("interfaces.cli.keys.commands", "API keys: list, create, change, rotate, deactivate, find and more."),
    "projections": ("interfaces.cli.projections", "What lists are read from: status, rebuild, verify, clean."),
    "audit": (
        "interfaces.cli.audit.commands",
        "The audit log: list, export, replay, diff, uses, limits, verify, prove, check and more.",
    ),
    "jobs": ("interfaces.cli.jobs", "Jobs that robots reported: list, show."),
    "report": ("interfaces.cli.report.commands", "Report a finished job, as a bot does."),
    "demo": ("interfaces.cli.demo.commands", "Fill an installation with a made-up month."),
}
"""The commands and groups of commands, each with the module that adds it (`add_to`) and a line of help."""

_HELP = "RPA Watch: keys and jobs of RPA robots, with a log that proves what happened."
_EPILOG = """\b
Examples:
  rpawatch serve
  rpawatch keys create "Nightly run" --account Default
  RPAWATCH_API_KEY=... rpawatch report job.json

\b
Settings come from RPAWATCH_* variables or a .env file (docs/operating.md).
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 store or service can't be reached.
"""
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM
_CONTEXT: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> None:
    """Run the command that the process was started with, and exit with its code."""
    # So that what was begun is ended in order: an embedded server that nobody else uses is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    keep_outputs_usable()
    sys.exit(run(sys.argv[1:]))


def keep_outputs_usable() -> None:
    """Have standard output and error take whatever is written to them."""
    for name in ("stdout", "stderr"):
        # None when it was closed by whoever started us. A name that the encoding lacks must not end a command.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open until the end
        getattr(sys, name).reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Only what nobody expected is raised."""
    try:
        code = build_app(arguments)(list(arguments), prog_name="rpawatch", standalone_mode=False)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        failure = _failure(error)
        if failure is None:
            raise
        code, text = failure
        from interfaces.cli.output import notify  # noqa: PLC0415 - only when there is something to say

        notify(text)
    return code if isinstance(code, int) else 0


def build_app(arguments: Sequence[str] | None = None) -> typer.Typer:
    """Return the command line with the command that `arguments` ask for; with None, with all of them."""
    app = typer.Typer(
        help=_HELP,
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_CONTEXT,
    )
    app.callback()(_root)
    # The root's own options take no values, so the first word is the command.
    wanted = next((word for word in arguments or () if not word.startswith("-")), None)
    for name, (module, help_line) in COMMANDS.items():
        if arguments is None or name == wanted:
            import_module(module).add_to(app, name, help_line)
        else:
            app.command(name, help=help_line)(_not_asked_for)
    return app


def _not_asked_for() -> None:
    """Stand for a command in the list of all."""


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only asked for here

    try:
        number = version("rpawatch")
    except PackageNotFoundError:
        number = "(not installed: run from its sources)"
    typer.echo(f"rpawatch {number}")
    raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Stand for what the options of the root do by themselves."""


def _failure(error: Exception) -> tuple[int, str] | None:
    from typer.exceptions import TyperException  # noqa: PLC0415 - where there is a failure

    if isinstance(error, TyperException):
        return error.exit_code, _usage_failure(error)
    from interfaces.cli.output import CommandError  # noqa: PLC0415 - as above

    if isinstance(error, CommandError):
        return error.exit_code, str(error)
    from interfaces.cli.failures import expected_failure  # noqa: PLC0415 - it knows the errors of all layers

    return expected_failure(error)


def _usage_failure(error: Any) -> str:  # noqa: ANN401 - typer keeps the class of usage errors to itself
    message = error.format_message()
    context = getattr(error, "ctx", None)
    # Without a command, the message is the help.
    if context is None or message == context.get_help():
        return str(message)
    return f"{message}\nTry `{context.command_path} --help`."
