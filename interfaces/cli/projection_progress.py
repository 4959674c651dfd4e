"""How far a rebuild or a check is, in a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from projections.read_model import ReadModel

_SECONDS_BETWEEN: Final = 0.1


class ProjectionProgress:
    """A bar on standard error, while there is a terminal to show it. Else nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown_at = 0.0
        self._rows = 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _begin(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - not needed by scripts, which have no terminal
        from rich.progress import (  # noqa: PLC0415 - as above
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
        )
        self._task = self._progress.add_task(self._what, total=None)
        self._progress.start()

    def update(self, position: int, end: int) -> None:
        """Show how far the log was read."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=position, total=end, refresh=self._is_due())

    def count_row(self, model: ReadModel) -> None:
        """Count a row that was compared."""
        self._rows += 1
        if self._progress is not None and self._task is not None and self._is_due():
            self._progress.update(
                self._task, completed=self._rows, total=None, description=f"Comparing {model.name}", refresh=True
            )

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._shown_at < _SECONDS_BETWEEN:
            return False
        self._shown_at = now
        return True
