"""How web processes are kept: with stand-ins for them that die, or do not end."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from interfaces.serving import child_process, web_processes
from interfaces.serving.web_process import Place
from interfaces.serving.web_processes import WebProcesses
from interfaces.settings import Settings
from tests.interfaces.http.server.wire import connect
from tests.support.serving import running_in_a_thread
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(60)"
)
PATIENT = "import time; time.sleep(60)"


@contextmanager
def kept(monkeypatch: pytest.MonkeyPatch, program: str, *arguments: str, workers: int = 1) -> Iterator[WebProcesses]:
    """Keep processes of a program in the place of web processes, within the block."""
    monkeypatch.setattr(
        Place, "command", lambda place: [sys.executable, "-c", program, *arguments, str(place.lifeline)]
    )
    web = WebProcesses(Settings(_env_file=None, listen="127.0.0.1:0", workers=workers))
    with running_in_a_thread(web, stop_seconds_max=15):
        yield web


def of_event(logs: list[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


def test_a_place_is_what_its_command_says() -> None:
    place = Place(2, {5: "", 7: "metrics"}, 9, Path("/tmp/rpawatch web"))  # noqa: S108 - nothing is made there
    command = place.command()
    assert command[:2] == [sys.executable, "-P"]
    assert Place.of(command[-4:]) == place


def test_processes_that_die_at_the_start_are_started_again_ever_more_slowly_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs, kept(monkeypatch, "raise SystemExit(3)"):
        wait_until(lambda: len(of_event(logs, "web_process_keeps_dying")) >= 2, "they keep dying")
    died = of_event(logs, "web_process_died") + of_event(logs, "web_process_keeps_dying")
    pauses = [line["again_seconds"] for line in died]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert {line["reason"] for line in died} == {"exit code 3"}
    assert [line["log_level"] for line in died[:4]] == ["warning", "warning", "error", "error"]


def test_the_pause_before_another_attempt_has_a_bound() -> None:
    assert child_process.PAUSE_SECONDS_FIRST * (1 << 10) > child_process.PAUSE_SECONDS_MAX


def test_a_program_that_can_not_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interfaces.serving.child_process.subprocess.Popen", _no_process)
    with capture_logs() as logs, kept(monkeypatch, ""):
        wait_until(lambda: of_event(logs, "web_process_keeps_dying"), "it is tried again")
    assert of_event(logs, "web_process_died")[0]["reason"] == "no more processes"


def _no_process(*_: object, **__: object) -> None:
    raise OSError(11, "no more processes")


def test_one_that_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web_processes, "END_SECONDS_MAX", 0.2)
    runs = tmp_path / "runs"
    with capture_logs() as logs, kept(monkeypatch, STUBBORN, str(runs)) as web:
        wait_until(runs.exists, "it ignores SIGTERM")
        address = web.address
    assert len(of_event(logs, "web_process_killed")) == 1
    with pytest.raises(ConnectionRefusedError):
        connect(address)


def test_at_the_end_all_are_asked_to_end_and_none_is_killed_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as logs, kept(monkeypatch, PATIENT, workers=3):
        wait_until(lambda: len(of_event(logs, "web_process_started")) == 3, "they are started")
    assert of_event(logs, "web_process_died") == []
    assert of_event(logs, "web_process_killed") == []


def test_what_they_have_in_common_is_private_and_gone_at_the_end() -> None:
    with web_processes._shared_folder(2) as folder:  # noqa: SLF001 - nothing else shows it
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "bad-keys").stat().st_size > 0
    assert not folder.exists()
