"""The members of an account, and taking one out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from application.access import roles_of
from application.accounts import NewFirstPassword, RemoveMember
from application.admin import IdempotentRequest
from domain import limits
from domain.errors import AlreadyCreatedError, ForbiddenError, NotFoundError
from domain.ids import member_id
from domain.member import Member
from domain.permissions import Action, allows
from interfaces.http.admin import check_parameters
from interfaces.http.parameters import parameter
from interfaces.http.presenters import account_resource, member_resource
from interfaces.http.representations import holds_secret
from interfaces.http.requests import path_uuid
from interfaces.web.forms import ONCE, Form
from interfaces.web.made_key import base_url
from interfaces.web.page import Page, go_to
from interfaces.web.roles import role_names

if TYPE_CHECKING:
    from uuid import UUID

    import falcon

    from application.identity.users import FirstPassword
    from interfaces.web.page import Visit


class _PageOfMembers(Page):
    """What pages of members have in common."""

    def _speaks_for_tenant(self, visit: Visit) -> bool:
        """Return whether the visitor may make first passwords for others than those whom the account vouched for."""
        return self._services.invitations.speaks_for_tenant(visit.caller.actor, self._services.tenant_id)


class ShowsFirstPassword(Page):
    """A page that shows a first password, which was just made: in this answer and never again."""

    def _show_first_password(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, user_id: UUID, made: FirstPassword
    ) -> None:
        user = self._services.users.by_ids([user_id])[user_id]
        holds_secret(resp)
        self._show(req, resp, visit, "member_made.html", tab="members", user=user, made=made, base_url=base_url(req))


class MembersPage(_PageOfMembers):
    """`/accounts/{account_id}/members`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show one page of who has a role in the account itself."""
        visit = self._visit(req, account_id, Action.READ_MEMBERS)
        check_parameters(req, "cursor")
        cursor = parameter(req, "cursor") or None
        members, next_cursor = self._services.lists.members(
            visit.account_id, limits.PAGE_ITEMS_DEFAULT, cursor, for_tenant=self._speaks_for_tenant(visit)
        )
        self._show(
            req,
            resp,
            visit,
            "members.html",
            tab="members",
            account=account_resource(visit.account) if visit.account else None,
            members=members,
            role_names=role_names,
            next_cursor=next_cursor,
            is_first=cursor is None,
        )


@dataclass(frozen=True, slots=True)
class Somebody:
    """A member that a form is about. resource: as the API shows them. is_oneself: the visitor."""

    member: Member
    resource: dict[str, Any]
    is_oneself: bool

    @property
    def user_id(self) -> UUID:
        """Whose roles these are."""
        return self.member.user_id


class MemberFormPage(_PageOfMembers):
    """What the forms about one member have in common."""

    def _somebody(self, visit: Visit, user_id: str) -> Somebody:
        """Return a member of the account. Raises NotFoundError for who has no role in it."""
        member = self._get(Member, member_id(visit.account_id, path_uuid(user_id)))
        if not member.roles:
            raise NotFoundError
        user = self._services.users.by_ids([member.user_id]).get(member.user_id)
        is_ours = user is not None and (user.scope_id == visit.account_id or self._speaks_for_tenant(visit))
        resource = member_resource(member.user_id, member.account_id, member.roles, user, is_ours=is_ours)
        return Somebody(member, resource, member.user_id == visit.session.user.user_id)


class RemoveMemberPage(MemberFormPage):
    """`/accounts/{account_id}/members/{user_id}/remove`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Ask whether that is meant."""
        visit = self._visit(req, account_id, Action.WRITE_MEMBERS)
        self._ask(req, resp, visit, self._somebody(visit, user_id), Form())

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Take all roles in the account away; at once."""
        visit, form = self._form(req, account_id, Action.WRITE_MEMBERS)
        somebody = self._somebody(visit, user_id)
        if not form.resumed:
            command = RemoveMember(
                by=visit.caller,
                user_id=somebody.user_id,
                idempotency=IdempotentRequest(form.once, req.context.body_digest),
            )
            with self._services.invitations.removing(command):
                outcome = self._carry_out(resp, command, form)
            if outcome is not None:
                go_to(resp, f"{visit.base}/members" if self._may_still_look(visit) else "/accounts")
                return
        self._ask(req, resp, visit, somebody, form, status=200 if form.resumed else 422)

    def _may_still_look(self, visit: Visit) -> bool:
        """Return whether the list is still to be seen by who may just have taken their own roles away."""
        user, tenant = visit.session.user.user_id, self._services.tenant_id
        return allows(roles_of(self._services.event_sourcing, user, tenant, visit.account_id), Action.READ_MEMBERS)

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
            "member_remove.html",
            status=status,
            tab="members",
            member=somebody.resource,
            is_oneself=somebody.is_oneself,
            roles=role_names(somebody.resource["roles"]),
            form=form,
        )


class FirstPasswordPage(ShowsFirstPassword, MemberFormPage):
    """`/accounts/{account_id}/members/{user_id}/first-password`: another one, for who lost theirs or never came."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Ask whether that is meant."""
        visit = self._visit(req, account_id, Action.WRITE_MEMBERS)
        self._ask(req, resp, visit, self._one_of_ours(visit, user_id), Form())

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Make it. It is in this answer and never again; the password before is void."""
        visit, form = self._form(req, account_id, Action.WRITE_MEMBERS)
        somebody = self._one_of_ours(visit, user_id)
        if not form.resumed:
            command = NewFirstPassword(
                by=visit.caller,
                user_id=somebody.user_id,
                idempotency=IdempotentRequest(form.once, req.context.body_digest),
            )
            try:
                _, made = self._services.invitations.new_first_password(
                    command, lambda noted: self._execute(resp, noted)
                )
            except AlreadyCreatedError:
                form.values[ONCE] = ""
                form.errors[""] = ["One was made a moment ago, and shown then. Send this again to make another."]
            else:
                self._show_first_password(req, resp, visit, somebody.user_id, made)
                return
        self._ask(req, resp, visit, somebody, form, status=200 if form.resumed else 409)

    def _one_of_ours(self, visit: Visit, user_id: str) -> Somebody:
        """Return a member. Raises ForbiddenError for one whom another vouched for, NotFoundError as `_somebody`."""
        somebody = self._somebody(visit, user_id)
        if somebody.resource["password"] is None:
            raise ForbiddenError
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
            "member_first_password.html",
            status=status,
            tab="members",
            member=somebody.resource,
            is_oneself=somebody.is_oneself,
            form=form,
        )
