"""What the tests of the audit log ask for, and what they arrange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from domain.account import Account
from domain.model import Cause

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def listed(world: World, by: str = "alice", **parameters: Any) -> list[dict[str, Any]]:
    """Return the items of a page."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    answer = world.ask("GET", world.account(f"/audit{query}"), headers=world.signed_in(by))
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def file(world: World, kind: str, query: str = "", by: str = "alice") -> Answer:
    """Return the answer that is a file."""
    answer = world.ask("GET", world.account(f"/audit/export?format={kind}{query}"), headers=world.signed_in(by))
    assert answer.status == 200, answer.body
    return answer


def create_key(world: World, name: str = "Nightly run") -> dict[str, Any]:
    """Have Alice make a key."""
    answer = world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json={"name": name})
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json
    return created


def rename(world: World, times: int) -> None:
    """Have the account renamed again and again, in one transaction for many."""
    account: Any = world.services.event_sourcing.find(Account, world.cast.account_a)
    for number in range(times):
        account.rename(Cause(world.clock.now, "system", "request-1", world.cast.tenant_id), f"Account {number}")
    events = [world.services.event_sourcing.mapper.to_stored_event(event) for event in account.collect_events()]
    world.services.event_sourcing.recorder.append(events, {})
    world.wait_for_lists()
