"""What all pages share: who looks, in which account, what they may do, and one answer in HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from application.access import check_access, roles_of, visible_processes
from application.caller import AccountCaller, Caller
from domain import limits
from domain.account import Account
from domain.errors import ForbiddenError, NotFoundError, NotSignedInError
from domain.permissions import Action, Role, allows
from interfaces.http.admin import caller_in, check_parameters, execute, existing
from interfaces.http.masking import mask
from interfaces.http.parameters import parameter
from interfaces.http.problems import ProblemError
from interfaces.http.sessions import check_csrf_token, find_session
from interfaces.web.forms import CSRF, RESUMED, Form, drop_blank_parameters, read_form
from interfaces.web.rendering import render
from projections.fence import ListIncompleteError
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    import falcon

    from application.admin import AdminCommand, Outcome
    from application.identity.sessions import Session
    from interfaces.bootstrap import Services
    from interfaces.http.admin import A
    from projections.accounts import AccountRow

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # A form tells by its Origin that it is of this site; with no-referrer a browser says "null".
    "Referrer-Policy": "same-origin",
}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,300}")
"""Hosts that may stand in the lines to paste: none that a shell could take for more than a name."""
CHOOSE_PATH = "/profile/password"
"""The page to which every other leads those who have yet to choose a password."""
ACCOUNTS_SHOWN = 20
"""Most accounts in the switch of the header; the others are on a page of their own."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A place in the navigation of an account. action: what one must be allowed to do to see it."""

    name: str
    path: str
    action: Action


TABS = (
    Tab("API keys", "keys", Action.READ_KEYS),
    Tab("Jobs", "jobs", Action.READ_JOBS),
    Tab("Processes", "processes", Action.READ_PROCESSES),
    Tab("Members", "members", Action.READ_MEMBERS),
    Tab("Audit log", "audit", Action.READ_AUDIT),
)


@dataclass(frozen=True)
class PageContext:
    """The session, account and caller that a page is made for. account: None on pages that belong to none."""

    session: Session
    account: Account | None
    roles: frozenset[Role]
    caller: Caller

    def may(self, action: str) -> bool:
        """Return whether the visitor may do this. Pages ask it so that they show no button that would be refused."""
        return allows(self.roles, Action(action))

    @property
    def base(self) -> str:
        """The path that all pages of the account begin with."""
        return f"/accounts/{self.account_id}"

    @property
    def account_id(self) -> UUID:
        """The account's id. Raises NotFoundError on a page that belongs to none."""
        if self.account is None:
            raise NotFoundError
        return self.account.id

    @property
    def account_caller(self) -> AccountCaller:
        """Who asks something of the account. Raises NotFoundError on a page that belongs to none."""
        if not isinstance(self.caller, AccountCaller):
            raise NotFoundError
        return self.caller

    @property
    def is_suspended(self) -> bool:
        """Whether the account's robots are kept out."""
        return self.account is not None and self.account.suspended_at is not None

    @property
    def tabs(self) -> list[Tab]:
        """The places that the visitor may go to."""
        return [tab for tab in TABS if allows(self.roles, tab.action)]


class Page:
    """A page. Who may see it is checked by `_context`, and what a form asks for by its command, as in the admin API.

    path: of its address. template: what it looks like, with the tab that it stands under. action: what one must be
    allowed to do to see it.
    """

    path: ClassVar[str]
    template: ClassVar[str]
    tab: ClassVar[str] = ""
    action: ClassVar[Action | None] = None
    loads_itself: ClassVar[bool] = False
    """Whether browsers load it again and again by themselves, which keeps no session alive."""
    for_restricted: ClassVar[bool] = False
    """Whether it is also for who signed in with a first password and has yet to choose their own."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _execute(self, resp: falcon.Response, command: AdminCommand) -> Outcome:
        """Carry out a command, which checks the permission again, and wait until lists show it."""
        return execute(self._services, resp, command)

    def _get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return an aggregate. Raises NotFoundError."""
        return existing(self._services, kind, aggregate_id)

    def _context(self, req: falcon.Request, account_id: str | None = None) -> PageContext:
        """Return who looks at a page of an account, or of none.

        Raises NotSignedInError, PasswordChangeRequiredError, ForbiddenError for a member who may not do the page's
        action, NotFoundError for a stranger.
        """
        is_use = req.method == "POST" or not self.loads_itself
        session = find_session(self._services, req, is_use=is_use, restricted_too=self.for_restricted)
        if session is None:
            raise NotSignedInError
        services, tenant_id = self._services, self._services.tenant_id
        caller = caller_in(services, req, session, account_id)
        account = None
        if caller.account_id is not None:
            check_access(services.event_sourcing, caller, self.action or Action.READ_ACCOUNT)
            account = self._get(Account, caller.account_id)
        roles = roles_of(services.event_sourcing, session.user.user_id, tenant_id, caller.account_id)
        if self.action is not None and not allows(roles, self.action):
            raise ForbiddenError
        return PageContext(session, account, roles, caller)

    def _visible_processes(self, context: PageContext) -> frozenset[UUID] | None:
        """Return the processes whose jobs the visitor may see; None for all of them."""
        return visible_processes(self._services.event_sourcing, context.account_caller)

    def _speaks_for_tenant(self, context: PageContext) -> bool:
        """Return whether the visitor may make first passwords for others than those whom the account vouched for."""
        return self._services.invitations.speaks_for_tenant(context.caller.actor, self._services.tenant_id)

    def _choosable_processes(
        self, context: PageContext, *, visible: frozenset[UUID] | None = None, retired: bool | None = None
    ) -> dict[str, Any]:
        """Return the processes to choose one of, and whether there are more than can be offered."""
        processes, more = self._services.processes.page(
            context.account_id, PageRequest(limits.PAGE_ITEMS_MAX), visible=visible, retired=retired
        )
        return {"processes": processes, "more_processes": more is not None}

    def _process_names(self, context: PageContext, flow_ids: Iterable[UUID | None]) -> dict[UUID, str]:
        """Return the names of processes by flow id; None, which stands for the whole account, has no name."""
        return self._services.processes.names(context.account_id, filter(None, flow_ids))

    def _form(self, req: falcon.Request, account_id: str | None = None) -> tuple[PageContext, Form]:
        """Return who sends a form, and what is in it, once it is clear that they may see the page.

        Raises what `_context` does, and ProblemError.
        """
        context = self._context(req, account_id)
        form = read_form(req)
        try:
            check_csrf_token(context.session, form[CSRF])
        except ProblemError:
            if not form.is_ours:
                raise
            # It was made in an earlier session, so it is shown again, to be sent again.
            form.values[RESUMED] = "1"
        return context, form

    def _show(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        context: PageContext,
        template: str | None = None,
        *,
        status: int = 200,
        **values: object,
    ) -> None:
        """Answer with a page. template: another one than the page's own. values: what it needs beyond the frame."""
        send_page(
            resp,
            template or self.template,
            status,
            context=context,
            tab=self.tab,
            path=req.path,
            base_url=_base_url(req),
            now=self._services.clock(),
            accounts=self._accounts(context),
            csrf=mask(context.session.csrf_token),
            **values,
        )

    def _accounts(self, context: PageContext) -> Sequence[AccountRow]:
        """Return the accounts that the visitor can switch to."""
        try:
            return self._services.accounts.of_user(
                context.session.user.user_id, self._services.tenant_id, PageRequest(ACCOUNTS_SHOWN)
            ).items
        except ListIncompleteError:
            return []  # one can't switch for now; the page itself may need no list


class ViewPage(Page):
    """A page to look at. parameters: what its address can say after the question mark."""

    parameters: ClassVar[tuple[str, ...]] = ()

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str | None = None, **ids: str) -> None:
        """Show it."""
        context = self._context(req, account_id)
        drop_blank_parameters(req)
        check_parameters(req, *self.parameters)
        is_first = parameter(req, "cursor") is None
        self._show(req, resp, context, is_first=is_first, **self._values(req, context, **ids))

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        """Return what the template needs. ids: what else stands in the path. Raises ProblemError, NotFoundError."""
        raise NotImplementedError


def send_page(resp: falcon.Response, template: str, status: int = 200, **values: object) -> None:
    """Answer with HTML."""
    resp.status = status
    resp.content_type = "text/html; charset=utf-8"
    resp.set_headers(HEADERS)
    resp.text = render(template, **values)


def go_to(resp: falcon.Response, path: str) -> None:
    """Answer a form that was carried out: the browser looks at the page, and a reload sends nothing again."""
    resp.status = 303
    resp.set_header("Location", path)


def _base_url(req: falcon.Request) -> str:
    """Return what the addresses of this service begin with, as the browser knows them."""
    return f"{req.scheme}://{req.netloc if _HOST.fullmatch(req.netloc) else 'localhost'}{req.context.base}"
