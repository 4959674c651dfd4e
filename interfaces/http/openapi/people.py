"""The operations about members, and their first passwords."""

from __future__ import annotations

from functools import partial

from interfaces.http.answers.members import ADDED_MEMBER, MEMBER_PAGE
from interfaces.http.members import NewMember
from interfaces.http.openapi.entry import PAGE, POST, READ, Access, Entry, Success, created, page_of

_MEMBERS = "/api/v1/accounts/{account_id}/members"
_Entry = partial(Entry, access=Access.SESSION)

MEMBER_OPERATIONS: tuple[Entry, ...] = (
    _Entry(
        method="get",
        path=_MEMBERS,
        name="listMembers",
        tag="Members",
        summary="List the members of an account",
        description="Those with a role in the account itself; roles in the tenant are not listed here.",
        parameters=("account_id", *PAGE),
        success=page_of(MEMBER_PAGE),
        problems=READ,
    ),
    _Entry(
        method="post",
        path=_MEMBERS,
        name="addMember",
        tag="Members",
        summary="Give somebody a role",
        description=(
            "Who has a role in this account already gets a further one. Anybody else becomes a member whom this account"
            " vouches for, whether or not the address is known elsewhere. Whoever has no password of their own gets a"
            " first one, which is in this answer and never again: it works once, within a week, and opens nothing but"
            " `POST /session/password`. The first password that they had before is void."
        ),
        body=NewMember,
        parameters=("account_id", "Idempotency-Key"),
        success=created(ADDED_MEMBER, "The role is given."),
        problems=(*POST, "process-not-found"),
    ),
    _Entry(
        method="delete",
        path=f"{_MEMBERS}/{{user_id}}",
        name="removeMember",
        tag="Members",
        summary="Take all roles in the account away from somebody",
        description="It holds from their next request on. Who has no role left anywhere can't sign in any more.",
        parameters=("account_id", "user_id"),
        success=(
            Success(
                status=204,
                description="They are a stranger there now.",
                media_types=(),
                headers=("X-Lists-Behind",),
            ),
        ),
        problems=("csrf-token", *READ),
    ),
    _Entry(
        method="post",
        path=f"{_MEMBERS}/{{user_id}}/first-password",
        name="makeFirstPassword",
        tag="Members",
        summary="Make a member a new first password",
        description=(
            "For who lost theirs, or did not use it in time. It is in this answer and never again; their password"
            " before is void, and all their sessions end. An account's admins may do so for those whom the account"
            " vouched for, and get a 403 for members whom a tenant admin or the operator invited. A repeat"
            " with the same Idempotency-Key can't show it again: 409 `already-created`."
        ),
        parameters=("account_id", "user_id", "Idempotency-Key"),
        success=(
            Success(description="The member with the password.", answer=ADDED_MEMBER, headers=("X-Lists-Behind",)),
        ),
        problems=(*POST, "already-created"),
    ),
)
