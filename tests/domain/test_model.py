"""What every event has."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tests.support.clock import NOON
from tests.support.examples import event_classes, example_events

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
