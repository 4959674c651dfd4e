"""The operations of the session: signing in and out, and setting one's password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import Field

from domain import limits
from domain.times import time_text
from interfaces.http import sessions
from interfaces.http.admin import send
from interfaces.http.answers.members import NEW_SESSION, SESSION, membership_resource, user_resource
from interfaces.http.body import Body, Strict
from interfaces.http.operation import OF_BODIES, Access, Operation, PlainOperations, Success, shown
from interfaces.http.representations import holds_secret
from interfaces.http.requests import json_request

if TYPE_CHECKING:
    import falcon

    from application.identity.sessions import Session
    from interfaces.bootstrap import Services
    from interfaces.http.answers.members import NewSession
    from interfaces.http.answers.members import Session as SessionAnswer

_Password = Annotated[str, Field(max_length=4 * limits.PASSWORD_CHARS_MAX)]


class SignIn(Strict):
    """Who signs in."""

    email: Annotated[
        str,
        Field(
            max_length=limits.EMAIL_CHARS_MAX,
            description="The address of the user; upper and lower case are the same.",
        ),
    ]
    password: Annotated[_Password, Field(description="Their password.")]
    account_id: Annotated[
        UUID | None,
        Field(
            description=(
                "An address may be known in several accounts, as different users. Where the password opens several of"
                " them, the one whom this account vouched for is signed in; else the tenant's; else who signed in last."
            )
        ),
    ] = None


class NewPassword(Strict):
    """A password to take the place of the current one."""

    new_password: Annotated[
        _Password,
        Field(
            description=(
                f"{limits.PASSWORD_CHARS_MIN} to {limits.PASSWORD_CHARS_MAX} characters, not easily guessed, and"
                " another one than before."
            )
        ),
    ]
    current_password: Annotated[
        _Password | None, Field(description="Required, except in a session that a first password began.")
    ] = None


SIGN_IN = Body(SignIn, {"A user": {"email": "alice@example.com", "password": "four unrelated words, say"}})
NEW_PASSWORD = Body(
    NewPassword,
    {
        "After a first password": {"new_password": "other unrelated words, say"},
        "Another one": {
            "new_password": "other unrelated words, say",
            "current_password": "four unrelated words, say",
        },
    },
)

OPERATIONS: list[Operation] = []
_SESSION = PlainOperations(OPERATIONS, "Session", Access.SESSION)


@_SESSION.operation(
    "post",
    "/api/v1/session",
    shown(NEW_SESSION, "Signed in.", "Set-Cookie"),
    access=Access.NOTHING,
    body=SIGN_IN,
    problems=(*OF_BODIES, "sign-in-failed", "rate-limited"),
)
def sign_in(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Sign in.

    Begins a session of 12 hours, which ends sooner when it is not used for an hour; a session whose cookie or token
    comes along ends. Scripts send its token as `Authorization: Bearer`; browsers get it as an HttpOnly cookie. After
    too many failures it answers 429 for a while, and 503 when too many sign in at once. With a first password, which
    works once and within a week, it is a session of 30 minutes that opens nothing but `POST /session/password`
    (`password_change_required`); everything else answers 403 `password-change-required`.
    """
    body = json_request(req, SignIn)
    _begin(services, req, resp, sessions.sign_in(services, req, body.email, body.password, body.account_id))


@_SESSION.operation(
    "post",
    "/api/v1/session/password",
    shown(NEW_SESSION, "The new session.", "Set-Cookie"),
    body=NEW_PASSWORD,
    problems=("not-signed-in", "csrf-token", *OF_BODIES, "rate-limited"),
)
def set_password(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Set one's password.

    Ends all sessions of the user, this one too, and answers with a new one, as signing in does. The current password
    is asked for, except in a session that a first password began.
    """
    before = sessions.signed_in(services, req, restricted_too=True)
    body = json_request(req, NewPassword)
    _begin(services, req, resp, sessions.set_password(services, req, before, body.current_password, body.new_password))


@_SESSION.operation("get", "/api/v1/session", shown(SESSION, "The session."), problems=("not-signed-in",))
def who_am_i(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Tell who is signed in.

    The user of the session, what they are in which account, and the csrf_token for the cookie.
    """
    session = sessions.signed_in(services, req, restricted_too=True)
    holds_secret(resp)
    send(resp, _shown(services, session))


@_SESSION.operation(
    "delete",
    "/api/v1/session",
    Success(status=204, description="Signed out.", media_types=(), headers=("Set-Cookie",)),
    problems=("not-signed-in", "csrf-token"),
)
def sign_out(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """Sign out.

    Ends the session of the token that was sent, at once and everywhere.
    """
    session = sessions.signed_in(services, req, restricted_too=True)
    services.sessions.end(session.token)
    if sessions.cookie_token(services, req) in {None, session.token}:
        sessions.drop_session(services, resp)
    resp.status = 204


def _begin(services: Services, req: falcon.Request, resp: falcon.Response, session: Session) -> None:
    """Answer with a session that began now."""
    sessions.set_cookie(services, req, resp, session)
    holds_secret(resp)
    answer: NewSession = {**_shown(services, session), "token": session.token}
    send(resp, answer)


def _shown(services: Services, session: Session) -> SessionAnswer:
    return {
        "expires_at": time_text(session.expires_at),
        "csrf_token": session.csrf_token,
        "password_change_required": session.is_restricted,
        "user": user_resource(session.user),
        "memberships": [
            membership_resource(one) for one in services.members.memberships(session.user.user_id, services.tenant_id)
        ],
    }
