"""Logs: one line per event on standard error, as JSON, or as text for people; and nothing that looks like a key."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

import orjson
import structlog

from domain.key_secret import LOOKS_LIKE_A_KEY, MARK

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

_MAX_DEPTH = 5


def configure_logs(level: str, log_format: str, *, worker: int | None = None) -> None:
    """Set logging up for the process.

    level: debug, info, warning or error. log_format: json, text or auto. worker: the number of a web process of
    several, which each of its lines then says.
    """
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if worker is not None:
        # Not a context variable: threads begin without those of the one that started them.
        shared.append(lambda _logger, _method, event: {**event, "worker": worker})
    renderer: list[structlog.typing.Processor] = (
        # The traceback is made a text before keys are cut from it: an exception's message may repeat one.
        [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer()]
        if as_text
        else [
            # Without the variables of each frame, which structlog shows by default: they hold keys and passwords.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            redact,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode()),
        ]
    )
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
    )
    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderer,
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    # It says at each attempt what readiness and the log of the service say once.
    logging.getLogger("psycopg.pool").setLevel(max(threshold, logging.ERROR))


class _StandardError(io.TextIOBase):
    """Standard error as it is now. One that was closed (`rpawatch serve 2>&1 | head`) must not end what logs."""

    def write(self, text: str) -> int:
        """Write, or do nothing."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Cut everything that looks like a key down to its public prefix, wherever in the event it stands."""
    del logger, method
    return {name: _redacted(value, _MAX_DEPTH) for name, value in event.items()}


def _redacted(value: object, depth: int) -> object:
    if isinstance(value, str):
        return LOOKS_LIKE_A_KEY.sub(lambda found: found[0][: len(MARK) + 8] + "…", value) if MARK in value else value
    if depth and isinstance(value, dict):
        return {name: _redacted(inner, depth - 1) for name, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_redacted(inner, depth - 1) for inner in value]
    return value
