"""Runs all tests in parts, several at a time: a part waits for disks, clocks and other processes much of its time.

    python -m tests.support.side_by_side [AT_ONCE]

AT_ONCE is how many run at the same time: one more than there are processors, unless it is given. What a part writes
goes to a file of its own. At its end its last words are printed, or all of it when it failed; the others go on, and the
exit code is 1. SIGINT, SIGTERM and SIGHUP end the parts as Ctrl-C does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tests.support.effort import LONG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Self

END_SECONDS_MAX = 75.0
"""For all fixtures to end what they started; debian_postgres.py gives its own part and its server 30 s each."""
_POLL_SECONDS = 0.05
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is nobody else's
MEMORY_BYTES_MIN = 4 * 2**30
"""Free in memory before temporary files go there: several times what the parts have needed at once."""
_ON_DEBIANS = (sys.executable, "tests/support/debian_postgres.py", "--")
# The cache of pytest is no place that several may write to at the same time.
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Part:
    """A command, and what it is called."""

    name: str
    command: tuple[str, ...]


_EVERYWHERE = ("tests/acceptance/test_schemathesis.py", "tests/acceptance/everywhere")
_PEOPLE = tuple(f"tests/acceptance/{name}" for name in ("web", "invitations", "permissions"))
FOLDERS = (
    ("acceptance: requests that are drawn, and what holds everywhere", *_EVERYWHERE),
    ("acceptance: pages and people", *_PEOPLE),
    ("acceptance", "tests/acceptance", *(f"--ignore={path}" for path in (*_EVERYWHERE, *_PEOPLE))),
    ("faults and docs", "tests/faults", "tests/docs"),
    ("interfaces", "tests/interfaces"),
    ("pages", "tests/pages"),
    ("application", "tests/application"),
    ("clients", "tests/clients"),
)
"""The parts on the embedded PostgreSQL, each with its folders. What stands in none of them is a part as well."""
ACCEPTANCE_ON_DEBIANS = (
    *("audit/test_200.py", "audit/test_files.py", "jobs/test_200.py", "keys/test_list.py", "processes/test_200.py"),
    *("proof/test_404.py", "proof/test_409.py", "report/test_409.py", "report/test_large.py"),
    # What is kept as it was sent, every GET route there is, and filters with several values.
    *("everywhere/test_kept.py", "everywhere/test_head.py", "everywhere/test_repeated_parameters.py"),
)
"""Of tests/acceptance, what has PostgreSQL carry out the statements that the application's own tests do not."""
NOT_ON_DEBIANS = (
    "application/store/test_embedded.py",
    # Without a statement.
    *("application/test_addresses.py", "application/test_guessing.py", "application/test_hashing.py"),
    *("application/store/test_golden_events.py", "application/store/test_mapper.py", "projections/test_words.py"),
    # Rules of commands, and many at once: all append and read alike.
    *(f"application/test_{name}.py" for name in ("accounts", "admin", "batches", "command_queue", "from_where")),
    *(f"application/test_{name}.py" for name in ("key_life", "keys", "lost_replies", "processes", "state_machine")),
    *("application/test_several_of_one_address.py", "application/test_streams.py"),
    # When it is away, or its clock is another one.
    *("application/test_store_away.py", "application/test_one_clock.py"),
    *("application/replay/test_limits.py", "application/store/test_clock.py"),
    *(f"projections/test_{name}.py" for name in ("dead_letters", "feed", "order")),
)
"""Of tests/application and tests/projections, what has PostgreSQL carry out nothing that the others there do not."""
FOLDERS_ON_DEBIANS = (
    (
        "application and acceptance on Debian's PostgreSQL",
        "tests/application",
        *(f"tests/acceptance/{name}" for name in ACCEPTANCE_ON_DEBIANS),
        *(f"--ignore=tests/{name}" for name in NOT_ON_DEBIANS if name.startswith("application/")),
    ),
    (
        "projections on Debian's PostgreSQL",
        "tests/projections",
        *(f"--ignore=tests/{name}" for name in NOT_ON_DEBIANS if name.startswith("projections/")),
    ),
)
"""What touches SQL: docs/decisions/0028-what-runs-on-a-second-postgresql.md says how that was found out."""
THE_REST = "the rest"
LONGEST_FIRST = (
    *("pages", "interfaces", "acceptance: requests that are drawn, and what holds everywhere", "faults and docs"),
    *("acceptance", "acceptance: pages and people", THE_REST, "clients", "application"),
    *("application and acceptance on Debian's PostgreSQL", "projections on Debian's PostgreSQL"),
)
"""The names of all parts in the order of their beginning, so that all who run at a time end at nearly the same."""


def parts_of_the_tests(scratch: Path) -> list[Part]:
    """Return the parts, in the order of their beginning. scratch: where each makes a folder for its temporary files.

    They may not share pytest's usual one: whoever comes next takes from it the right to pass through that the embedded
    server's user was given.
    """
    named = [folder for _, *arguments in FOLDERS for folder in arguments if not folder.startswith("--")]
    rest = (THE_REST, "tests", *(f"--ignore={folder}" for folder in named))

    def part(number: int, name: str, *arguments: str, before: tuple[str, ...] = ()) -> Part:
        return Part(name, (*before, *PYTEST, f"--basetemp={scratch / str(number)}", *arguments))

    on_debians = [
        part(number, *asked, before=_ON_DEBIANS) for number, asked in enumerate(FOLDERS_ON_DEBIANS, start=len(FOLDERS))
    ]
    parts = [
        *(part(number, *asked) for number, asked in enumerate(FOLDERS)),
        *on_debians,
        part(len(FOLDERS) + len(on_debians), *rest),
    ]
    return sorted(parts, key=lambda part: LONGEST_FIRST.index(part.name))


class Signals:
    """Remembers that the end was asked for. Nothing is raised: that could lose a process that was just started."""

    received: int | None = None

    def listen(self) -> Self:
        """Begin to receive them, in place of whoever did."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = number


@dataclass
class Running:
    """A part that was begun."""

    part: Part
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        with self.log.open("wb") as output:
            # A process group of its own: Ctrl-C comes from us, to pytest alone, and its fixtures end what they started.
            self.process = subprocess.Popen(
                self.part.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )

    def report(self, to: BinaryIO, *, was_ended: bool) -> None:
        """Print how it went: all that it wrote when it failed of itself, else what stands at its end."""
        code, said = self.process.returncode, self.log.read_bytes()
        went = f"{self.part.name}, {time.monotonic() - self.began:.0f} s"
        if code == 0:
            to.write(f"{went}: ".encode() + _last_words(said))
        elif was_ended:
            to.write(f"{went}: ended with {code}\n".encode() + _last_words(said))
        else:
            to.write(f"{went}: FAILED with {code}; all that it said:\n".encode() + said)
        to.flush()


def _last_words(said: bytes) -> bytes:
    """Return the last line, and before it what pytest sums up, such as why a test was skipped."""
    lines = said.splitlines(keepends=True) or [b"it said nothing\n"]
    begins = [number for number, line in enumerate(lines) if b" short test summary info " in line]
    return b"".join(lines[begins[-1] if begins else -1 :])


def run(parts: Sequence[Part], at_once: int, logs: Path, signals: Signals, to: BinaryIO) -> int:
    """Run the parts, so many at a time; return 0 when all succeeded, 1, or what a shell makes of a signal."""
    waiting, running, failed = list(parts), list[Running](), list[str]()
    try:
        while (waiting and signals.received is None) or running:
            if signals.received is not None:
                _end(running)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                one.report(to, was_ended=signals.received is not None)
                failed += [one.part.name] if one.process.returncode else []
            while waiting and len(running) < at_once and signals.received is None:
                running.append(Running(waiting.pop(0), logs / f"{len(parts) - len(waiting)}.log"))
                to.write(f"{running[-1].part.name}: begun\n".encode())
                to.flush()
            time.sleep(_POLL_SECONDS)
    finally:
        _end(running)  # there are some only when the above broke off, such as for an output that nobody reads
    if signals.received is not None:
        return 128 + signals.received
    to.write(f"Failed: {'; '.join(failed)}\n".encode() if failed else b"")
    to.flush()
    return 1 if failed else 0


def _end(running: Sequence[Running]) -> None:
    """Have each end as by Ctrl-C, and by force what takes too long."""
    for one in running:
        one.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + END_SECONDS_MAX
    for one in running:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(max(0.0, deadline - time.monotonic()))
            continue
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()


def make_scratch() -> Path:
    """Make the folder for all temporary files: in memory where there is room, and on the disk in the long run.

    To make and to drop a database takes most of a second on a disk, and 60 ms in memory. No test cuts the power, so
    none can tell the two apart.
    """
    there = None if LONG or not MEMORY.is_dir() else os.statvfs(MEMORY)
    # Tests begin programs that they write, which some containers don't let anybody do there.
    fits = there is not None and there.f_bavail * there.f_frsize >= MEMORY_BYTES_MIN and not there.f_flag & os.ST_NOEXEC
    scratch = Path(tempfile.mkdtemp(prefix="rpawatch-tests-", dir=MEMORY if fits else None))
    scratch.chmod(0o711)  # servers run as users of their own
    return scratch


def main(arguments: Sequence[str]) -> int:
    """Run all tests; return the exit code."""
    if len(arguments) > 1 or not all(argument.isdecimal() and int(argument) for argument in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    at_once = int(arguments[0]) if arguments else (os.cpu_count() or 1) + 1
    signals = Signals().listen()
    scratch = make_scratch()
    os.environ["TMPDIR"] = str(scratch)
    try:
        return run(parts_of_the_tests(scratch), at_once, scratch, signals, sys.stdout.buffer)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
