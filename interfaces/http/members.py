"""Members of an account and their roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from application.accounts import AddMember, RemoveMember
from application.identity.users import normalised_email
from domain import limits
from domain.errors import NotFoundError
from domain.member import Member
from domain.permissions import Action, Role
from interfaces.http.admin import AdminResource, Name, check_parameters, idempotent, page_parameters, send, send_page
from interfaces.http.presenters import member_resource
from interfaces.http.requests import path_uuid

if TYPE_CHECKING:
    import falcon

    from application.admin import IdempotentRequest
    from application.identity.users import User
    from interfaces.bootstrap import Services

ASSIGNED_MAX = 100


class NewMember(BaseModel):
    """The body of `POST …/members`. flow_ids: processes of the account that an account_user is to see."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(max_length=limits.EMAIL_CHARS_MAX)]
    role: Role
    name: Name | None = None
    flow_ids: Annotated[list[UUID], Field(max_length=ASSIGNED_MAX)] | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """Who is a member now. first_password: of a user who is new, to be shown this once; else None."""

    member: Member
    user: User
    first_password: str | None


class Invitation:
    """Gives somebody a role in an account: a command to carry out, and a user to make when there is none yet."""

    def __init__(self, services: Services, body: NewMember) -> None:
        """Take in what is asked for. Raises InvalidInputError, pointing at `/email`."""
        self._services = services
        self._body = body
        self._email = normalised_email(body.email)

    def command(self, caller: dict[str, Any], idempotency: IdempotentRequest | None) -> AddMember:
        """Return the command. caller: what every admin command has."""
        known = self._services.users.by_email(self._email)
        return AddMember(
            **caller,
            idempotency=idempotency,
            user_id=known.user_id if known else uuid4(),
            role=self._body.role,
            processes=tuple((caller["account_id"], flow_id) for flow_id in self._body.flow_ids or ()),
        )

    def invited(self, stream: UUID) -> Invited:
        """Return who is a member now that the command was carried out; `stream` is what it made or changed.

        The user is made after the role, so that a refused request makes none; cut short in between, a repeat goes on
        from here.
        """
        member = self._services.event_sourcing.find(Member, stream)
        if member is None:
            raise NotFoundError
        name = self._body.name or self._email.partition("@")[0]
        user, first_password = self._services.users.ensure(
            self._email, name, self._services.clock(), user_id=member.user_id
        )
        return Invited(member, user, first_password)


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
        invitation = Invitation(self._services, body)
        outcome = self._execute(resp, invitation.command(caller, idempotent(req)))
        invited = invitation.invited(outcome.resource_id)
        member, user = invited.member, invited.user
        resp.set_header("Location", f"{req.path}/{user.user_id}")
        resource = member_resource(member.user_id, member.account_id, member.roles, user)
        if invited.first_password is not None:
            resource["first_password"] = invited.first_password
        send(resp, resource, 201)


class MemberResource(AdminResource):
    """`/api/v1/accounts/{account_id}/members/{user_id}`."""

    def on_delete(self, req: falcon.Request, resp: falcon.Response, account_id: str, user_id: str) -> None:
        """Take all roles in this account away from somebody; at once."""
        caller = self._caller(req, account_id)
        check_parameters(req)
        self._execute(resp, RemoveMember(**caller, user_id=path_uuid(user_id)))
        resp.status = 204
