"""The audit log of an account: page by page, or all of it as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.access import turn_of
from domain.model import SYSTEM_ACTOR
from domain.permissions import Action
from interfaces.audit_export import EXPORT_FORMATS
from interfaces.http.admin import AdminResource, check_parameters, page_parameters, send_page
from interfaces.http.parameters import choice_parameter, refused, time_parameter, uuid_parameter
from interfaces.http.problems import ProblemError
from projections.audit_log import ACTIONS, KINDS
from projections.audit_queries import AuditFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

    import falcon

_FILTERS = ("actor", "action", "resource", "from", "to")


class AuditResource(AdminResource):
    """`/api/v1/accounts/{account_id}/audit`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List who did what, or send all of it."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_AUDIT)
        file_format = choice_parameter(req, "format", EXPORT_FORMATS)
        if file_format is not None:
            self._send_file(req, resp, caller, file_format)
            return
        size, cursor = page_parameters(req, *_FILTERS)
        send_page(req, resp, *self._services.audit_log.page(caller["account_id"], _filter(req), size, cursor))

    def _send_file(
        self, req: falcon.Request, resp: falcon.Response, caller: Mapping[str, Any], file_format: str
    ) -> None:
        for name in ("limit", "cursor"):
            if req.get_param(name) is not None:
                raise refused(f"{name} is for pages: with format, all that matches is sent")
        check_parameters(req, "format", *_FILTERS)
        services, account_id = self._services, caller["account_id"]
        chosen = EXPORT_FORMATS[file_format]
        pieces = chosen.pieces(services.audit_log.pages(account_id, _filter(req)))
        resp.content_type = chosen.media_type
        name = f"audit-{account_id}-{services.clock():%Y%m%dT%H%M%SZ}.{file_format}"
        turn = turn_of(services.event_sourcing, UUID(caller["actor"]), services.tenant_id, account_id)
        services.downloads.send(req, resp, pieces, name, turn=turn)


def _filter(req: falcon.Request) -> AuditFilter:
    since, before = time_parameter(req, "from"), time_parameter(req, "to")
    if since is not None and before is not None and before < since:
        raise refused("to must not be before from")
    return AuditFilter(
        actor=actor_parameter(req),
        action=choice_parameter(req, "action", (*KINDS, *ACTIONS)),
        resource_id=uuid_parameter(req, "resource"),
        since=since,
        before=before,
    )


def actor_parameter(req: falcon.Request) -> str | None:
    """Return the parameter `actor`: who did it, or None when it is not there. Raises ProblemError."""
    if req.get_param("actor") == SYSTEM_ACTOR:
        return SYSTEM_ACTOR
    try:
        found = uuid_parameter(req, "actor")
    except ProblemError:
        raise refused(f"actor must be the id of a user or key, or {SYSTEM_ACTOR}") from None
    return None if found is None else str(found)
