"""Follows the log and keeps the read models up to date; store/log/following.py says how."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import structlog

from application.store.log.following import FOLLOWER_SESSION, follow, keep_working, pause_seconds
from application.store.session import begin_session, try_lock
from projections.dead_letters import headless_streams, reason_of, set_aside
from projections.feed import Feed
from projections.health import SILENT_SECONDS_MAX, report
from projections.read_model import ReadModelsNotSetUpError
from projections.tracking import Progress, read_progress, record_complete

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from application.store.log.reading import LoggedEvent
    from application.store.session import Connection
    from projections.read_model import Connect, Decode, ReadModel

REPORT_SECONDS = 1.0
"""Pause between two reports that it works, for those who ask in other processes."""

_NOT_BEGUN = "The projector has not looked at the log yet."
_LOCK = 0x72706177_70726F6A  # "rpawproj"

_log = structlog.get_logger(__name__)


class ListsBeyondLogError(Exception):
    """The read models show events that the log does not have."""


@dataclass(frozen=True, slots=True)
class ProjectorHealth:
    """How it goes with one projector; what holds for the service is in health.py.

    position: up to where all lists show the log.
    log_position: its last event when the projector last looked.
    working: it holds the lock and gets on.
    standby: another one holds it.
    error: what is wrong, and can be shown.
    """

    position: int
    log_position: int
    working: bool
    standby: bool
    error: str | None

    @property
    def lag_events(self) -> int:
        """How many events are not shown yet, at most."""
        return max(0, self.log_position - self.position)


class Projector:
    """Keeps `models` up to date. Its `run` is for a thread of its own; `health` may be asked from any."""

    def __init__(self, connect: Connect, models: Sequence[ReadModel], decode: Decode) -> None:
        self._connect = connect
        self._models = models
        self._decode = decode
        self._failures = 0
        self._reported_at = 0.0
        self._health = ProjectorHealth(0, 0, working=False, standby=False, error=_NOT_BEGUN)
        self._looked_at = time.monotonic()

    def health(self) -> ProjectorHealth:
        """Return how it goes. Asks nobody, so it answers at once also when the database does not."""
        silent_seconds = time.monotonic() - self._looked_at
        if self._health.error is None and silent_seconds > SILENT_SECONDS_MAX:
            error = f"The projector has not looked at the log for {silent_seconds:.0f} seconds."
            return replace(self._health, working=False, standby=False, error=error)
        return self._health

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set. Raises nothing: what goes wrong is logged and tried again."""
        keep_working(self._connect, stop, partial(self._follow, stop), self._record_failure)
        self._health = replace(self._health, working=False, standby=False)

    def catch_up(self, seconds_max: float) -> None:
        """Show what is in the log now, if nobody else does that and it takes no longer. Raises nothing, as `run`."""
        until = time.monotonic() + seconds_max
        try:
            with closing(self._connect()) as connection:
                begin_session(connection, FOLLOWER_SESSION)
                if try_lock(connection, _LOCK):
                    feed = self._feed(connection)
                    while self._turn(connection, feed) and time.monotonic() < until:
                        pass
        except Exception as error:  # noqa: BLE001 - whoever follows the log tries again
            self._record_failure(error)

    def _feed(self, connection: Connection) -> Feed:
        feed = Feed(connection, self._decode, partial(self._set_aside, connection))
        for name, stream in headless_streams(connection, self._models):
            feed.leave_out(name, stream)
        return feed

    def _follow(self, stop: threading.Event, connection: Connection) -> None:
        def begin() -> Callable[[], bool]:
            return partial(self._turn, connection, self._feed(connection))

        def stand_by() -> None:
            self._record(read_progress(connection, self._models), working=False)

        try:
            follow(connection, stop, _LOCK, begin, stand_by)
        except Exception as error:
            # Other processes know why the one that works has stopped, where the database can still be told.
            if not connection.closed and not self._health.standby:
                with suppress(psycopg.Error):
                    report(connection, _public(error))
            raise

    def _turn(self, connection: Connection, feed: Feed) -> bool:
        """Bring each read model one batch further, and return whether one of them is still behind."""
        began = time.monotonic()
        progress = read_progress(connection, self._models)
        positions = dict(progress.positions)
        if max(positions.values()) > progress.log_position:
            raise ListsBeyondLogError(
                "The log ends before what the read models show: it was cut or replaced. Rebuild them."
            )
        # Those that are furthest first: what people read is not held up by a read model that is still being made.
        for before in sorted(set(positions.values()) - {progress.log_position}, reverse=True):
            models = [model for model in self._models if progress.positions[model.name] == before]
            after = feed.advance(models, before, progress.log_position)
            positions |= dict.fromkeys((model.name for model in models), after)
        completed = {name for name in progress.incomplete if positions[name] == progress.log_position}
        if completed:
            record_complete(connection, completed)
            _log.info("read_models_complete", names=sorted(completed), position=progress.log_position)
        self._failures = 0
        self._record(replace(progress, positions=positions, incomplete=progress.incomplete - completed), working=True)
        if began - self._reported_at >= REPORT_SECONDS:
            report(connection, None)
            self._reported_at = began
        return min(positions.values()) < progress.log_position

    def _set_aside(self, connection: Connection, model: ReadModel, entry: LoggedEvent, error: Exception) -> None:
        set_aside(connection, model, entry, error)
        _log.error(
            "event_set_aside",
            read_model=model.name,
            position=entry.position,
            topic=entry.topic,
            stream=str(entry.originator_id),
            version=entry.originator_version,
            reason=reason_of(error),
        )

    def _record(self, progress: Progress, *, working: bool) -> None:
        self._looked_at = time.monotonic()
        self._health = ProjectorHealth(
            position=progress.position,
            log_position=progress.log_position,
            working=working,
            standby=not working,
            error=None,
        )

    def _record_failure(self, error: Exception) -> float:
        """Log what went wrong, say so in the health, and return how many seconds to wait."""
        pause = pause_seconds(self._failures)
        self._failures += 1
        _log.warning("projector_interrupted", reason=f"{type(error).__name__}: {error}", retry_seconds=pause)
        self._health = replace(self._health, working=False, standby=False, error=_public(error))
        return pause


def _public(error: Exception) -> str:
    if isinstance(error, ListsBeyondLogError | ReadModelsNotSetUpError):
        return str(error)
    return "The projector can't work with the database; the log says why, and it keeps trying."
