"""The cookies of this service: what they are called, and how browsers are told to keep them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import uuid5

from interfaces.http.representations import holds_secret
from interfaces.http.requests import cookie

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

SESSION: Final = "session"
DEVICE: Final = "device"
"""Cookie of a device that somebody signed in with before. It opens nothing."""
VISITOR: Final = "visitor"
"""Cookie of a browser that has yet to sign in: it shows that a form was given to that browser. It opens nothing."""
SECURE_PREFIX: Final = "__Host-"
"""A prefix that makes browsers insist on HTTPS, this host and the path /, so that no other host can set the cookie."""
_INSTALLATION_CHARS: Final = 12
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cookie_name(tenant_id: UUID, kind: str, *, secure: bool) -> str:
    """Return what a cookie of this installation is called.

    Browsers don't tell the ports of a host apart, so the name has to: two installations on one host would end each
    other's sessions. What does comes from the database: all machines on it have to agree, whatever port each listens
    on and whatever a proxy makes of it.
    """
    name = f"rpawatch_{kind}_{uuid5(tenant_id, 'cookies').hex[:_INSTALLATION_CHARS]}"
    return f"{SECURE_PREFIX}{name}" if secure else name


def read_cookie(req: falcon.Request, tenant_id: UUID, kind: str) -> str | None:
    """Return a cookie as it was set over this scheme: over HTTPS another host may have set one without the prefix."""
    return cookie(req, cookie_name(tenant_id, kind, secure=_is_secure(req))) or None


def keep_cookie(  # noqa: PLR0913, PLR0917 - the two sides of an exchange, and what is kept
    req: falcon.Request, resp: falcon.Response, tenant_id: UUID, kind: str, value: str, expires: datetime | None
) -> None:
    """Let the browser keep something. expires: None for as long as it is open."""
    is_secure = _is_secure(req)
    _set(resp, cookie_name(tenant_id, kind, secure=is_secure), value, expires, is_secure=is_secure)


def drop_cookie(resp: falcon.Response, tenant_id: UUID, kind: str) -> None:
    """Let the browser forget a cookie, as it was set over either scheme."""
    for is_secure in (False, True):
        # Not Falcon's unset_cookie: without Secure a browser ignores what it is told of a __Host- cookie.
        _set(resp, cookie_name(tenant_id, kind, secure=is_secure), "", _LONG_AGO, is_secure=is_secure)


def _set(resp: falcon.Response, name: str, value: str, expires: datetime | None, *, is_secure: bool) -> None:
    holds_secret(resp)
    resp.set_cookie(name, value, expires=expires, path="/", secure=is_secure, http_only=True, same_site="Lax")


def _is_secure(req: falcon.Request) -> bool:
    return req.scheme == "https"
