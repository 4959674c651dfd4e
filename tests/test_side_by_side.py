"""All tests run, each in one part; and what the parts say, whether they succeed, fail or are ended, is told."""

from __future__ import annotations

import io
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import side_by_side
from tests.support.side_by_side import PYTEST, Part, Signals, make_scratch, parts_of_the_tests, run
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FILES = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
HAVE_SQL = {Path("tests") / name for name in ("application", "projections")}
ELSEWHERE = {Path("tests") / name for name in side_by_side.NOT_ON_DEBIANS}


@pytest.fixture(autouse=True)
def _sigint_is_heard() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so would the parts that a test begins."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def files_of(part: Part) -> list[Path]:
    """Return the files that pytest finds with the arguments of a part."""
    arguments = part.command[part.command.index(PYTEST[-1]) + 1 :]
    folders = [argument for argument in arguments if not argument.startswith("--")]
    ignored = [argument.removeprefix("--ignore=") for argument in arguments if argument.startswith("--ignore=")]
    assert all((ROOT / path).exists() for path in folders + ignored), "pytest does not complain about what it ignores"
    return [
        file
        for file in FILES
        if any(file.is_relative_to(folder) for folder in folders)
        and not any(file.is_relative_to(path) for path in ignored)
    ]


def files_of_all(*, on_debians: bool) -> list[Path]:
    parts = [
        part
        for part in parts_of_the_tests(Path("scratch"))
        if ("tests/support/debian_postgres.py" in part.command) == on_debians
    ]
    return sorted(file for part in parts for file in files_of(part))


def test_every_test_is_in_one_part_on_the_embedded_postgresql() -> None:
    assert files_of_all(on_debians=False) == sorted(FILES)


def test_every_test_of_a_layer_that_has_sql_is_in_one_part_on_debians_postgresql_or_named_as_left_out() -> None:
    found = files_of_all(on_debians=True)
    expected = {file for file in FILES if any(file.is_relative_to(folder) for folder in HAVE_SQL)}
    assert expected >= ELSEWHERE
    assert [file for file in found if not file.is_relative_to("tests/acceptance")] == sorted(expected - ELSEWHERE)
    assert len(set(found)) == len(found)


def test_no_two_parts_share_a_folder_for_temporary_files() -> None:
    commands = [part.command for part in parts_of_the_tests(Path("scratch"))]
    folders = [argument for command in commands for argument in command if argument.startswith("--basetemp=")]
    assert len(set(folders)) == len(commands)


@pytest.mark.parametrize(
    ("bytes_min", "is_long", "in_memory"), [(0, False, True), (2**62, False, False), (0, True, False)]
)
def test_temporary_files_are_in_memory_where_there_is_room_but_not_in_the_long_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, bytes_min: int, is_long: bool, in_memory: bool
) -> None:
    monkeypatch.setattr(side_by_side, "MEMORY", tmp_path)
    monkeypatch.setattr(side_by_side, "MEMORY_BYTES_MIN", bytes_min)
    monkeypatch.setattr(side_by_side, "LONG", is_long)
    scratch = make_scratch()
    scratch.rmdir()
    assert (scratch.parent == tmp_path) == in_memory


def python(name: str, code: str) -> Part:
    return Part(name, (sys.executable, "-c", f"import os, sys, time\n{code}"))


def ran(parts: list[Part], logs: Path, *, at_once: int = 2, signals: Signals | None = None) -> tuple[int, str]:
    """Return the exit code, and what was printed."""
    printed = io.BytesIO()
    code = run(parts, at_once, logs, signals or Signals(), printed)
    return code, printed.getvalue().decode()


def test_of_a_part_that_succeeds_the_last_words_are_printed(tmp_path: Path) -> None:
    summed_up = "print('=== short test summary info ===\\nSKIPPED why\\n1 passed, 1 skipped')"
    code, printed = ran([python("one", "print('dots')\nprint('7 passed')"), python("two", summed_up)], tmp_path)
    assert code == 0
    assert "dots" not in printed
    assert "7 passed\n" in printed
    assert "SKIPPED why\n1 passed, 1 skipped\n" in printed


def test_a_part_that_fails_is_printed_whole_and_the_others_go_on(tmp_path: Path) -> None:
    failing = python("the second", "print('all')\nprint('of it', file=sys.stderr)\nsys.exit(3)")
    code, printed = ran([python("the first", ""), failing, python("the third", "print('went on')")], tmp_path)
    assert code == 1
    assert "all\n" in printed
    assert "of it\n" in printed
    assert "went on\n" in printed
    assert printed.endswith("Failed: the second\n")


def test_a_part_that_is_killed_has_failed(tmp_path: Path) -> None:
    code, printed = ran([python("one", "os.kill(os.getpid(), 9)")], tmp_path)
    assert (code, "FAILED with -9" in printed) == (1, True)


def test_so_many_parts_run_at_a_time_and_not_one_more(tmp_path: Path) -> None:
    # Each stays until two are there, and fails when it finds two.
    code = (
        f"here = {str(tmp_path)!r}\nassert len(os.listdir(here + '/now')) < 2\n"
        "open(f'{here}/now/{os.getpid()}', 'x').close()\nopen(f'{here}/ever/{os.getpid()}', 'x').close()\n"
        "while len(os.listdir(here + '/ever')) < 2: time.sleep(0.01)\n"
        "os.unlink(f'{here}/now/{os.getpid()}')"
    )
    for folder in ("now", "ever", "logs"):
        (tmp_path / folder).mkdir()
    found, printed = ran([python(str(number), code) for number in range(5)], tmp_path / "logs", at_once=2)
    assert found == 0, printed
    assert len(list((tmp_path / "ever").iterdir())) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_parts_as_ctrl_c_does_and_begins_no_more(tmp_path: Path, number: int) -> None:
    code = (
        f"here = {str(tmp_path)!r} + '/' + str(os.getpid())\n"
        "try:\n open(here + '.begun', 'x').close()\n time.sleep(60)\nfinally:\n open(here + '.ended', 'x').close()"
    )
    signals = Signals()

    def receive() -> None:
        wait_until(lambda: len(list(tmp_path.glob("*.begun"))) == 2, "both have begun")
        signals.received = number

    thread = threading.Thread(target=receive)
    thread.start()
    exit_code, printed = ran([python(name, code) for name in ("one", "two", "three")], tmp_path, signals=signals)
    thread.join()
    assert exit_code == 128 + number
    assert printed.count("KeyboardInterrupt") == 2
    assert len(list(tmp_path.glob("*.begun"))) == 2
    assert len(list(tmp_path.glob("*.ended"))) == 2


def test_a_part_that_does_not_end_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "END_SECONDS_MAX", 0.2)
    begun = tmp_path / "begun"
    code = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nopen({str(begun)!r}, 'x')\ntime.sleep(60)"
    signals = Signals()

    def receive() -> None:
        wait_until(begun.exists, "it has begun")
        signals.received = signal.SIGINT

    thread = threading.Thread(target=receive)
    thread.start()
    exit_code, printed = ran([python("one", code)], tmp_path, signals=signals)
    thread.join()
    assert exit_code == 128 + signal.SIGINT
    assert "ended with -9" in printed
