"""From an invitation to a password of one's own, by what the pages say and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from domain.limits import PASSWORD_CHARS_MIN

if TYPE_CHECKING:
    from tests.pages.conftest import VisitAs

OWN = "words of one's own, unrelated"


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_who_is_invited_signs_in_once_with_a_first_password_and_chooses_their_own(visit: VisitAs, script: bool) -> None:
    alice = visit("alice", java_script_enabled=script)
    page, email = alice.page, f"{uuid4().hex}@example.com"
    alice.go("/accounts/{a}/members")
    page.get_by_role("link", name="Invite member").click()
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Hand the password over now")).to_be_visible()
    first = page.get_by_label("First password", exact=True).input_value()

    invited = visit(java_script_enabled=script)
    invited.go("/accounts/{a}/jobs")
    for password, heading in ((first, "Choose your password"), (first, "Sign in"), (OWN, "Jobs")):
        invited.page.get_by_label("Email address").fill(email)
        invited.page.get_by_label("Password").fill(password)
        invited.page.get_by_role("button", name="Sign in").click()
        expect(invited.page.get_by_role("heading", level=1)).to_have_text(heading)
        if heading == "Choose your password":
            expect(invited.page.get_by_text(f"At least {PASSWORD_CHARS_MIN} characters")).to_be_visible()
            invited.page.get_by_label("New password", exact=True).fill(OWN)
            invited.page.get_by_label("New password, again").fill(OWN)
            invited.page.get_by_role("button", name="Save and go on").click()
            invited.page.wait_for_url("**/accounts/**")
            invited.page.locator("summary", has_text="Signed in as").click()
            invited.page.get_by_role("button", name="Sign out").click()
            invited.page.wait_for_url("**/sign-in")
            invited.go("/accounts/{a}/jobs")
