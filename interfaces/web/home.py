"""Where one begins: the account's keys or jobs; before there are any, the way to the first report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.permissions import Action
from interfaces.http.sessions import find_session
from interfaces.web.page import Page, PageContext, ViewPage, go_to
from projections.jobs.listing import JobFilter
from projections.keys.queries import KeyFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon


class Home(Page):
    path = "/"

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Go on to the first of one's accounts, or to the list of them when there is none."""
        if find_session(self._services, req) is None:
            go_to(resp, "/sign-in")
            return
        accounts = self._accounts(self._context(req))
        go_to(resp, f"/accounts/{accounts[0].id}" if accounts else "/accounts")


class AccountHome(Page):
    path = "/accounts/{account_id}"

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Go on to what one comes for."""
        context = self._context(req, account_id)
        if not context.may(Action.READ_KEYS):
            go_to(resp, f"{context.base}/jobs")
        elif context.may(Action.WRITE_KEYS) and not self._has_jobs(context):
            go_to(resp, f"{context.base}/start")
        else:
            go_to(resp, f"{context.base}/keys")

    def _has_jobs(self, context: PageContext) -> bool:
        jobs, _ = self._services.jobs.page(context.account_id, JobFilter(), PageRequest(1))
        return bool(jobs)


class StartPage(ViewPage):
    """From nothing to the first report, how far one is, and what comes next."""

    path = "/accounts/{account_id}/start"
    loads_itself = True
    template, action = "start.html", Action.WRITE_KEYS

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        services, account, now = self._services, context.account_id, self._services.clock()
        processes, _ = services.processes.page(account, PageRequest(1), retired=False)
        keys, _ = services.keys.page(account, PageRequest(1, sort="-created_at"), now, KeyFilter(active=True))
        jobs, _ = services.jobs.page(account, JobFilter(), PageRequest(1))
        return {
            "process": processes[0] if processes else None,
            "key": keys[0] if keys else None,
            "job": jobs[0] if jobs else None,
        }
