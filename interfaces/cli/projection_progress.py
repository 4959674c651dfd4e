"""How far a rebuild or a check is, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import ProgressColumn

    from projections.read_model import ReadModel


class ProjectionProgress(ProgressLine):
    """A bar for the log, and then the number of rows that were compared."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self._what = what
        self._rows = 0

    def _columns(self) -> Sequence[ProgressColumn]:
        from rich.progress import (  # noqa: PLC0415 - not needed by scripts, which have no terminal
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        return TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()

    def update(self, position: int, end: int) -> None:
        """Show how far the log was read."""
        self.show(lambda: self._what, position, end)

    def count_row(self, model: ReadModel) -> None:
        """Count a row that was compared."""
        self._rows += 1
        self.show(lambda: f"Comparing {model.name}", self._rows)
