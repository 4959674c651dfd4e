"""The audit log of an account: page by page, or all of it as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from application.access import turn_of
from domain.errors import NotFoundError
from domain.model import SYSTEM_ACTOR
from domain.permissions import Action
from interfaces.audit_export import EXPORT_FORMAT_DEFAULT, EXPORT_FORMATS
from interfaces.http.admin import AdminResource, check_parameters, page_parameters, send_page
from interfaces.http.parameters import (
    choice_parameter,
    choices_parameter,
    parameter,
    period_parameters,
    refused,
    several,
    uuids_parameter,
)
from interfaces.http.requests import path_uuid
from projections.audit_log import ACTIONS, KINDS
from projections.audit_queries import AuditFilter

if TYPE_CHECKING:
    import falcon

_FILTERS = ("actor", "action", "resource", "from", "to")


class AuditResource(AdminResource):
    """`/api/v1/accounts/{account_id}/audit`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List who did what."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_AUDIT)
        size, cursor = page_parameters(req, *_FILTERS)
        send_page(req, resp, *self._services.audit_log.page(caller.account_id, _filter(req), size, cursor))


class AuditExportResource(AdminResource):
    """`/api/v1/accounts/{account_id}/audit/export`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Send all that matches as a file."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_AUDIT)
        check_parameters(req, "format", *_FILTERS)
        file_format = choice_parameter(req, "format", EXPORT_FORMATS) or EXPORT_FORMAT_DEFAULT
        services, scope_id = self._services, caller.account_id
        chosen = EXPORT_FORMATS[file_format]
        pieces = chosen.pieces(services.audit_log.pages(scope_id, _filter(req)))
        resp.content_type = chosen.media_type
        name = f"audit-{scope_id}-{services.clock():%Y%m%dT%H%M%SZ}.{file_format}"
        turn = turn_of(services.event_sourcing, UUID(caller.actor), services.tenant_id, scope_id)
        services.downloads.send(req, resp, pieces, name, turn=turn)


def _filter(req: falcon.Request) -> AuditFilter:
    since, before = period_parameters(req)
    return AuditFilter(
        actors=frozenset(map(_actor, several(req, "actor"))) or None,
        actions=choices_parameter(req, "action", (*KINDS, *ACTIONS)),
        resource_ids=uuids_parameter(req, "resource"),
        since=since,
        before=before,
    )


def actor_parameter(req: falcon.Request) -> str | None:
    """Return the parameter `actor`: who did it, or None when it is not there. Raises ProblemError."""
    text = parameter(req, "actor")
    return None if text is None else _actor(text)


def _actor(text: str) -> str:
    try:
        return SYSTEM_ACTOR if text == SYSTEM_ACTOR else str(path_uuid(text))
    except NotFoundError:
        raise refused(f"actor must be the id of a user or key, or {SYSTEM_ACTOR}") from None
