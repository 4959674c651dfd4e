"""Members of an account and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from application.accounts import AddMember, NewFirstPassword, RemoveMember
from application.identity.users import normalised_email
from domain import limits
from domain.ids import member_id, random_id
from domain.member import Member
from domain.permissions import Action, Role
from interfaces.http.accounts import Nothing
from interfaces.http.admin import (
    AdminResource,
    Name,
    check_parameters,
    idempotent,
    page_parameters,
    send_page,
    send_secret,
)
from interfaces.http.answers.members import added_member, member_resource
from interfaces.http.requests import path_uuid

if TYPE_CHECKING:
    import falcon

    from application.admin import IdempotentRequest
    from application.caller import AccountCaller
    from application.identity.invitations import Invitation
    from interfaces.bootstrap import Services

ASSIGNED_MAX = 100


class NewMember(BaseModel):
    """The body of `POST …/members`. flow_ids: processes of the account that an account_user is to see."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(max_length=limits.EMAIL_CHARS_MAX)]
    role: Role
    name: Name | None = None
    flow_ids: Annotated[list[UUID], Field(max_length=ASSIGNED_MAX)] | None = None


def invite(
    services: Services, caller: AccountCaller, body: NewMember, idempotency: IdempotentRequest | None
) -> Invitation:
    """Return the invitation that a body asks for, to be carried out. Raises what its command would raise."""
    email = normalised_email(body.email)
    command = AddMember(
        by=caller,
        idempotency=idempotency,
        user_id=random_id(),
        role=body.role,
        processes=tuple((caller.account_id, flow_id) for flow_id in body.flow_ids or ()),
    )
    return services.invitations.begin(command, email, body.name or email.partition("@")[0])


class MembersResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List the members of the account itself."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_MEMBERS)
        size, cursor = page_parameters(req)
        for_tenant = self._services.invitations.speaks_for_tenant(caller.actor, caller.tenant_id)
        send_page(req, resp, *self._services.lists.members(caller.account_id, size, cursor, for_tenant=for_tenant))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Give somebody a role. A new user's first password is in this answer and never again."""
        caller = self._caller(req, account_id)
        body = self._body(req, NewMember, caller, AddMember)
        invitation = invite(self._services, caller, body, idempotent(req))
        invited = invitation.settled(self._execute(resp, invitation.command))
        member = invited.member
        resp.set_header("Location", f"{req.path}/{member.user_id}")
        shown = member_resource(member.user_id, member.account_id, member.roles, invited.user, is_ours=invited.is_ours)
        send_secret(resp, added_member(shown, invited.first_password), 201)


class MemberResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members/{user_id}`."""

    def on_delete(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Take all roles in this account away from somebody; at once."""
        caller = self._caller(req, account_id)
        self._check(caller, RemoveMember.action)
        check_parameters(req)
        command = RemoveMember(by=caller, user_id=path_uuid(user_id))
        with self._services.invitations.removing(command):
            self._execute(resp, command)
        resp.status = 204


class FirstPasswordResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members/{user_id}/first-password`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Make a member a new first password, which is in this answer and never again."""
        caller = self._caller(req, account_id)
        self._body(req, Nothing, caller, NewFirstPassword)
        command = NewFirstPassword(by=caller, user_id=path_uuid(user_id), idempotency=idempotent(req))
        user, made = self._services.invitations.new_first_password(command, lambda noted: self._execute(resp, noted))
        member = self._get(Member, member_id(caller.account_id, user.user_id))
        shown = member_resource(user.user_id, member.account_id, member.roles, user, is_ours=True)
        send_secret(resp, added_member(shown, made))
