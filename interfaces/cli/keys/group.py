"""The group of commands `rpawatch keys`, which modules of their own add to."""

from __future__ import annotations

from typing import Final

import typer

KEYS: Final = typer.Typer(no_args_is_help=True)
