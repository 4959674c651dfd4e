"""The list of an account's processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain import limits
from domain.ids import process_id
from domain.permissions import Action
from domain.process import Process
from interfaces.http.admin import check_parameters
from interfaces.http.parameters import choice_parameter, parameter, uuid_parameter
from interfaces.web.forms import drop_blank_parameters
from interfaces.web.page import Page

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from interfaces.web.page import Visit

SHOWN = {"active": False, "retired": True, "all": None}
"""Which processes, by whether they are retired: those that take jobs, unless something else is asked for."""


class ProcessesPage(Page):
    """`/accounts/{account_id}/processes`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show one page of those that the visitor may see; above it `about`, which was just registered or changed."""
        visit = self._visit(req, account_id, Action.READ_PROCESSES)
        visible = self._visible_processes(visit)
        drop_blank_parameters(req)
        check_parameters(req, "show", "about", "cursor")
        show = choice_parameter(req, "show", tuple(SHOWN)) or "active"
        cursor = parameter(req, "cursor")
        lists, account, size = self._services.lists, visit.account_id, limits.PAGE_ITEMS_DEFAULT
        processes, next_cursor = lists.processes(account, size, cursor, visible=visible, retired=SHOWN[show])
        self._show(
            req,
            resp,
            visit,
            "processes.html",
            tab="processes",
            show=show,
            shown=tuple(SHOWN),
            processes=processes,
            next_cursor=next_cursor,
            is_first=cursor is None,
            any_process=bool(processes) or bool(lists.processes(account, 1, None, visible=visible)[0]),
            sees_all=visible is None,
            about=self._about(visit, visible, uuid_parameter(req, "about")),
        )

    def _about(self, visit: Visit, visible: frozenset[UUID] | None, flow_id: UUID | None) -> Process | None:
        if flow_id is None:
            return None
        stream = process_id(visit.account_id, flow_id)
        is_seen = visible is None or stream in visible
        return self._services.event_sourcing.find(Process, stream) if is_seen else None
