"""A command or an event that lacks what it needs is an error of `make check`, not one that somebody meets later."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from application.commands import HANDLERS
from application.keys import CreateKey

if TYPE_CHECKING:
    from application.caller import AccountCaller, Caller
    from domain.key_secret import KeySecret
    from domain.model import Cause
    from domain.process import Process

ROOT = Path(__file__).parents[1]
COMMANDS = {kind.__name__ for kind in HANDLERS}


def what_the_type_checker_refuses(
    in_account: AccountCaller, in_tenant: Caller, secret: KeySecret, process: Process, cause: Cause
) -> None:
    """Never run. Mypy complains of an ignore that it has no use for, so each of these lines has to be an error."""
    CreateKey(by=in_account, secret=secret)  # type: ignore[call-arg]
    CreateKey(by=in_account, name="Nightly run")  # type: ignore[call-arg]
    CreateKey(secret=secret, name="Nightly run")  # type: ignore[call-arg]
    CreateKey(by=in_tenant, secret=secret, name="Nightly run")  # type: ignore[arg-type]
    process._trigger(process.Renamed(**process._next(cause)))  # type: ignore[call-arg] # noqa: SLF001 - as in its class


def test_no_command_is_made_of_a_dictionary_which_no_type_checker_looks_into() -> None:
    made = [
        (path, call)
        for folder in ("application", "bench", "interfaces", "projections")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in COMMANDS
    ]
    assert {call.func.id for _, call in made if isinstance(call.func, ast.Name)} == COMMANDS
    assert [f"{path}:{call.lineno}" for path, call in made if any(word.arg is None for word in call.keywords)] == []
