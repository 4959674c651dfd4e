"""What every event has."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from domain.account import Account
from domain.model import FirstEvent
from tests.support.clock import NOON
from tests.support.examples import ACCOUNT, SECOND, TENANT, a_key, cause, event_classes, example_events

if TYPE_CHECKING:
    from domain.model import Event

EVENTS = example_events()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_an_event_says_when_who_and_for_which_request_and_can_not_be_changed(event: Event) -> None:
    assert event.timestamp.utcoffset() == timedelta(0)
    assert event.actor
    assert event.request_id
    assert event.command_id.version == 4
    with pytest.raises(ValidationError):
        event.actor = "somebody else"  # type: ignore[misc] # what is tried here


@pytest.mark.parametrize("address", ["2001:db8::9", None])
def test_the_first_and_all_later_events_say_from_where_as_their_cause_does(address: str | None) -> None:
    asked = cause(address=address)
    account = Account.open(asked, account_id=ACCOUNT, tenant_id=TENANT, name="Account A")
    account.rename(asked, "Account Z")
    account.suspend(asked)
    events: list[Any] = account.pending_events
    assert [event.address for event in events] == [address] * 3


@pytest.mark.parametrize("address", ["192.0.2.7", None])
def test_an_event_that_is_given_an_address_or_none_says_nothing_of_its_causes(address: str | None) -> None:
    key = a_key(limit=1)
    asked = cause(address="2001:db8::9")
    key.use(asked, "accepted", address=address)
    key.throttle(asked, address)
    key.deactivate(cause())
    key.count_refusals(asked, attempts=1, last_attempt_at=NOON, address=address)
    events: list[Any] = key.pending_events
    _, used, throttled, _, refused = events
    assert used.address == throttled.address == refused.address == address


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_an_event_may_be_without_an_address(event: Event) -> None:
    without = {name: value for name, value in dict(event).items() if name != "address"}
    assert type(event).model_validate(without).address is None


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_an_event_has_no_further_fields(event: Event) -> None:
    with pytest.raises(ValidationError):
        type(event).model_validate(dict(event) | {"colour": "red"})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_an_optional_field_of_an_event_has_none_as_its_default_since_none_is_left_out_of_the_log(event: Event) -> None:
    for name, field in type(event).model_fields.items():
        if type(None) in getattr(field.annotation, "__args__", ()):
            assert not field.is_required(), name
            assert field.default is None, name


def test_an_event_without_a_zone_in_its_time_is_refused() -> None:
    with pytest.raises(ValidationError):
        type(EVENTS[0]).model_validate(dict(EVENTS[0]) | {"timestamp": NOON.replace(tzinfo=None)})


def test_an_event_is_stamped_in_utc_whichever_zone_its_maker_lives_in() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=1)))
    event = type(EVENTS[0]).model_validate(dict(EVENTS[0]) | {"timestamp": elsewhere})
    assert (event.timestamp, event.timestamp.utcoffset()) == (NOON, timedelta(0))


def test_topics_are_short_lower_case_and_no_two_events_share_one() -> None:
    topics = [kind.TOPIC for kind in event_classes()]
    assert len(topics) == len(set(topics)) == len(EVENTS)
    for topic in topics:
        aggregate, _, name = topic.partition(".")
        assert aggregate.replace("_", "").isalpha()
        assert name.replace("_", "").isalpha()
        assert topic == topic.lower()


@pytest.mark.parametrize("kind", event_classes(), ids=lambda kind: kind.TOPIC)
def test_an_event_says_what_people_read_of_it_or_that_they_do_not(kind: type[Event]) -> None:
    assert kind.LABEL.lower() == kind.LABEL, "it stands behind what it happened to; empty where nobody reads of it"
    assert kind.model_fields.keys() >= set(kind.ABOUT)
    assert not set(kind.detail_fields()) & {*FirstEvent.model_fields, *kind.ABOUT}


def test_a_copy_is_equal_has_nothing_pending_and_changes_by_itself() -> None:
    key = a_key(limit=3)
    key.use(cause(), "accepted")
    copy = key.copy()
    assert (copy.pending_events, copy.version, copy.quota(NOON)) == ([], 2, key.quota(NOON))
    copy.use(cause(NOON + SECOND), "accepted")
    assert (key.uses, key.version, key.quota(NOON).left, len(key.pending_events)) == (1, 2, 2, 2)
    assert (copy.uses, copy.version, copy.quota(NOON).left, len(copy.pending_events)) == (2, 3, 1, 1)


def test_an_aggregate_begins_once() -> None:
    key = a_key()
    (created,) = key.pending_events
    with pytest.raises(ValueError, match="begins once"):
        created.mutate(key)
