"""Takes in large reports: each waits for its turn, is taken apart in a process of its own and staged in the store.

What is left for the command is as little as for any other report.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from application.store.errors import StoreUnavailableError
from application.store.staging import StagedStates
from interfaces.http.large_bodies import LargeBodies
from interfaces.http.report_process import Question, ReportProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.database import Database
    from domain.job import Job


class LargeReports:
    """The large reports of this process. threads: that work on requests."""

    def __init__(self, database: Database, threads: int) -> None:
        self.bodies = LargeBodies(threads)
        self._process = ReportProcess()
        self._staged = StagedStates(database)

    @contextmanager
    def staged(self, question: Question, body: bytes | BinaryIO) -> Iterator[Job.Reported]:
        """Stage a report for the length of the block, and lend its event; what no append has taken is removed.

        Call it in a turn of `bodies`. Raises ProblemError for a report that is refused, StoreUnavailableError.
        """
        with self._process.take_apart(question, body) as apart:
            staged = self._staged.put(apart.state_bytes, apart.state)
        self.bodies.charge(question.account_id, staged.lock_seconds)
        try:
            yield apart.event.model_copy(update={"staged": staged.id})
        finally:
            with suppress(StoreUnavailableError):  # it is removed later, with what others left over
                self._staged.remove(staged.id)

    def close(self) -> None:
        """End the process that takes reports apart."""
        self._process.close()
