"""Logs: one line per event on standard error, as JSON, or as text for people; and nothing that looks like a key.

What a stranger sends stands in them, so a line is bounded, and control characters are spelled out: none can begin a
line of its own, hide one, or be taken for a command by a terminal. In text a traceback follows on lines of its own,
which are indented as no other line is; the bound is that of all of them together.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO, cast

import orjson
import structlog

from domain.key_secret import LOOKS_LIKE_A_KEY, MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, WrappedLogger

LINE_BYTES_MAX: Final = 8 * 1024
"""Largest event as it is written, in UTF-8."""
_DEPTH_MAX: Final = 8
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""C0, DEL, C1, the separators of lines and paragraphs; and halves of surrogate pairs, which can't be written at all."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_INDENT: Final = "    "
_LINES_OF: Final = ("exception", "stack")
"""Fields that the text format shows on lines of their own."""


class _Bounds(NamedTuple):
    """chars: of a text. items: of a list. depth: of lists and objects in each other."""

    chars: int
    items: int
    depth: int


_SHORTENED: Final = (
    _Bounds(4_000, 60, 8),
    _Bounds(1_000, 20, 8),
    _Bounds(400, 8, 8),
    _Bounds(200, 4, 8),
    _Bounds(100, 4, 4),
    _Bounds(30, 4, 1),
)
"""Bounds that an event that is too long is cut to, one after the other until it is short enough. The last always do."""
_UNWRITABLE: Final = '{"event":"an event that can not be written","level":"error"}'
_FIELDS_MAX: Final = 12
"""Most fields of an object in an event that is too long, and of the event."""


def configure_logs(level: str, log_format: str, *, worker: int | None = None, for_good: bool = False) -> None:
    """Set logging up for the process.

    level: debug, info, warning or error. log_format: json, text or auto. worker: the number of a web process of
    several, which each of its lines then says. for_good: nothing is set up again after this, so each logger can be made
    once, and not for each line: a fiftieth of what a report costs a web process.
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
        [structlog.processors.format_exc_info, redact, _bounded(_TextRenderer())]
        if as_text
        else [
            # Without the variables of each frame, which structlog shows by default: they hold keys and passwords.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            redact,
            _bounded(_as_json),
        ]
    )
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=for_good,
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
    """Cut everything that looks like a key down to its public prefix, wherever in the event it stands.

    What is neither a text nor a number becomes a text, and what is nested too deep is left out.
    """
    del logger, method
    return {
        name if MARK not in name else _redacted(name, 0): _redacted(value, _DEPTH_MAX) for name, value in event.items()
    }


def _redacted(value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever an event holds
    if isinstance(value, str):
        return LOOKS_LIKE_A_KEY.sub(lambda found: found[0][: len(MARK) + 8] + "…", value) if MARK in value else value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict | list | tuple):
        if not depth:
            return "…"
        if isinstance(value, dict):
            return {_redacted(str(name), 0): _redacted(inner, depth - 1) for name, inner in value.items()}
        return [_redacted(inner, depth - 1) for inner in value]
    return _redacted(str(value), depth)


def _bounded(render: Callable[[EventDict], str]) -> structlog.typing.Processor:
    """Return a processor that writes an event with `render`, cut where it would be too long."""

    def processor(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        for bounds in (None, *_SHORTENED):
            # TypeError and ValueError: for half a surrogate pair, or a number that is too large.
            with suppress(TypeError, ValueError):
                line = render(event if bounds is None else _shortened(event, bounds))
                if len(line) <= LINE_BYTES_MAX and len(line.encode()) <= LINE_BYTES_MAX:
                    return line
        return _UNWRITABLE

    return processor


def _shortened(value: Any, bounds: _Bounds) -> Any:  # noqa: ANN401 - whatever an event holds
    if isinstance(value, str):
        if len(value) > bounds.chars:
            begin, end = value[: bounds.chars * 2 // 3], value[-(bounds.chars // 3) :]
            value = f"{begin}… {len(value) - len(begin) - len(end)} more …{end}"
        return _SURROGATES.sub(_spelled_out, value)
    if isinstance(value, int) and value.bit_length() >= 64:  # noqa: PLR2004 - what JSON is written with takes no larger
        return _shortened(f"{value:#x}", bounds)
    if not isinstance(value, dict | list):
        return value
    if not bounds.depth:
        return "…"
    inner = bounds._replace(depth=bounds.depth - 1)
    if isinstance(value, list):
        shown = [_shortened(item, inner) for item in _ends_of(value, bounds.items)]
        if len(value) > len(shown):
            shown.insert(len(shown) // 2, f"… {len(value) - len(shown)} more …")
        return shown
    return {_shortened(name, bounds): _shortened(value[name], inner) for name in _ends_of(list(value), _FIELDS_MAX)}


def _ends_of(items: list[Any], most: int) -> list[Any]:
    return items if len(items) <= most else items[: most // 2] + items[-(most // 2) :]


class _TooLongError(ValueError):
    """A line would be too long: it is not made first."""


def _as_json(event: EventDict) -> str:
    data = orjson.dumps(event)
    if len(data) > LINE_BYTES_MAX:
        raise _TooLongError
    line = data.decode()
    # Those below U+0020 are escaped already.
    return line if line.isascii() and "\x7f" not in line else _CONTROLS.sub(_escaped, line)


class _TextRenderer:
    """Writes an event for people."""

    def __init__(self) -> None:
        # Colours are control characters too, and of use to a terminal alone.
        self._render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

    def __call__(self, event: EventDict) -> str:
        shown = {_of_one_line(name): _of_one_line(value) for name, value in event.items()}
        for name in _LINES_OF:
            if name in event:
                shown[name] = "\n".join(_INDENT + _of_one_line(line) for line in str(event[name]).split("\n"))
        return str(self._render(None, "", shown))


def _of_one_line(value: Any) -> Any:  # noqa: ANN401 - whatever an event holds
    if not isinstance(value, str):
        return value  # shown as Python spells it, and so on one line
    if len(value) > LINE_BYTES_MAX:
        raise _TooLongError
    return _CONTROLS.sub(_spelled_out, value)


def _spelled_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
