"""A browser sends its cookie along whoever makes it ask; so a change that is made with the cookie needs more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import SESSION

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_a_change_with_the_cookie_and_without_its_csrf_token_is_refused(world: World, token: str | None) -> None:
    session = world.session("alice")
    headers = world.cookie(session["token"]) | ({} if token is None else {"X-CSRF-Token": token})
    for method, path in (
        ("DELETE", SESSION),
        ("POST", world.account("/processes")),
        ("POST", world.account("/keys")),
        ("PATCH", world.account(f"/processes/{world.cast.flow_a}")),
        ("DELETE", world.account(f"/members/{world.cast.bob}")),
    ):
        answer, appended = world.appended_by(lambda m=method, p=path: world.ask(m, p, headers=headers, json={}))
        assert (answer.status, answer.problem) == (403, "csrf-token")
        assert appended == []
    assert world.ask("GET", SESSION, headers=headers).status == 200, "looking needs none"


def test_the_csrf_token_of_another_session_does_not_count(world: World) -> None:
    mine, theirs = world.session("alice"), world.session("carol")
    headers = world.cookie(mine["token"]) | {"X-CSRF-Token": theirs["csrf_token"]}
    assert world.ask("POST", world.account("/processes"), headers=headers, json={"name": "x"}).status == 403


def test_with_its_csrf_token_the_cookie_is_as_good_as_the_bearer_token(world: World) -> None:
    session = world.session("alice")
    cookie = world.cookie(session["token"]) | {"X-CSRF-Token": session["csrf_token"]}
    bearer = {"Authorization": f"Bearer {session['token']}"}
    for headers in (cookie, bearer):
        assert world.ask("POST", world.account("/processes"), headers=headers, json={"name": "x"}).status == 201


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_what_a_form_of_another_site_can_send_changes_nothing_even_with_a_session(
    world: World, content_type: str
) -> None:
    headers = {**world.signed_in("alice"), "Content-Type": content_type}
    for path in (world.account("/processes"), world.account("/keys"), SESSION):
        answer, appended = world.appended_by(
            lambda p=path: world.ask("POST", p, headers=headers, body=b"name=x&email=a&password=b")
        )
        assert (answer.status, answer.problem) == (415, "unsupported-media-type")
        assert appended == []
