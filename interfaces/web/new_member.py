"""Inviting somebody into an account, and giving a member a further role there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from application.accounts import AddMember
from application.admin import IdempotentRequest
from domain import limits
from domain.errors import FieldError, NotFoundError
from domain.ids import process_id
from domain.permissions import ACCOUNT_ROLES, ROLES_WITH_ASSIGNED_PROCESSES, Action, Role
from interfaces.http.members import ASSIGNED_MAX, NewMember, invite
from interfaces.web.forms import Form
from interfaces.web.members import MemberFormPage, ShowsFirstPassword, Somebody
from interfaces.web.page import Page, go_to
from interfaces.web.roles import ROLES, role_names

if TYPE_CHECKING:
    import falcon

    from application.identity.invitations import Invitation
    from interfaces.web.page import Visit

CHOICES: Final = {role.value: words for role, words in ROLES.items() if role in ACCOUNT_ROLES}
PROCESS: Final = "process-"
"""What the names of the boxes begin with, before the flow id of a process."""
_FIELDS: Final = {"flow_ids": "processes"}


class _ChoosesRole(Page):
    """What the forms have in common in which a role is chosen, and processes to see."""

    def _offered(self, visit: Visit, assigned: frozenset[UUID] = frozenset()) -> dict[str, Any]:
        """Return what can be chosen. assigned: the streams of the processes that somebody sees already."""
        found, more = self._services.lists.processes(visit.account_id, limits.PAGE_ITEMS_MAX, None, retired=False)
        shown = [
            {**process, "is_assigned": process_id(visit.account_id, UUID(process["flow_id"])) in assigned}
            for process in found[:ASSIGNED_MAX]
        ]
        left_out = len(found) - len(shown)
        return {
            "choices": CHOICES,
            "box": PROCESS,
            "processes": shown,
            "left_out": f"more than {left_out}" if more else str(left_out) if left_out else "",
        }


class NewMemberPage(ShowsFirstPassword, _ChoosesRole):
    """`/accounts/{account_id}/members/new`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show the form."""
        visit = self._visit(req, account_id, Action.WRITE_MEMBERS)
        self._ask(req, resp, visit, Form({"email": "", "name": "", "role": Role.ACCOUNT_USER.value}))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Give the role. A new user's first password is in this answer and never again."""
        visit, form = self._form(req, account_id, Action.WRITE_MEMBERS)
        invitation = None if form.resumed else self._invitation(req, visit, form)
        if invitation is None:
            self._ask(req, resp, visit, form, status=200 if form.resumed else 422)
            return
        outcome = self._carry_out(resp, invitation.command, form)
        if outcome is None:
            self._ask(req, resp, visit, form, status=422)
            return
        invited = invitation.settled(outcome)
        if invited.first_password is not None:
            self._show_first_password(req, resp, visit, invited.member.user_id, invited.first_password)
        elif outcome.replayed:
            self._show(req, resp, visit, "member_made_before.html", status=409, tab="members", invited=invited)
        else:
            go_to(resp, f"{visit.base}/members")

    def _invitation(self, req: falcon.Request, visit: Visit, form: Form) -> Invitation | None:
        for name in ("email", "name"):
            form.values.setdefault(name, "")
        body = _body_of(form, email=form["email"].strip(), name=form["name"].strip() or None)
        if body is None:
            return None
        once = IdempotentRequest(form.once, req.context.body_digest)
        return self._attempt(form, lambda: invite(self._services, visit.account_caller, body, once))

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        offered = self._offered(visit)
        self._show(req, resp, visit, "member_new.html", status=status, tab="members", form=form, **offered)


class MemberRolePage(MemberFormPage, _ChoosesRole):
    """`/accounts/{account_id}/members/{user_id}/role`: a further role, or further processes. Roles add up."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Show the form, with what they are now."""
        visit = self._visit(req, account_id, Action.WRITE_MEMBERS)
        somebody = self._somebody_here(visit, user_id)
        held = somebody.resource["roles"]
        other = next((role for role in CHOICES if role not in held), Role.ACCOUNT_USER.value)
        self._ask(req, resp, visit, somebody, Form({"role": other}))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Give the role."""
        visit, form = self._form(req, account_id, Action.WRITE_MEMBERS)
        somebody = self._somebody_here(visit, user_id)
        body = None if form.resumed else _body_of(form, email=somebody.resource["email"])
        if body is not None:
            command = AddMember(
                by=visit.account_caller,
                idempotency=IdempotentRequest(form.once, req.context.body_digest),
                user_id=somebody.user_id,
                role=body.role,
                processes=tuple((visit.account_id, flow_id) for flow_id in body.flow_ids or ()),
            )
            if self._carry_out(resp, command, form) is not None:
                go_to(resp, f"{visit.base}/members")
                return
        self._ask(req, resp, visit, somebody, form, status=200 if form.resumed else 422)

    def _somebody_here(self, visit: Visit, user_id: str) -> Somebody:
        """Return a member. Raises NotFoundError also for one who was erased: they can be removed, and given nothing."""
        somebody = self._somebody(visit, user_id)
        if somebody.resource["email"] is None:
            raise NotFoundError
        return somebody

    def _ask(  # noqa: PLR0913, PLR0917 - a page, who looks, and a form about somebody
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        somebody: Somebody,
        form: Form,
        status: int = 200,
    ) -> None:
        self._show(
            req,
            resp,
            visit,
            "member_role.html",
            status=status,
            tab="members",
            member=somebody.resource,
            role_names=role_names(somebody.resource["roles"]),
            form=form,
            **self._offered(visit, somebody.member.process_ids),
        )


def _body_of(form: Form, **known: str | None) -> NewMember | None:
    """Return what a form asks for, or None, and note what is wrong with it. known: what does not come from boxes."""
    form.values |= {"role": form["role"], "processes": ""}
    if form["role"] not in CHOICES:
        form.add_errors([FieldError("role", "must be one of the choices")])
        return None
    body: dict[str, Any] = {"role": form["role"], **known}
    # An administrator sees all processes; boxes that were ticked before the role was chosen mean nothing then.
    if form["role"] in ROLES_WITH_ASSIGNED_PROCESSES:
        body["flow_ids"] = [name.removeprefix(PROCESS) for name in form.values if name.startswith(PROCESS)]
    return form.parse(NewMember, body, _FIELDS)
