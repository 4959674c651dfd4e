"""Verify, in a browser: it says how far it is, and what came of it, without a reload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.pages.browser import MILLISECONDS_MAX

if TYPE_CHECKING:
    from tests.pages.conftest import VisitAs


def test_verify_says_that_the_log_is_whole_by_itself(visit: VisitAs) -> None:
    looking = visit("alice")
    looking.go("/accounts/{a}/audit")
    looking.page.get_by_role("link", name="Verify").click()
    looking.page.get_by_role("button", name="Verify").click()
    looking.page.get_by_text("The log is whole.").wait_for(timeout=2 * MILLISECONDS_MAX)
    # And can be asked again, without a reload.
    looking.page.get_by_role("button", name="Verify").click()
    looking.page.get_by_text("The log is whole.").wait_for(timeout=2 * MILLISECONDS_MAX)


def test_a_key_is_looked_at_as_it_was_event_by_event(visit: VisitAs) -> None:
    looking = visit("aud")
    looking.go("/accounts/{a}/keys/{deactivated}")
    looking.page.get_by_role("link", name=re.compile("as it was then ?, after event 1$")).click()
    looking.page.get_by_text("after 1 of 2 events").wait_for()
    looking.page.get_by_role("link", name="One event later").click()
    looking.page.get_by_text("after 2 of 2 events").wait_for()
    looking.page.get_by_label("As it was at (UTC)").fill("2020-02-02T20:02:02")
    looking.page.get_by_role("button", name="Show").click()
    looking.page.get_by_text("It was not made yet.").wait_for()
