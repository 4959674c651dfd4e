"""Showing a key that was just made, with its secret: this once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.api_key import ApiKey
from interfaces.http.presenters import key_resource
from interfaces.http.representations import holds_secret
from interfaces.web.page import Page

if TYPE_CHECKING:
    import falcon

    from application.admin import Outcome
    from domain.key_secret import KeySecret
    from interfaces.web.page import Visit

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,300}")
"""What stands in the lines to paste comes from the request: nothing that a shell could take for more than a name."""


class MadeKeyPage(Page):
    """What the pages that make a key have in common."""

    def _show_made(  # noqa: PLR0913, PLR0917 - an answer to somebody, about a key and the one before it
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        outcome: Outcome,
        secret: KeySecret,
        replaces: ApiKey | None = None,
    ) -> None:
        """Answer with the new key and its secret; to a form that was sent before, with where the key is."""
        key = key_resource(self._get(ApiKey, outcome.resource_id), self._services.clock())
        if outcome.replayed:
            self._show(req, resp, visit, "key_made_before.html", status=409, tab="keys", key=key, rotated=False)
            return
        holds_secret(resp)
        self._show(
            req,
            resp,
            visit,
            "key_made.html",
            tab="keys",
            key=key,
            replaces=replaces and self._get(ApiKey, replaces.id),  # as it is now
            secret=secret.text,
            flow_id=key["flow_id"] or self._some_flow_id(visit),
            base_url=base_url(req),
            now_text=f"{self._services.clock():%Y-%m-%dT%H:%M:%SZ}",
        )

    def _some_flow_id(self, visit: Visit) -> str | None:
        """Return a process of the account that the lines to paste can name."""
        found, _ = self._services.lists.processes(visit.account_id, 1, None, retired=False)
        return found[0]["flow_id"] if found else None


def base_url(req: falcon.Request) -> str:
    """Return what the addresses of this service begin with, as the browser knows them."""
    return f"{req.scheme}://{req.netloc if _HOST.fullmatch(req.netloc) else 'localhost'}{req.context.base}"
