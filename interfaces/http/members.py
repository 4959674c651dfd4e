"""Members of an account and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import Field

from application.accounts import AddMember, NewFirstPassword, RemoveMember
from application.caller import AccountCaller
from application.identity.invitations import KnownMember
from application.identity.users import normalised_email
from domain import limits
from domain.ids import member_id, random_id
from domain.member import Member
from domain.permissions import Action, Role
from interfaces.http.answers.fields import FLOW_ID, named
from interfaces.http.answers.members import ADDED_MEMBER, MEMBER_PAGE, added_member, member_resource
from interfaces.http.body import NOTHING, Body, Name, Nothing, Strict
from interfaces.http.operation import (
    ACCOUNT_PATH,
    AccountRequest,
    AdminOperations,
    Operation,
    Success,
    created,
    page_of,
)
from interfaces.http.query import PAGE

if TYPE_CHECKING:
    from application.admin import IdempotentRequest
    from application.identity.invitations import Invitation
    from interfaces.bootstrap import Services
    from interfaces.http.answers.members import AddedMember, MemberPage

ASSIGNED_MAX = 100
EMAIL_PATTERN = r"""^[^@\s\x00-\x1F\x7F\x85,;:<>()\[\]\\"]{1,64}@[^@\s\x00-\x1F\x7F\x85,;:<>()\[\]\\"]+$"""


class NewMember(Strict):
    """A role to be given. Who has none in the account yet becomes a member."""

    email: Annotated[
        str,
        Field(
            max_length=limits.EMAIL_CHARS_MAX,
            description="What they sign in with.",
            json_schema_extra={"pattern": EMAIL_PATTERN},
        ),
    ]
    role: Annotated[Role, named("AccountRole", "What they are in this account.")]
    name: Annotated[
        Name | None, Field(description="Of who is new to the account; who was there before keeps theirs.")
    ] = None
    flow_ids: Annotated[
        Annotated[list[UUID], Field(max_length=ASSIGNED_MAX)] | None,
        Field(description="Processes of the account that an account_user is to see."),
    ] = None


NEW_MEMBER = Body(
    NewMember,
    {
        "A user with one process": {
            "email": "bob@example.com",
            "role": "account_user",
            "name": "Bob",
            "flow_ids": [FLOW_ID],
        }
    },
)


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


OPERATIONS: list[Operation] = []
_MEMBERS = AdminOperations[AccountCaller](OPERATIONS, "Members", f"{ACCOUNT_PATH}/members")


@_MEMBERS.get(action=Action.READ_MEMBERS, query=PAGE, success=page_of(MEMBER_PAGE))
def list_members(request: AccountRequest[None]) -> MemberPage:
    """List the members of an account.

    Those with a role in the account itself; roles in the tenant are not listed here.
    """
    services, caller = request.services, request.caller
    for_tenant = services.invitations.speaks_for_tenant(caller.actor, caller.tenant_id)
    items, next_cursor = services.members.page(caller.account_id, request.page(), for_tenant=for_tenant)
    return {"items": [member_resource(item) for item in items], "next_cursor": next_cursor}


@_MEMBERS.command(
    "post",
    command=AddMember,
    body=NEW_MEMBER,
    success=created(ADDED_MEMBER, "The role is given.", secret=True),
    problems=("process-not-found",),
)
def add_member(request: AccountRequest[NewMember]) -> AddedMember:
    """Give somebody a role.

    Who has a role in this account already gets a further one. Anybody else becomes a member whom this account vouches
    for, whether or not the address is known elsewhere. Whoever has no password of their own gets a first one, which is
    in this answer and never again: it works once, within a week, and opens nothing but `POST /session/password`. The
    first password that they had before is void.
    """
    invitation = invite(request.services, request.caller, request.body, request.idempotency)
    invited = invitation.settled(request.execute(invitation.command))
    request.made_at(f"{request.req.path}/{invited.member.user_id}")
    return added_member(invited, invited.first_password)


@_MEMBERS.command(
    "delete",
    "/{user_id}",
    command=RemoveMember,
    body=NOTHING,
    success=Success[None](
        status=204, description="They are a stranger there now.", media_types=(), headers=("X-Lists-Behind",)
    ),
)
def remove_member(request: AccountRequest[Nothing], user_id: UUID) -> None:
    """Take all roles in the account away from somebody.

    It holds from their next request on. Who has no role left anywhere can't sign in any more.
    """
    command = RemoveMember(by=request.caller, user_id=user_id)
    with request.services.invitations.removing(command):
        request.execute(command)


@_MEMBERS.command(
    "post",
    "/{user_id}/first-password",
    command=NewFirstPassword,
    body=NOTHING,
    success=Success(
        description="The member with the password.", answer=ADDED_MEMBER, headers=("X-Lists-Behind",), secret=True
    ),
    problems=("already-created",),
)
def make_first_password(request: AccountRequest[Nothing], user_id: UUID) -> AddedMember:
    """Make a member a new first password.

    For who lost theirs, or did not use it in time. It is in this answer and never again; their password before is
    void, and all their sessions end. An account's admins may do so for those whom the account vouched for, and get a
    403 for members whom a tenant admin or the operator invited. A repeat with the same Idempotency-Key can't show it
    again: 409 `already-created`.
    """
    command = NewFirstPassword(by=request.caller, user_id=user_id, idempotency=request.idempotency)
    user, made = request.services.invitations.new_first_password(command, request.execute)
    member = request.get(Member, member_id(request.caller.account_id, user.user_id))
    return added_member(KnownMember(member, user, is_ours=True), made)
