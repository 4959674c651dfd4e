"""Which keys need attention, at the exact instants."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from domain.hygiene import SEVERITY, Finding, FindingKind, Rules, Severity, finding_of
from domain.limits import KEY_EXPIRY_NOTICE, KEY_REFUSED_NOTICE, KEY_UNUSED_NOTICE
from tests.support.clock import NOON
from tests.support.examples import MICROSECOND, SECOND, a_key

if TYPE_CHECKING:
    from domain.api_key import KeyState

DAY = timedelta(days=1)
YOUNG, OLD = NOON - DAY, NOON - 1_000 * DAY
FAR = NOON + 1_000 * DAY
ENDED: dict[str, dict[str, Any]] = {"deactivated": {"deactivated_at": OLD}, "expired": {"expires_at": NOON}}
ENDS = pytest.mark.parametrize("end", ENDED.values(), ids=ENDED)


def a_life(**times: Any) -> KeyState:
    """Return a key with these times, and no other end."""
    key = a_key()
    for name, time in times.items():
        setattr(key, name, time)
    return key


def kind_of(max_age: timedelta | None = None, *, suspended: bool = False, **times: Any) -> FindingKind | None:
    """Return what is wrong at NOON with a key that was made in time, is used and expires, but for these times."""
    life = {"created_at": OLD, "last_used_at": YOUNG, "expires_at": FAR} | times
    finding = finding_of(a_life(**life), NOON, Rules(max_age=max_age), suspended=suspended)
    return finding.kind if finding else None


def test_nothing_is_the_matter_with_a_key_that_is_used_and_expires_some_day() -> None:
    assert kind_of() is None
    assert kind_of(created_at=NOON, last_used_at=None) is None


def test_a_key_that_was_never_used_is_found_from_the_very_instant_on() -> None:
    made = NOON - KEY_UNUSED_NOTICE
    assert kind_of(created_at=made, last_used_at=None) is FindingKind.NEVER_USED
    assert kind_of(created_at=made + MICROSECOND, last_used_at=None) is None


def test_a_key_that_is_not_used_any_more_is_found_from_the_very_instant_on() -> None:
    used = NOON - KEY_UNUSED_NOTICE
    assert kind_of(last_used_at=used) is FindingKind.UNUSED
    assert kind_of(last_used_at=used + MICROSECOND) is None


def test_for_how_long_a_key_may_be_unused_is_for_the_caller_to_say() -> None:
    key = a_life(created_at=OLD, last_used_at=NOON - 7 * DAY, expires_at=FAR)
    assert finding_of(key, NOON, Rules(unused=7 * DAY), suspended=False) == Finding(FindingKind.UNUSED, NOON - 7 * DAY)
    assert finding_of(key, NOON, Rules(unused=7 * DAY + MICROSECOND), suspended=False) is None


def test_a_key_expires_soon_from_the_notice_until_it_has_expired() -> None:
    assert kind_of(expires_at=NOON + KEY_EXPIRY_NOTICE + MICROSECOND) is None
    assert kind_of(expires_at=NOON + KEY_EXPIRY_NOTICE) is FindingKind.EXPIRES_SOON
    assert kind_of(expires_at=NOON + MICROSECOND) is FindingKind.EXPIRES_SOON
    assert kind_of(expires_at=NOON) is None


def test_of_a_key_that_nobody_uses_it_is_no_matter_when_it_expires() -> None:
    unused = NOON - KEY_UNUSED_NOTICE
    for expires_at in (NOON + DAY, None):
        assert kind_of(last_used_at=unused, expires_at=expires_at, max_age=DAY) is FindingKind.UNUSED
        assert kind_of(created_at=unused, last_used_at=None, expires_at=expires_at) is FindingKind.NEVER_USED


def test_a_key_that_never_expires_is_advice_until_it_is_older_than_it_may_be() -> None:
    assert kind_of(expires_at=None) is FindingKind.NEVER_EXPIRES
    made = NOON - 365 * DAY
    assert kind_of(expires_at=None, created_at=made, max_age=365 * DAY) is FindingKind.TOO_OLD
    assert kind_of(expires_at=None, created_at=made + MICROSECOND, max_age=365 * DAY) is FindingKind.NEVER_EXPIRES


def test_a_key_that_expires_is_never_too_old() -> None:
    assert kind_of(max_age=DAY) is None


@ENDS
def test_a_key_that_has_ended_is_found_while_it_was_presented_of_late(end: dict[str, Any]) -> None:
    assert kind_of(**end) is None
    assert kind_of(**end, refused_at=NOON - KEY_REFUSED_NOTICE) is FindingKind.STILL_PRESENTED
    assert kind_of(**end, refused_at=NOON - KEY_REFUSED_NOTICE - MICROSECOND) is None
    assert kind_of(**end, refused_at=NOON + SECOND) is FindingKind.STILL_PRESENTED, "by the clock of another machine"


@ENDS
def test_nothing_else_is_the_matter_with_a_key_that_has_ended(end: dict[str, Any]) -> None:
    for used in (None, OLD, YOUNG):
        assert kind_of(**end, last_used_at=used, rotated_at=OLD, max_age=DAY) is None


def test_a_key_that_was_rotated_is_found_only_when_it_was_used_since() -> None:
    overlap: dict[str, Any] = {"rotated_at": NOON - DAY, "expires_at": NOON + DAY}
    assert kind_of(**overlap, last_used_at=NOON - DAY) is None
    assert kind_of(**overlap, last_used_at=NOON - DAY + MICROSECOND) is FindingKind.NOT_SWITCHED
    assert kind_of(**overlap, last_used_at=None) is None
    assert kind_of(**overlap, last_used_at=OLD) is None, "it ends by itself"


def test_a_key_of_a_suspended_account_is_found_only_after_its_end() -> None:
    for times in ({"last_used_at": OLD}, {"expires_at": NOON + DAY}, {"expires_at": None}):
        assert kind_of(**times) is not None
        assert kind_of(**times, suspended=True) is None
    assert kind_of(deactivated_at=OLD, refused_at=NOON, suspended=True) is FindingKind.STILL_PRESENTED


def test_a_finding_says_what_it_asks_for_and_which_instant_it_is_about() -> None:
    rules = Rules(max_age=365 * DAY)
    lives = [
        (a_life(created_at=OLD, deactivated_at=OLD, refused_at=YOUNG), Severity.ACT, YOUNG),
        (a_life(created_at=OLD, last_used_at=YOUNG, expires_at=NOON + DAY), Severity.ACT, NOON + DAY),
        (a_life(created_at=OLD), Severity.ACT, OLD),
        (a_life(created_at=OLD - DAY, last_used_at=OLD), Severity.ACT, OLD),
        (a_life(created_at=OLD, last_used_at=YOUNG), Severity.ACT, OLD),
        (
            a_life(created_at=OLD, last_used_at=YOUNG, rotated_at=OLD, expires_at=NOON + DAY),
            Severity.NOTICE,
            NOON + DAY,
        ),
        (a_life(created_at=YOUNG, last_used_at=YOUNG), Severity.ADVICE, YOUNG),
    ]
    findings = [finding_of(life, NOON, rules, suspended=False) for life, _, _ in lives]
    assert [finding.kind for finding in findings if finding] == list(FindingKind)
    assert [(finding.severity, finding.at) for finding in findings if finding] == [
        (severity, at) for _, severity, at in lives
    ]
    assert SEVERITY.keys() == set(FindingKind)


def test_the_most_pressing_comes_first() -> None:
    in_order = [
        Finding(FindingKind.STILL_PRESENTED, NOON),
        Finding(FindingKind.STILL_PRESENTED, OLD),
        Finding(FindingKind.EXPIRES_SOON, NOON + SECOND),
        Finding(FindingKind.EXPIRES_SOON, NOON + DAY),
        Finding(FindingKind.UNUSED, OLD),
        Finding(FindingKind.UNUSED, YOUNG),
        Finding(FindingKind.NEVER_EXPIRES, OLD),
    ]
    for some in permutations(in_order, 3):
        kept = [finding for finding in in_order if finding in some]
        assert sorted(some, key=lambda finding: finding.urgency) == kept
