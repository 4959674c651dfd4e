"""How far the reading of the log is, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import ProgressColumn

_WORDS = "Reading the log"


class LogProgress(ProgressLine):
    """A bar over the events of the log."""

    def __init__(self) -> None:
        super().__init__(_WORDS)

    def report(self, done: int, total: int) -> None:
        """Say how far it is."""
        self.show(lambda: _WORDS, done, total)

    def _columns(self) -> Sequence[ProgressColumn]:
        from rich.progress import (  # noqa: PLC0415 - not needed by scripts, which have no terminal
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        return TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
