"""Whether a form that was sent comes from a page of this site, which another site must not be able to make look so.

What tells, in this order:

- `Sec-Fetch-Site`, which no script can set and no page can leave out. A browser sends it over https and to loopback. It
  decides alone, whatever a proxy made of `Origin` or `Host`: a page in a sandbox, whose origin is `null` too, is
  `cross-site` by it.
- `Origin`, where there is no such field, as over plain http. It has to be this host, however a proxy spells it.
- `Origin: null`, or none at all, says nothing: so says a form of ours behind a proxy that has browsers or fields keep
  silent (`Referrer-Policy: no-referrer`, a filter for privacy), and so does one in a sandbox of somebody else's page.
  Then the form has to prove it: by the session's token, or, where there is no session yet, by the cookie of the browser
  that it was given to. Nobody else's page can read either of them.

What can't be told is never kept or shown again with what was typed: that could be somebody else's words.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from interfaces.http import cookies
from interfaces.http.cookies import keep_cookie, read_cookie
from interfaces.http.masking import is_token, mask
from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

_OURS: Final = frozenset({"same-origin", "none"})
_TELLS_NOTHING: Final = "null"
_PORTS: Final = {"http": "80", "https": "443"}
_VISITOR_BYTES: Final = 16


def is_of_this_site(req: falcon.Request) -> bool:
    """Return whether the fields of a request show that a page of ours sent it; False where they show nothing.

    Raises ProblemError csrf-token when another site did.
    """
    site = req.get_header("Sec-Fetch-Site")
    if site is not None:
        if site not in _OURS:
            raise ProblemError("csrf-token")
        return True
    origin = req.get_header("Origin") or _TELLS_NOTHING
    if origin == _TELLS_NOTHING:
        return False
    if not _is_here(req, origin):
        raise ProblemError("csrf-token")
    return True


def _is_here(req: falcon.Request, origin: str) -> bool:
    scheme, _, place = origin.partition("://")
    scheme = scheme.lower()
    # A page that came over http may have been made by anybody on the way. The other way round, a proxy may not have
    # said that it is reached over https.
    if scheme not in _PORTS or (req.scheme == "https" and scheme != "https"):
        return False
    return _host_and_port(place, _PORTS[scheme]) == _host_and_port(req.netloc, _PORTS[scheme])


def _host_and_port(place: str, default: str) -> tuple[str, str]:
    """Return both in one spelling: without upper case, the dot of a full name, and a port that goes without saying."""
    host, colon, port = place.rpartition(":")
    if not colon or "]" in port:  # none, or one inside of an IPv6 address
        host, port = place, default
    return host.lower().removesuffix("."), port or default


def visitor_of(req: falcon.Request, resp: falcon.Response, tenant_id: UUID) -> str:
    """Return what a form for somebody without a session has to hold where nothing else will tell; mostly nothing.

    The browser keeps it too, in a cookie that it sends with no form of another site. Whoever can put another cookie
    there for this host could as well put a session of theirs there, and needs no form for it.
    """
    if req.get_header("Sec-Fetch-Site") is not None:
        return ""
    known = read_cookie(req, tenant_id, cookies.VISITOR)
    visitor = known or secrets.token_urlsafe(_VISITOR_BYTES)
    if known is None:
        keep_cookie(req, resp, tenant_id, cookies.VISITOR, visitor, None)
    return mask(visitor)


def is_of_visitor(req: falcon.Request, tenant_id: UUID, sent: str) -> bool:
    """Return whether a form holds what its browser was given with it."""
    known = read_cookie(req, tenant_id, cookies.VISITOR)
    return known is not None and is_token(sent, known)
