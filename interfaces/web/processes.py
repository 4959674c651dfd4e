"""The list of an account's processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.ids import process_id
from domain.permissions import Action
from domain.process import Process
from interfaces.http.parameters import choice_parameter, parameter, uuid_parameter
from interfaces.web.page import ViewPage
from projections.paging import PageRequest

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from interfaces.web.page import PageContext

SHOWN = {"active": False, "retired": True, "all": None}
"""Which processes, by whether they are retired: those that take jobs, unless something else is asked for."""


class ProcessesPage(ViewPage):
    """One page of those that the visitor may see.

    Above it `about`, which was just registered or changed.
    """

    path = "/accounts/{account_id}/processes"
    template, tab, action = "processes.html", "processes", Action.READ_PROCESSES
    parameters = ("show", "about", "cursor")

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        visible = self._visible_processes(context)
        show = choice_parameter(req, "show", tuple(SHOWN)) or "active"
        all_processes, account, page = (
            self._services.processes,
            context.account_id,
            PageRequest(cursor=parameter(req, "cursor")),
        )
        processes, next_cursor = all_processes.page(account, page, visible=visible, retired=SHOWN[show])
        return {
            "show": show,
            "shown": {show: show.capitalize() for show in SHOWN},
            "processes": processes,
            "jobs": all_processes.jobs(account, processes),
            "next_cursor": next_cursor,
            "any_process": bool(processes) or bool(all_processes.page(account, PageRequest(1), visible=visible).items),
            "sees_all": visible is None,
            "about": self._about(context, visible, uuid_parameter(req, "about")),
        }

    def _about(self, context: PageContext, visible: frozenset[UUID] | None, flow_id: UUID | None) -> Process | None:
        if flow_id is None:
            return None
        stream = process_id(context.account_id, flow_id)
        is_seen = visible is None or stream in visible
        return self._services.event_sourcing.find(Process, stream) if is_seen else None
