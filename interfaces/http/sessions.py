"""Signing in and out, and who a request of the admin API comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.identity.sessions import Client
from application.identity.users import normalised_email
from domain.errors import (
    FieldError,
    InvalidInputError,
    NotSignedInError,
    PasswordChangeRequiredError,
    SignInFailedError,
)
from interfaces.http import cookies
from interfaces.http.cookies import drop_cookie, keep_cookie, read_cookie
from interfaces.http.masking import is_token
from interfaces.http.problems import ProblemError
from interfaces.http.requests import client_address

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from application.identity.sessions import Session
    from interfaces.bootstrap import Services

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN_CHARS_MAX = 100


def find_session(
    services: Services, req: falcon.Request, *, is_use: bool = True, restricted_too: bool = False
) -> Session | None:
    """Return the session of a request, by a bearer token or the cookie; None when there is none or it has ended.

    is_use: whether somebody is at it, which keeps the session from ending for want of use. Raises
    PasswordChangeRequiredError for one that is only for setting a password, unless that is what it is for.
    """
    _, token = _token_of(services, req)
    session = services.sessions.find(token, is_use=is_use) if token else None
    if session is None:
        return None
    req.context.actor = f"user:{session.user.user_id}"
    if session.is_restricted and not restricted_too:
        raise PasswordChangeRequiredError
    return session


def signed_in(services: Services, req: falcon.Request, *, restricted_too: bool = False) -> Session:
    """Return the session of a request to the API. restricted_too: also one that is only for setting a password.

    Raises NotSignedInError, PasswordChangeRequiredError; ProblemError csrf-token for a change that is made with the
    cookie alone, which another site could have brought about.
    """
    session = find_session(services, req, restricted_too=restricted_too)
    if session is None:
        raise NotSignedInError
    bearer, _ = _token_of(services, req)
    if not bearer and req.method not in _SAFE_METHODS:
        check_csrf_token(session, req.get_header("X-CSRF-Token"))
    return session


def check_csrf_token(session: Session, sent: str | None) -> None:
    """Raise ProblemError csrf-token unless this is the session's, which no other site can know."""
    if not is_token(sent or "", session.csrf_token):
        raise ProblemError("csrf-token")


def sign_in(
    services: Services, req: falcon.Request, email: str, password: str, account_id: UUID | None = None
) -> Session:
    """Begin a session; those that the request shows end. Raises as `Sessions.sign_in` does."""
    try:
        email = normalised_email(email)
    except InvalidInputError:
        raise SignInFailedError from None
    session = services.sessions.sign_in(
        email, password, client_of(services, req), instead_of=_tokens_of(services, req), account_id=account_id
    )
    req.context.actor = f"user:{session.user.user_id}"
    return session


def set_cookie(services: Services, req: falcon.Request, resp: falcon.Response, session: Session) -> None:
    """Let the browser keep a session that begins, and what shows at the next sign-in that this one was before."""
    keep_cookie(req, resp, services.tenant_id, cookies.SESSION, session.token, session.expires_at)
    if session.device is not None:
        device = session.device
        keep_cookie(req, resp, services.tenant_id, cookies.DEVICE, device.shown, device.expires_at)


def drop_session(services: Services, resp: falcon.Response) -> None:
    """Let the browser forget its session."""
    drop_cookie(resp, services.tenant_id, cookies.SESSION)


def set_password(services: Services, req: falcon.Request, session: Session, current: str | None, new: str) -> Session:
    """Set the password of who is signed in; the current one is not asked for again where a first one just was.

    Raises as `Sessions.change_password` does.
    """
    if session.is_restricted:
        return services.sessions.set_own_password(session, new, client_of(services, req))
    if current is None:
        raise InvalidInputError([FieldError("current_password", "is required")])
    return services.sessions.change_password(session, current, new, client_of(services, req))


def client_of(services: Services, req: falcon.Request) -> Client:
    """Return who sends a request, as a user is shown it among their sessions."""
    name = "".join(filter(str.isprintable, req.user_agent or ""))
    return Client(client_address(req), name or None, read_cookie(req, services.tenant_id, cookies.DEVICE))


def _token_of(services: Services, req: falcon.Request) -> tuple[bool, str | None]:
    """Return whether the header shows a token, and the token that counts.

    A bearer token is sent on purpose, and a cookie whatever is asked for: where both come, the bearer token counts,
    also when it is of no session.
    """
    bearer = _bearer_token(req)
    return (False, cookie_token(services, req)) if bearer is None else (True, bearer)


def _tokens_of(services: Services, req: falcon.Request) -> list[str]:
    return [token for token in (_bearer_token(req), cookie_token(services, req)) if token]


def _bearer_token(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.get_header("Authorization") or "").strip().partition(" ")
    return credentials.strip()[:_TOKEN_CHARS_MAX] if scheme.lower() == "bearer" else None


def cookie_token(services: Services, req: falcon.Request) -> str | None:
    """Return the token in the session's cookie."""
    return (read_cookie(req, services.tenant_id, cookies.SESSION) or "")[:_TOKEN_CHARS_MAX] or None
