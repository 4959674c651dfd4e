"""`rpawatch audit`: what was done, and the proof that the log of it was not altered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.cli.audit import check as audit_check
from interfaces.cli.audit import listing as audit_list
from interfaces.cli.audit import proof as audit_proof
from interfaces.cli.audit import replay as audit_replay
from interfaces.cli.audit.group import AUDIT

if TYPE_CHECKING:
    import typer

COMMANDS: Final = (audit_list, audit_replay, audit_proof, audit_check)
"""The modules of the group, each of which adds its commands when it is imported."""


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.add_typer(AUDIT, name=name, help=help_line)
