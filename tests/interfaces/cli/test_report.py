"""`rpawatch report`: sends as a bot does, and does not give up easily."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from interfaces.cli.report import commands as report
from interfaces.cli.report.sender import TOTAL_SECONDS_MAX, Patience
from tests.interfaces.cli.bots_service import RECEIPT, Scripted, refusal, scripted_service
from tests.interfaces.cli.commands import SECONDS_MAX, command_line, environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interfaces.cli.conftest import Rpawatch

BODY = b'{"flow_id": "4de713a3-1a07-4282-8885-dfbaa7869a31", "robot_id": "robot-7"}\n'
REPLAYED = Scripted(headers={"Idempotent-Replayed": "true"})


@dataclass
class FakeTime:
    """Time that passes only while somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    time = FakeTime()
    monkeypatch.setattr(report, "Patience", lambda retries: Patience(retries, time.clock, time.sleep, lambda: 1.0))
    return time


@pytest.fixture
def bot(rpawatch: Rpawatch, secret: str, time: FakeTime, tmp_path: Path) -> Rpawatch:
    """The command line of a bot with a key and a report in job.json."""
    del secret, time
    (tmp_path / "job.json").write_bytes(BODY)
    return rpawatch


def test_a_report_is_sent_as_it_is_and_the_receipt_printed(bot: Rpawatch, secret: str) -> None:
    with scripted_service(Scripted()) as service:
        sent = bot("report", "job.json", "--url", service.url + "/", "--json")
    assert (sent.code, sent.err) == (0, "")
    [request] = service.sent
    assert (request.path, request.body) == ("/api/v1/ingest/report", BODY)
    assert request.headers["x-api-key"] == secret
    assert request.headers["content-type"] == "application/json"
    key = request.headers["idempotency-key"]
    assert UUID(key).version == 4
    assert sent.json == RECEIPT | {"replayed": False, "idempotency_key": key}


def test_people_see_the_receipt_as_lines(bot: Rpawatch) -> None:
    with scripted_service(REPLAYED) as service:
        sent = bot("report", "job.json", "--url", service.url)
    lines = dict(line.split("  ", 1) for line in sent.out.splitlines())
    assert lines["Status"].strip() == "partial_success"
    assert lines["Records"].strip() == "total 3, success 1, failed 2, skipped 0"
    assert lines["Reported before"].strip() == "yes"


def test_the_address_can_come_from_the_environment_and_have_a_path(
    bot: Rpawatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_service(Scripted()) as service:
        monkeypatch.setenv("RPAWATCH_URL", f"{service.url}/behind/proxy/")
        assert bot("report", "job.json").code == 0
    assert service.sent[0].path == "/behind/proxy/api/v1/ingest/report"


def test_standard_input_is_sent_without_a_byte_order_mark(bot: Rpawatch, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_service(Scripted()) as service:
        for arguments in ((), ("-",)):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + BODY)))
            assert bot("report", *arguments, "--url", service.url).code == 0
    assert [request.body for request in service.sent] == [BODY, BODY]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_it_tries_again_with_the_same_key_and_body(bot: Rpawatch, time: FakeTime, status: int) -> None:
    busy = refusal(status, "Busy.", headers={"Retry-After": "7"})
    with scripted_service(busy, busy, Scripted()) as service:
        sent = bot("report", "job.json", "--url", service.url, "--json")
    assert (sent.code, sent.json["job_id"]) == (0, RECEIPT["job_id"])
    assert len({(request.headers["idempotency-key"], request.body) for request in service.sent}) == 1
    assert len(service.sent) == 3
    assert time.slept == [7.0, 7.0]
    assert sent.err.splitlines()[0] == f"The service answered {status}; trying again in 7.0 s (1 of 5)"


def test_a_given_idempotency_key_goes_with_every_attempt(bot: Rpawatch) -> None:
    with scripted_service(Scripted(close=True), refusal(503, "Away."), Scripted()) as service:
        sent = bot("report", "job.json", "--url", service.url, "--idempotency-key", "nightly 2026-03-10", "--json")
    assert sent.json["idempotency_key"] == "nightly 2026-03-10"
    assert [request.headers["idempotency-key"] for request in service.sent] == ["nightly 2026-03-10"] * 3


def test_without_a_retry_after_waits_grow(bot: Rpawatch, time: FakeTime) -> None:
    with scripted_service(refusal(500, "Trouble.")) as service:
        failed = bot("report", "job.json", "--url", service.url, "--retries", "8")
    assert failed.code == 3
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert len(service.sent) == 9


def test_a_retry_after_with_a_date_is_understood(bot: Rpawatch, time: FakeTime) -> None:
    past = refusal(503, "Away.", headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    with scripted_service(past, Scripted()) as service:
        assert bot("report", "job.json", "--url", service.url).code == 0
    assert time.slept == [0.0]


def test_it_waits_no_longer_than_is_sensible(bot: Rpawatch, time: FakeTime) -> None:
    with scripted_service(refusal(429, "Slow down.", headers={"Retry-After": "200"})) as service:
        failed = bot("report", "job.json", "--url", service.url)
    assert failed.code == 1
    assert time.slept == [200.0]
    assert time.now <= TOTAL_SECONDS_MAX
    assert failed.err.splitlines()[-1] == "429 Title: Slow down."


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_a_refusal_is_final(bot: Rpawatch, time: FakeTime, status: int) -> None:
    with scripted_service(refusal(status, "No. Do this.", headers={"Retry-After": "1"})) as service:
        refused = bot("report", "job.json", "--url", service.url)
    assert (refused.code, refused.out, refused.line) == (1, "", f"{status} Title: No. Do this.")
    assert (len(service.sent), time.slept) == (1, [])


@pytest.mark.parametrize(("said", "told"), [({}, "95 more"), ({"more_errors": True}, "at least 95 more")])
def test_broken_rules_are_listed_and_many_are_counted(bot: Rpawatch, said: dict[str, Any], told: str) -> None:
    rules = [{"pointer": f"/details/{number}/status", "message": "is required"} for number in range(100)]
    with scripted_service(refusal(422, "Rules.", errors=rules, **said)) as service:
        refused = bot("report", "job.json", "--url", service.url)
    assert refused.line.startswith("422 Title: Rules. /details/0/status is required; /details/1/status is required")
    assert refused.line.endswith(f"/details/4/status is required; and {told}.")


def test_a_service_that_stays_away_is_told_with_how_to_go_on(bot: Rpawatch, time: FakeTime) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        failed = bot("report", "job.json", "--url", f"http://127.0.0.1:{port}", "--retries", "2")
    assert (failed.code, failed.out) == (3, "")
    assert len(time.slept) == 2
    last = failed.err.splitlines()[-1]
    assert "can't be reached (Connection refused)" in last
    assert "--idempotency-key" in last


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_the_key(bot: Rpawatch, status: int) -> None:
    with (
        scripted_service(Scripted()) as elsewhere,
        scripted_service(Scripted(status, b"", {"Location": f"{elsewhere.url}/api/v1/ingest/report"})) as service,
    ):
        refused = bot("report", "job.json", "--url", service.url)
    assert refused.code == 1
    assert f"redirects to {elsewhere.url}" in refused.line
    assert elsewhere.sent == []


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(200, b"<html>A portal</html>"),
        Scripted(201, b"[]"),
        Scripted(404, b"\xff" * 10),
        Scripted(422, {"detail": "Odd.", "errors": "none", "more_errors": "many"}),
    ],
)
def test_an_answer_of_something_else_is_one_line(bot: Rpawatch, answer: Scripted) -> None:
    with scripted_service(answer) as service:
        refused = bot("report", "job.json", "--url", service.url)
    assert (refused.code, refused.out) == (1, "")
    assert refused.line


def test_an_answer_steers_no_terminal(bot: Rpawatch) -> None:
    with scripted_service(refusal(422, "\x1b[2J[red]x")) as service:
        assert bot("report", "job.json", "--url", service.url).line == "422 Title: \\x1b[2J[red]x"


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_it_says_where_it_belongs(
    bot: Rpawatch, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.delenv("RPAWATCH_API_KEY")
    if key is not None:
        monkeypatch.setenv("RPAWATCH_API_KEY", key)
    refused = bot("report", "job.json")
    assert (refused.code, refused.out) == (2, "")
    assert refused.line.startswith("RPAWATCH_API_KEY is not set.")


def test_what_is_no_whole_key_is_not_sent_and_not_repeated(
    bot: Rpawatch, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RPAWATCH_API_KEY", secret[:-1])
    with scripted_service(Scripted()) as service:
        refused = bot("report", "job.json", "--url", service.url)
    assert refused.code == 2
    assert secret[:-1] not in refused.err
    assert service.sent == []


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000", "ftp://example.com", "http://", "http://u:p@example.com", "http://example.com/?x=1",
        "http://example.com/#x", "http://example.com:99999", "http://exa mple.com", "http://[::1", "http://münchen.example",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_service_is_wrong_usage(bot: Rpawatch, url: str) -> None:
    refused = bot("report", "job.json", "--url", url)
    assert refused.code == 2
    assert refused.line.startswith("--url must be the address of the service")


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\nb"])
def test_what_is_no_idempotency_key_is_wrong_usage(bot: Rpawatch, key: str) -> None:
    refused = bot("report", "job.json", "--idempotency-key", key)
    assert refused.code == 2
    assert refused.line == "--idempotency-key must be 1 to 255 printable characters of ASCII."


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.json", "Can't read missing.json (No such file or directory)."), (".", "Can't read . (Is a directory).")],
)
def test_a_file_that_can_not_be_read_is_one_line(bot: Rpawatch, name: str, message: str) -> None:
    refused = bot("report", name)
    assert refused.code == 1
    assert refused.line.startswith(message)


def test_an_empty_report_is_not_sent(bot: Rpawatch, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_bytes(b" \n")
    refused = bot("report", "empty.json")
    assert (refused.code, refused.line) == (1, "The report is empty. Nothing was sent.")


def test_a_key_that_would_travel_in_the_open_is_warned_of(bot: Rpawatch, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise OSError("not in a test")

    monkeypatch.setattr("socket.create_connection", nobody)
    warned = bot("report", "job.json", "--url", "http://rpawatch.example.com", "--retries", "0")
    assert warned.err.splitlines()[0].startswith("Warning: the key and the report travel to rpawatch.example.com")
    quiet = bot("report", "job.json", "--url", "https://rpawatch.example.com", "--retries", "0")
    assert not quiet.err.startswith("Warning")


def test_a_process_reads_standard_input_and_prints_one_document(tmp_path: Path, secret: str) -> None:
    with scripted_service(refusal(503, "Away.", headers={"Retry-After": "0"}), Scripted()) as service:
        ran = run_process(
            "report", "--url", service.url, "--json",
            folder=tmp_path, env=environment(RPAWATCH_API_KEY=secret, LC_ALL="C"), stdin=BODY,
        )  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["status"] == "partial_success"
    assert [request.body for request in service.sent] == [BODY, BODY]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_waits_ends_it_quietly(
    tmp_path: Path, secret: str, number: signal.Signals, code: int
) -> None:
    with scripted_service(refusal(503, "Away.", headers={"Retry-After": "60"})) as service:
        process = subprocess.Popen(
            command_line("report", "--url", service.url),
            cwd=tmp_path,
            env=environment(RPAWATCH_API_KEY=secret),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(BODY)
        process.stdin.close()
        assert process.stderr.readline().startswith(b"The service answered 503; trying again in 60.0 s")
        process.send_signal(number)
        assert process.wait(timeout=SECONDS_MAX) == code
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.stdout is not None
        assert process.stdout.read() == b""
        process.stdout.close()
