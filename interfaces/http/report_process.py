"""The process that takes large reports apart, beside the web process, and what asks it.

To inflate, read, check and encode a report of 9 MB takes half a second, for most of which Python runs nothing else, and
150 MB. In a process of its own it keeps nobody waiting and its memory is given back. It is started when it is needed,
gets less of the processor than the web process, and ends when it was not asked for a while or its web process is gone.

A question is a header (JSON, its length in four bytes before it) and the body, as a descriptor of the file that it was
received into or as bytes that follow. An answer is a header, and the bytes of the event.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from pydantic import BaseModel

from application.store.errors import StoreUnavailableError
from application.store.mapper import EventMapper
from domain.job import Job
from domain.model import Cause
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.gzip_body import inflate
from interfaces.http.problems import ProblemError
from interfaces.http.validation import BrokenRule
from projections.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_SECONDS_MAX: Final = 13.0
"""Longest wait for one report, also while the processor is busy with others."""
IDLE_SECONDS: Final = 10.0
"""Time without a question after which the process ends; the next one starts it anew, in half a second."""
END_SECONDS_MAX: Final = 2.0
NICENESS: Final = 5
"""Reports of 9 MB can wait for a moment longer than those of 1 KB."""
PIECE_BYTES: Final = 256 * 1024
_LENGTH: Final = struct.Struct("!I")


class Question(BaseModel):
    """A large report that was received.

    encoding: its Content-Encoding. bytes_max: after inflating. body_bytes: of a body that follows; None when it is in a
    file. The others go into the event; keeps_digest: whether the digest of the body does.
    """

    encoding: str | None
    bytes_max: int
    body_bytes: int | None = None
    job_id: UUID
    account_id: UUID
    at: datetime
    actor: str
    request_id: str
    command_id: UUID
    keeps_digest: bool


class _Problem(BaseModel):
    slug: str
    detail: str | None
    errors: list[tuple[str, str]]


class _Answer(BaseModel):
    """problem: why the report is refused. Without one, event: without details and data; state_bytes follow it.

    failure: what went wrong here.
    """

    problem: _Problem | None = None
    event: str = ""
    state_bytes: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class TakenApart:
    """A report that keeps the rules. event: without details and data; state: its bytes with them, to be taken once."""

    event: Job.Reported
    state_bytes: int
    state: Iterator[bytes]


class _GoneError(Exception):
    """The process ended, or does not answer."""


class ReportProcess:
    """Asks the process, starting it when there is none. One question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mapper = EventMapper()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._is_closed = False

    @contextmanager
    def take_apart(self, question: Question, body: bytes | BinaryIO) -> Iterator[TakenApart]:
        """Have a report taken apart. Its state is taken within the block.

        Raises ProblemError for a report that is refused, StoreUnavailableError when the process does not answer.
        """
        with self._lock:
            try:
                yield self._taken_apart(question, body)
            except _GoneError as error:
                self._end_now()
                raise StoreUnavailableError(f"the process for large reports is gone: {error}") from error
            except ProblemError:
                raise
            except BaseException:
                # What was not taken of its answer would be taken for the next one.
                self._end_now()
                raise

    def close(self) -> None:
        """End the process, when there is one, also in the middle of a report; none is started any more."""
        self._is_closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._end_now()

    def _taken_apart(self, question: Question, body: bytes | BinaryIO) -> TakenApart:
        until = time.monotonic() + ANSWER_SECONDS_MAX
        connection, answer = self._answered(question, body, until)
        if answer.failure is not None:
            raise RuntimeError(f"the process for large reports failed: {answer.failure}")
        if answer.problem is not None:
            errors = [BrokenRule(pointer, message) for pointer, message in answer.problem.errors]
            raise ProblemError(answer.problem.slug, detail=answer.problem.detail, errors=errors)
        stored = StoredEvent(question.job_id, 1, Job.Reported.TOPIC, answer.event.encode())
        pieces = _pieces(connection, answer.state_bytes, until)
        return TakenApart(self._mapper.to_domain_event(stored), answer.state_bytes, pieces)

    def _answered(self, question: Question, body: bytes | BinaryIO, until: float) -> tuple[socket.socket, _Answer]:
        """Return the header of the answer, and where the rest of it comes from."""
        connection = self._running()
        if connection is not None:
            # It may have ended just now, since nobody asked for so long.
            with suppress(_GoneError):
                return connection, _exchanged(connection, question, body, until)
        connection = self._started()
        return connection, _exchanged(connection, question, body, until)

    def _running(self) -> socket.socket | None:
        return self._connection if self._process is not None and self._process.poll() is None else None

    def _started(self) -> socket.socket:
        self._end_now()
        if self._is_closed:
            raise _GoneError("the service ends")
        ours, its = socket.socketpair()
        with its:
            # -P: a file in the folder where `rpawatch` was started must not be taken for a module. It needs no setting,
            # and so no secret.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "interfaces.http.report_process", str(its.fileno())],
                env={name: value for name, value in os.environ.items() if not name.startswith("RPAWATCH_")},
                stdin=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                # Ctrl+C is for the service; this one ends with its web process.
                process_group=0,
            )
        self._connection = ours
        return ours

    def _end_now(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS_MAX)
            self._process = None


def _exchanged(connection: socket.socket, question: Question, body: bytes | BinaryIO, until: float) -> _Answer:
    """Ask, and return the header of the answer. Raises _GoneError."""
    try:
        connection.settimeout(_left(until))
        if isinstance(body, bytes):
            header = question.model_copy(update={"body_bytes": len(body)}).model_dump_json().encode()
            connection.sendall(_LENGTH.pack(len(header)) + header)
            connection.sendall(body)
        else:
            header = question.model_dump_json().encode()
            # The descriptor goes with the first bytes.
            socket.send_fds(connection, [_LENGTH.pack(len(header))], [body.fileno()])
            connection.sendall(header)
        [length] = _LENGTH.unpack(_received(connection, _LENGTH.size, until))
        return _Answer.model_validate_json(_received(connection, length, until))
    except OSError as error:
        raise _GoneError(f"{type(error).__name__}: {error}") from error


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())


def _received(connection: socket.socket, size: int, until: float) -> bytes:
    return b"".join(_pieces(connection, size, until))


def _pieces(connection: socket.socket, size: int, until: float) -> Iterator[bytes]:
    """Receive so many bytes. Raises _GoneError."""
    while size:
        try:
            connection.settimeout(_left(until))
            piece = connection.recv(min(size, PIECE_BYTES))
        except OSError as error:
            raise _GoneError(f"{type(error).__name__}: {error}") from error
        if not piece:
            raise _GoneError("it closed the connection")
        size -= len(piece)
        yield piece


# The process itself


def main() -> None:
    """Take reports apart until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    # What a report is made of refers to nothing in a circle.
    gc.disable()
    gc.freeze()
    connection = socket.socket(fileno=int(sys.argv[1]))
    mapper = EventMapper()
    with suppress(OSError):
        while _serve_one(connection, mapper):
            gc.collect()
            give_back()


def _serve_one(connection: socket.socket, mapper: EventMapper) -> bool:
    """Answer a question; return False when none comes. Raises OSError when the other end is gone."""
    connection.settimeout(IDLE_SECONDS)
    length_bytes, descriptors = _first_bytes(connection)
    if not length_bytes:
        return False
    until = time.monotonic() + ANSWER_SECONDS_MAX
    try:
        [length] = _LENGTH.unpack(length_bytes)
        question = Question.model_validate_json(_received(connection, length, until))
        if question.body_bytes is not None:
            body = _received(connection, question.body_bytes, until)
        else:
            with os.fdopen(os.dup(descriptors[0]), "rb") as file:
                file.seek(0)
                body = file.read()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    answer, state = _answer(question, body, mapper)
    header = answer.model_dump_json().encode()
    connection.settimeout(ANSWER_SECONDS_MAX)
    connection.sendall(_LENGTH.pack(len(header)) + header)
    connection.sendall(state)
    return True


def _first_bytes(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Return the length of the header and the descriptors that came with it; no bytes when nothing comes any more."""
    descriptors: list[int] = []
    received = b""
    with suppress(TimeoutError):
        while len(received) < _LENGTH.size:
            piece, came, _, _ = socket.recv_fds(connection, _LENGTH.size - len(received), 1)
            descriptors += came
            received += piece
            if not piece:
                break
    return (received if len(received) == _LENGTH.size else b""), descriptors


def _answer(question: Question, body: bytes, mapper: EventMapper) -> tuple[_Answer, bytes]:
    try:
        plain = inflate(body, question.encoding, question.bytes_max)
        digest = hashlib.sha256(plain).hexdigest()
        report = json_body.parse(plain, Report, slug="invalid-report")
        event = _event(question, report, digest)
        state = mapper.to_stored_event(event).state
        small = mapper.to_stored_event(event.model_copy(update={"details": None, "data": None})).state
    except ProblemError as problem:
        errors = [(error.pointer, error.message) for error in problem.errors]
        return _Answer(problem=_Problem(slug=problem.slug, detail=problem.detail, errors=errors)), b""
    except Exception as error:  # noqa: BLE001 - told to the web process, which logs it; the text may hold what was sent
        return _Answer(failure=type(error).__name__), b""
    return _Answer(event=small.decode(), state_bytes=len(state)), state


def _event(question: Question, report: Report, digest: str) -> Job.Reported:
    job = Job.report(
        Cause(question.at, question.actor, question.request_id, question.command_id),
        job_id=question.job_id,
        account_id=question.account_id,
        report=report,
        request_digest=digest if question.keeps_digest else None,
    )
    [event] = job.pending_events
    if not isinstance(event, Job.Reported):
        raise TypeError("a job begins with its report")
    return event


if __name__ == "__main__":
    main()
