"""Members of an account and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from application.accounts import AddMember, RemoveMember
from application.identity.users import normalised_email
from domain import limits
from domain.member import Member
from domain.permissions import Action, Role
from interfaces.http.admin import AdminResource, Name, check_parameters, idempotent, page_parameters, send, send_page
from interfaces.http.presenters import member_resource
from interfaces.http.requests import path_uuid

if TYPE_CHECKING:
    import falcon

_ASSIGNED_MAX = 100


class NewMember(BaseModel):
    """The body of `POST …/members`. flow_ids: processes of the account that an account_user is to see."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(max_length=limits.EMAIL_CHARS_MAX)]
    role: Role
    name: Name | None = None
    flow_ids: Annotated[list[UUID], Field(max_length=_ASSIGNED_MAX)] | None = None


class MembersResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List the members of the account itself."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_MEMBERS)
        size, cursor = page_parameters(req)
        send_page(req, resp, *self._services.lists.members(caller["account_id"], size, cursor))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Give somebody a role. A new user's first password is in this answer and never again."""
        caller = self._caller(req, account_id)
        body = self._body(req, NewMember)
        email = normalised_email(body.email)
        known = self._services.users.by_email(email)
        outcome = self._execute(
            resp,
            AddMember(
                **caller,
                idempotency=idempotent(req),
                user_id=known.user_id if known else uuid4(),
                role=body.role,
                processes=tuple((caller["account_id"], flow_id) for flow_id in body.flow_ids or ()),
            ),
        )
        member = self._get(Member, outcome.resource_id)
        # After the role, so that a refused request makes no user; cut short here, a repeat goes on from here.
        user, first_password = self._services.users.ensure(
            email, body.name or email.partition("@")[0], self._services.clock(), user_id=member.user_id
        )
        resp.set_header("Location", f"{req.path}/{user.user_id}")
        resource = member_resource(member.user_id, member.account_id, member.roles, user)
        if first_password is not None:
            resource["first_password"] = first_password
        send(resp, resource, 201)


class MemberResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members/{user_id}`."""

    def on_delete(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Take all roles in this account away from somebody; at once."""
        caller = self._caller(req, account_id)
        check_parameters(req)
        self._execute(resp, RemoveMember(**caller, user_id=path_uuid(user_id)))
        resp.status = 204
