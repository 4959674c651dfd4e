"""What is accepted is kept: it can be listed, found, exported and made anew, whatever it is.

Bodies are drawn at random, sent to the whole application, and looked for with a real projector behind it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain import limits
from domain.permissions import ACCOUNT_ROLES
from interfaces.http.operations import OPERATIONS
from projections.dead_letters import list_dead_letters
from projections.read_models import READ_MODELS
from projections.verify import verify
from tests.support.effort import effort
from tests.support.valid_bodies import reports, spelled_times, texts, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Answer
    from tests.support.world import Robot, World

BODIES = int(os.environ.get("RPAWATCH_TEST_BODIES") or effort(200, 10_000))
"""RPAWATCH_TEST_BODIES=200000 takes some hours."""
CHANGES = BODIES // 5
REPORTS = BODIES - CHANGES
ROUND = 1_000
"""Sent before they are looked for."""
BETWEEN = timedelta(seconds=1)
EXACT: dict[str, Any] = {"parse_float": str, "parse_int": str}
DRAWN = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Sent:
    """A report that was answered with 201."""

    body: dict[str, Any]
    text: str
    job: str
    received_at: datetime


def get(world: World, path: str, **query: Any) -> Answer:
    answer = world.ask("GET", f"{path}?{urlencode(query)}" if query else path, headers=world.signed_in("alice"))
    assert answer.status == 200, (path, query, answer.body)
    return answer


def pages(world: World, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = get(world, path, **query, **cursor, limit=limits.PAGE_ITEMS_MAX).json
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def check_lists(world: World) -> None:
    """Nothing is set aside, and what is listed is what the log makes of it."""
    world.wait_for_lists()
    services = world.services
    assert list_dead_letters(services.database, READ_MODELS, 10) == []
    decode = services.event_sourcing.mapper.to_domain_event
    compared = verify(services.connect_projector, READ_MODELS, decode, lambda *_: None, lambda _: None)
    assert compared.differences == ()
    assert compared.rows > 0


def send_reports(world: World, robot: Robot, number: int) -> list[Sent]:
    sent: list[Sent] = []

    @settings(DRAWN, max_examples=number)
    @given(body=reports(), ascii_only=st.booleans(), gap=st.sampled_from(["", "", " ", "\n\t"]))
    def send(body: dict[str, Any], *, ascii_only: bool, gap: str) -> None:
        world.clock.advance(BETWEEN)
        text = to_json({"flow_id": str(robot.flow_id), **body}, ascii_only=ascii_only, gap=gap)
        answer = robot.send(text.encode())
        assert answer.status == 201, (answer.body, text)
        sent.append(Sent(body, text, answer.json["job_id"], world.clock.now))

    send()
    return sent


def check_job(world: World, sent: Sent, listed: dict[str, Any]) -> None:
    """The job is what was sent, in the list, alone, and where it is searched for."""
    body = sent.body
    path = world.account(f"/jobs/{sent.job}")
    answer = get(world, path)
    assert listed == {name: value for name, value in answer.json.items() if name != "data"}
    whole = json.loads(answer.body, **EXACT)
    for name in ("robot_id", "target", "source", "result_summary", "error_message", "external_id"):
        assert whole[name] == body.get(name), (name, sent.text)
    assert whole["tags"] == (body.get("tags") or [])
    assert instant(whole["started_at"]) == instant(body["started_at"])
    if body.get("finished_at"):
        assert instant(whole["finished_at"]) == instant(body["finished_at"])
    assert float(whole["duration_seconds"]) >= 0
    if body.get("status"):
        assert whole["status"] == body["status"].lower()
    data = body.get("data")
    assert whole["data"] == (None if data is None else json.loads(sent.text, **EXACT)["data"]), sent.text
    details = sorted(body.get("details") or [], key=lambda detail: int(float(detail["sequence_no"])))
    shown = list(pages(world, f"{path}/details"))
    assert [item["sequence_no"] for item in shown] == [int(float(detail["sequence_no"])) for detail in details]
    for item, detail in zip(shown, details, strict=True):
        assert item["status"] == detail["status"].lower()
        for name in ("record_id", "record_name", "result", "error_message"):
            assert item[name] == detail.get(name), (name, sent.text)


def searched(sent: Sent) -> Iterator[str]:
    """Yield what a job should be found by."""
    body = sent.body
    yield from filter(None, [body.get("external_id"), *(body.get("tags") or [])[:1]])
    yield from (detail["record_id"] for detail in (body.get("details") or [])[:1] if detail.get("record_id"))


def check_search(world: World, sent: Sent) -> None:
    then = {"from": sent.received_at.isoformat(), "to": (sent.received_at + BETWEEN).isoformat()}
    for text in searched(sent):
        if text.strip():
            found = [item["id"] for item in pages(world, world.account("/jobs"), q=text, **then)]
            assert found == [sent.job], (text, sent.text)


def test_every_report_that_is_accepted_is_listed_found_and_made_anew(world: World) -> None:
    robot = world.robot(limit=limits.RATE_LIMIT_MAX)
    for begun in range(0, REPORTS, ROUND):
        since = world.clock.now + BETWEEN
        sent = send_reports(world, robot, min(ROUND, REPORTS - begun))
        world.wait_for_lists()
        period = {"from": since.isoformat(), "sort": "received_at"}
        listed = {item["id"]: item for item in pages(world, world.account("/jobs"), **period)}
        assert list(listed) == [one.job for one in sent]
        for one in sent:
            check_job(world, one, listed[one.job])
            check_search(world, one)
    check_lists(world)


NAMES = texts(limits.NAME_CHARS_MAX, chars_min=1)
REASONS = texts(limits.REASON_CHARS_MAX)
LIMITS = st.integers(limits.RATE_LIMIT_MIN, limits.RATE_LIMIT_MAX) | st.sampled_from([60.0, 1.0])
FAR = st.datetimes(datetime(2050, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - it is given
EMAILS = st.builds(
    lambda name, host: f"{name}@{host}",
    st.text("abcxyz.+-_0129äéñ", min_size=1, max_size=30),
    st.text("abc-.é", min_size=1, max_size=20),
)
DRAWN_FIELDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["keys", "keys", "processes", "accounts", "members"]),
        "name": NAMES,
        "other_name": st.none() | NAMES,
        "reason": st.none() | REASONS,
        "ends": st.none() | FAR.flatmap(lambda ends: st.tuples(st.just(ends), spelled_times(ends))),
        "limit": st.none() | LIMITS,
        "other_limit": st.none() | LIMITS,
        "overlap_seconds": st.integers(0, 604_800) | st.sampled_from([0.0, 60.0]),
        "is_for_one": st.booleans(),
        "retired": st.none() | st.booleans(),
        "email": EMAILS,
        "role": st.sampled_from(sorted(role.value for role in ACCOUNT_ROLES)),
    }
)
ORDINARY = {
    "name": "Nightly run",
    "other_name": "Nightly run, old",
    "reason": "Laptop was lost",
    "ends": None,
    "limit": 10,
    "other_limit": 5,
    "overlap_seconds": 60,
    "is_for_one": True,
    "retired": True,
    "email": "max@example.com",
    "role": "account_user",
}
"""Of the same fields, all of which are accepted."""


@dataclass
class Changes:
    """Sends random bodies to the admin API, and looks for what was accepted. taken, refused: how many; asked: what."""

    world: World
    taken: int = 0
    refused: int = 0
    asked: set[str] = field(default_factory=set)

    def make(self, drawn: dict[str, Any]) -> None:
        """Make something of what was drawn, and change it."""
        makers = {"keys": self.key, "processes": self.process, "accounts": self.account, "members": self.member}
        makers[drawn["kind"]](drawn)

    def send(self, method: str, path: str, body: dict[str, Any], name: str = "alice") -> dict[str, Any] | None:
        """Return the resource; None when the body was refused for a rule."""
        self.world.clock.advance(BETWEEN)
        answer = self.world.ask(method, path, headers=self.world.signed_in(name), json=body)
        self.asked.add(f"{method} {path}")
        if answer.status in {200, 201}:
            self.taken += 1
            resource: dict[str, Any] = answer.json
            return resource
        assert (answer.status, answer.problem) == (422, "invalid-request"), (method, path, body, answer.body)
        self.refused += 1
        return None

    def key(self, drawn: dict[str, Any]) -> None:
        """Make a key, change it, rotate it, and deactivate the one that takes its place."""
        path = self.world.account("/keys")
        ends, spelled = drawn["ends"] or (None, None)
        flow_id = str(self.world.cast.flow_a) if drawn["is_for_one"] else None
        body = {"name": drawn["name"], "expires_at": spelled, "limit": drawn["limit"], "flow_id": flow_id}
        made = self.send("POST", path, body)
        if made is None:
            return
        assert ends == (made["expires_at"] and instant(made["expires_at"]))
        change = {"name": drawn["other_name"], "limit": drawn["other_limit"]}
        made = self.send("PATCH", f"{path}/{made['id']}", change) or made
        has_words = any(map(str.isalnum, made["name"]))
        self.check_listed(path, made, active="true", q=made["name"] if has_words else None)
        overlap = {"overlap_seconds": drawn["overlap_seconds"], "expires_at": spelled}
        rotated = self.send("POST", f"{path}/{made['id']}/rotate", overlap)
        assert rotated is not None
        self.check_listed(path, rotated, scope=rotated["flow_id"])
        ended = self.send("POST", f"{path}/{rotated['id']}/deactivate", {"reason": drawn["reason"]})
        if ended is not None:
            assert ended["deactivation_reason"] == drawn["reason"]
            self.check_listed(path, ended, active="false")
        for key in (made, rotated):
            assert list(pages(self.world, f"{path}/{key['id']}/history"))

    def check_listed(self, path: str, resource: dict[str, Any], **query: Any) -> None:
        """It is in the list, as it was answered: among the last ones that were made."""
        query = {name: value for name, value in query.items() if value is not None}
        found = get(self.world, path, sort="-created_at", limit=limits.PAGE_ITEMS_MAX, **query).json["items"]
        wanted = {name: value for name, value in resource.items() if name != "key"}
        assert wanted in found, (wanted, query)

    def process(self, drawn: dict[str, Any]) -> None:
        """Register a process, and change it."""
        path = self.world.account("/processes")
        flow_id = str(uuid4()) if drawn["is_for_one"] else None
        made = self.send("POST", path, {"name": drawn["name"], "flow_id": flow_id})
        if made is None:
            return
        change = {"name": drawn["other_name"], "retired": drawn["retired"]}
        made = self.send("PATCH", f"{path}/{made['flow_id']}", change) or made
        assert made in pages(self.world, path)

    def account(self, drawn: dict[str, Any]) -> None:
        """Open an account, rename it, and suspend it."""
        made = self.send("POST", "/api/v1/accounts", {"name": drawn["name"]}, "tess")
        if made is None:
            return
        path = f"/api/v1/accounts/{made['id']}"
        made = self.send("PATCH", path, {"name": drawn["other_name"]}, "tess") or made
        made = self.send("POST", f"{path}/suspend", {"reason": drawn["reason"]}, "tess") or made
        shown = self.world.ask("GET", path, headers=self.world.signed_in("tess"))
        assert shown.json == made

    def member(self, drawn: dict[str, Any]) -> None:
        """Give somebody a role."""
        path = self.world.account("/members")
        flow_ids = [str(self.world.cast.flow_a)] if drawn["is_for_one"] else None
        body = {"email": drawn["email"], "role": drawn["role"], "name": drawn["other_name"], "flow_ids": flow_ids}
        made = self.send("POST", path, body)
        if made is not None:
            assert made["user_id"] in [item["user_id"] for item in pages(self.world, path)]


def test_every_operation_that_takes_something_to_keep_is_among_the_changes(world: World) -> None:
    changes = Changes(world)
    for kind in ("keys", "processes", "accounts", "members"):
        changes.make(ORDINARY | {"kind": kind})
    assert changes.refused == 0
    taking = {
        f"{one.method.upper()} {one.path}"
        for one in OPERATIONS
        if one.action is not None and one.body is not None and one.body.model.model_fields
    }
    assert len(taking) >= 10
    for operation in taking:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", operation))
        assert any(map(pattern.fullmatch, changes.asked)), operation


def exported(world: World) -> list[dict[str, Any]]:
    answer = get(world, world.account("/audit/export"), format="jsonl")
    return [json.loads(line) for line in answer.body.decode().split("\n") if line]


def test_every_change_that_is_accepted_is_listed_found_exported_and_made_anew(world: World) -> None:
    changes = Changes(world)

    @settings(DRAWN, max_examples=CHANGES)
    @given(drawn=DRAWN_FIELDS)
    def change(drawn: dict[str, Any]) -> None:
        changes.make(drawn)

    change()
    assert changes.taken > changes.refused
    listed = list(pages(world, world.account("/audit")))
    assert exported(world) == listed[::-1]
    rows = get(world, world.account("/audit/export"), format="csv").body.decode()
    assert all(quote(entry["resource"]["id"]) in rows for entry in listed)
    check_lists(world)
