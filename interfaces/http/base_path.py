"""The path that all addresses of this service begin with where it shares a host: taken off and put on here.

Everything behind this knows addresses without it. What goes out as an address gets it back: links and forms of pages,
redirects, `Location` and `Link`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import falcon

# What a person typed never makes such an attribute: its quotes are escaped in every page.
_LINKS: Final = re.compile(r'(\s(?:href|action|src|data-back)=")/')
_LINK_FIELD: Final = "</"


def without_base(path: str, base: str) -> str | None:
    """Return what a path is behind the base path; "" for the base path itself, None for what is not behind it."""
    if not base:
        return path
    rest = path.removeprefix(base)
    return rest if rest != path and (not rest or rest.startswith("/")) else None


def put_on(resp: falcon.Response, base: str) -> None:
    """Put the base path before the addresses in an answer."""
    location, link = resp.get_header("Location"), resp.get_header("Link")
    if location is not None and location.startswith("/"):
        resp.set_header("Location", base + location)
    if link is not None and link.startswith(_LINK_FIELD):
        resp.set_header("Link", f"<{base}{link[1:]}")
    if resp.text is not None and (resp.content_type or "").startswith("text/html"):
        resp.text = _LINKS.sub(rf"\g<1>{base}/", resp.text)
