"""Inviting somebody into an account; giving a member a further role or another first password; taking one out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from application.access import roles_of
from application.accounts import AddMember, NewFirstPassword, RemoveMember
from application.identity.invitations import KnownMember
from domain import limits
from domain.errors import AlreadyCreatedError, FieldError, ForbiddenError, InvalidInputError, NotFoundError
from domain.ids import member_id
from domain.member import Member
from domain.permissions import ACCOUNT_ROLES, ROLES_WITH_ASSIGNED_PROCESSES, Action, Role, allows
from interfaces.http.members import ASSIGNED_MAX, NewMember, invite
from interfaces.http.representations import holds_secret
from interfaces.http.requests import path_uuid
from interfaces.web.form_page import Filled, FormPage, S
from interfaces.web.forms import ONCE, parse
from interfaces.web.page import go_to
from interfaces.web.roles import ROLES, role_names
from projections.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    import falcon

    from application.admin import AdminCommand, Outcome
    from application.identity.users import FirstPassword
    from interfaces.web.forms import Form
    from interfaces.web.page import PageContext

CHOICES: Final = {role.value: words for role, words in ROLES.items() if role in ACCOUNT_ROLES}
PROCESS: Final = "process-"
"""Prefix of the names of the boxes, before the flow id of a process."""


class _MembersForm(FormPage[S]):
    """What the forms of members have in common."""

    tab, action = "members", Action.WRITE_MEMBERS
    fields: ClassVar[Mapping[str, str]] = {"flow_ids": "processes"}

    def _offered(self, context: PageContext, assigned: frozenset[UUID] = frozenset()) -> dict[str, Any]:
        """Return what can be chosen. assigned: the streams of the processes that somebody sees already."""
        page = PageRequest(limits.PAGE_ITEMS_MAX)
        found, more = self._services.processes.page(context.account_id, page, retired=False)
        shown = found[:ASSIGNED_MAX]
        left_out = len(found) - len(shown)
        return {
            "choices": CHOICES,
            "box": PROCESS,
            "processes": shown,
            "assigned": assigned,
            "left_out": f"more than {left_out}" if more else str(left_out) if left_out else "",
        }

    def _show_first_password(
        self, req: falcon.Request, resp: falcon.Response, context: PageContext, user_id: UUID, made: FirstPassword
    ) -> None:
        """Answer with a first password that was just made: this once."""
        user = self._services.users.by_ids([user_id])[user_id]
        holds_secret(resp)
        self._show(req, resp, context, "member_made.html", user=user, made=made)


class NewMemberPage(_MembersForm[None]):
    """A new user's first password is in the answer and never again."""

    path = "/accounts/{account_id}/members/new"
    template = "member_new.html"

    def _subject(self, context: PageContext, **ids: str) -> None:
        """Return nobody: they are to be invited."""

    def _fresh(self, subject: None) -> dict[str, str]:
        return {"email": "", "name": "", "role": Role.ACCOUNT_USER.value, "processes": ""}

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        context, form = filled.context, filled.form
        body = _role_of(form, email=form["email"].strip(), name=form["name"].strip() or None)
        invitation = invite(self._services, context.account_caller, body, filled.once)
        outcome = self._execute(resp, invitation.command)
        invited = invitation.settled(outcome)
        if invited.first_password is not None:
            self._show_first_password(req, resp, context, invited.member.user_id, invited.first_password)
        elif outcome.replayed:
            self._show(req, resp, context, "member_made_before.html", status=409, invited=invited)
        else:
            go_to(resp, self._next(filled, outcome))

    def _values(self, filled: Filled[None]) -> dict[str, Any]:
        return self._offered(filled.context)


class _FormOfOne(_MembersForm[KnownMember]):
    """A form about a member."""

    def _subject(self, context: PageContext, **ids: str) -> KnownMember:
        """Return a member of the account. Raises NotFoundError for who has no role in it."""
        member = self._get(Member, member_id(context.account_id, path_uuid(ids["user_id"])))
        if not member.roles:
            raise NotFoundError
        user = self._services.users.by_ids([member.user_id]).get(member.user_id)
        is_ours = user is not None and (user.scope_id == context.account_id or self._speaks_for_tenant(context))
        return KnownMember(member, user, is_ours)

    def _values(self, filled: Filled[KnownMember]) -> dict[str, Any]:
        known, oneself = filled.subject, filled.context.session.user
        return {
            "known": known,
            "is_oneself": known.member.user_id == oneself.user_id,
            "roles": role_names(known.member.roles),
        }


class MemberRolePage(_FormOfOne):
    """A further role, or further processes. Roles add up."""

    path = "/accounts/{account_id}/members/{user_id}/role"
    template = "member_role.html"

    def _subject(self, context: PageContext, **ids: str) -> KnownMember:
        """Return a member. Raises NotFoundError also for one who was erased: they can be removed, and given nothing."""
        known = super()._subject(context, **ids)
        if known.user is None:
            raise NotFoundError
        return known

    def _fresh(self, subject: KnownMember) -> dict[str, str]:
        held = subject.member.roles
        return {
            "role": next((role for role in CHOICES if role not in held), Role.ACCOUNT_USER.value),
            "processes": "",
        }

    def _command(self, filled: Filled[KnownMember]) -> AdminCommand:
        context, known = filled.context, filled.subject
        body = _role_of(filled.form, email=known.user.email if known.user else None)
        return AddMember(
            by=context.account_caller,
            idempotency=filled.once,
            user_id=known.member.user_id,
            role=body.role,
            processes=tuple((context.account_id, flow_id) for flow_id in body.flow_ids or ()),
        )

    def _values(self, filled: Filled[KnownMember]) -> dict[str, Any]:
        return super()._values(filled) | self._offered(filled.context, filled.subject.member.process_ids)


class RemoveMemberPage(_FormOfOne):
    """All roles in the account end, at once."""

    path = "/accounts/{account_id}/members/{user_id}/remove"
    template = "member_remove.html"

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[KnownMember]) -> None:
        command = RemoveMember(by=filled.context.caller, user_id=filled.subject.member.user_id, idempotency=filled.once)
        with self._services.invitations.removing(command):
            outcome = self._execute(resp, command)
        go_to(resp, self._next(filled, outcome))

    def _next(self, filled: Filled[KnownMember], outcome: Outcome) -> str:
        """Return the list, if it is still to be seen by who may just have taken their own roles away."""
        context, services = filled.context, self._services
        held = roles_of(services.event_sourcing, context.session.user.user_id, services.tenant_id, context.account_id)
        return super()._next(filled, outcome) if allows(held, Action.READ_MEMBERS) else "/accounts"


class FirstPasswordPage(_FormOfOne):
    """Another one, for who lost theirs or never came.

    It is in the answer and never again; the password before is void.
    """

    path = "/accounts/{account_id}/members/{user_id}/first-password"
    template = "member_first_password.html"

    def _subject(self, context: PageContext, **ids: str) -> KnownMember:
        """Return a member. Raises also ForbiddenError, for one whom another vouched for."""
        known = super()._subject(context, **ids)
        if known.sign_in is None:
            raise ForbiddenError
        return known

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[KnownMember]) -> None:
        context, form, user_id = filled.context, filled.form, filled.subject.member.user_id
        command = NewFirstPassword(by=context.caller, user_id=user_id, idempotency=filled.once)
        try:
            _, made = self._services.invitations.new_first_password(command, lambda noted: self._execute(resp, noted))
        except AlreadyCreatedError:
            form.values[ONCE] = ""
            form.refuse("One was made a moment ago, and shown then. Send this again to make another.", status=409)
        else:
            self._show_first_password(req, resp, context, user_id, made)


def _role_of(form: Form, **known: str | None) -> NewMember:
    """Return what a form asks for. known: what does not come from boxes. Raises InvalidInputError."""
    if form["role"] not in CHOICES:
        raise InvalidInputError([FieldError("role", "must be one of the choices")])
    # An administrator sees all processes; boxes that were ticked before the role was chosen mean nothing then.
    if form["role"] not in ROLES_WITH_ASSIGNED_PROCESSES:
        return parse(NewMember, role=form["role"], **known)
    ticked = [name.removeprefix(PROCESS) for name in form.values if name.startswith(PROCESS)]
    return parse(NewMember, role=form["role"], flow_ids=ticked, **known)
