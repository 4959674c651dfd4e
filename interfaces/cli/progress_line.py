"""The progress of a long command, in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_SECONDS_BETWEEN: Final = 0.1


def bytes_in_words(size: int) -> str:
    """Return a number of bytes as people read it."""
    from rich.filesize import decimal  # noqa: PLC0415 - not needed by scripts, which have no terminal

    return decimal(size)


class ProgressLine:
    """A line on standard error that says what was done, and how fast, while there is a terminal to show it.

    first_words: what it says at the start. Without a terminal it does nothing.
    """

    def __init__(self, first_words: str) -> None:
        self._first_words = first_words
        self._shown_at = 0.0
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
        from rich.progress import Progress  # noqa: PLC0415 - as above

        self._progress = Progress(
            *self._columns(),
            console=Console(stderr=True),
            transient=True,
            # Refreshed by `show`: a thread for it would take turns with the work.
            auto_refresh=False,
            # What the command prints goes to standard output, which may be a file, and not into this line.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(self._first_words, total=None)
        self._progress.start()

    def _columns(self) -> Sequence[ProgressColumn]:
        """Return what the line is made of."""
        from rich.progress import SpinnerColumn, TextColumn, TransferSpeedColumn  # noqa: PLC0415 - as above

        return SpinnerColumn(), TextColumn("{task.description}"), TransferSpeedColumn()

    def show(self, words: Callable[[], str], done: int, total: int | None = None) -> None:
        """Say how far it is, unless that was said just now. words: asked for only then."""
        if self._progress is None or self._task is None:
            return
        now = time.monotonic()
        if now - self._shown_at < _SECONDS_BETWEEN:
            return
        self._shown_at = now
        self._progress.update(self._task, completed=done, total=total, description=words(), refresh=True)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line away while something else is written."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


class ProgressBar(ProgressLine):
    """The same with a bar, and the time that is left."""

    def _columns(self) -> Sequence[ProgressColumn]:
        from rich.progress import (  # noqa: PLC0415 - as above
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        return TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()

    def update(self, done: int, total: int) -> None:
        """Show how much of it is done."""
        self.show(lambda: self._first_words, done, total)
