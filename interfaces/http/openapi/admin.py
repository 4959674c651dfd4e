"""The operations of the admin API: accounts, processes, members, keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from interfaces.http.accounts import NewAccount, NewProcess, ProcessChange
from interfaces.http.keys import Deactivation, NewKey
from interfaces.http.members import NewMember
from interfaces.http.openapi import responses as answers
from interfaces.http.openapi.entry import OF_BODIES, Access, Entry, Success

if TYPE_CHECKING:
    from pydantic import BaseModel

_READ = ("not-signed-in", "forbidden", "not-found", "invalid-request")
_WRITE = ("not-signed-in", "csrf-token", "forbidden", "not-found", *OF_BODIES)
_POST = (*_WRITE, "idempotency-key-reuse")
_ACCOUNT = "/api/v1/accounts/{account_id}"
_PAGE = ("limit", "cursor")

_Entry = partial(Entry, access=Access.SESSION)


def _page_of(model: type[BaseModel]) -> tuple[Success, ...]:
    return (Success(description="A page.", model=model, headers=("Link",)),)


def _created(model: type[BaseModel], description: str, *, replayed: bool = True) -> tuple[Success, ...]:
    headers = ("Location", *(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return (Success(status=201, description=description, model=model, headers=headers),)


ADMIN_OPERATIONS: tuple[Entry, ...] = (
    _Entry(
        method="get",
        path="/api/v1/accounts",
        name="listAccounts",
        tag="Accounts",
        summary="List the accounts that you are a member of",
        description="All accounts of the tenant for who has a role in the tenant.",
        parameters=_PAGE,
        success=_page_of(answers.AccountPage),
        problems=("not-signed-in", "invalid-request"),
    ),
    _Entry(
        method="post",
        path="/api/v1/accounts",
        name="openAccount",
        tag="Accounts",
        summary="Open an account",
        description="For tenant admins.",
        body=NewAccount,
        parameters=("Idempotency-Key",),
        success=_created(answers.Account, "Opened."),
        problems=_POST,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/processes",
        name="listProcesses",
        tag="Processes",
        summary="List the processes that you may see",
        description="Consultants and account users see those that they are assigned.",
        parameters=("account_id", *_PAGE, "retired"),
        success=_page_of(answers.ProcessPage),
        problems=_READ,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/processes",
        name="registerProcess",
        tag="Processes",
        summary="Register a process",
        description="Robots can report jobs of it from now on.",
        body=NewProcess,
        parameters=("account_id", "Idempotency-Key"),
        success=_created(answers.Process, "Registered."),
        problems=(*_POST, "already-created"),
    ),
    _Entry(
        method="patch",
        path=f"{_ACCOUNT}/processes/{{flow_id}}",
        name="changeProcess",
        tag="Processes",
        summary="Rename, retire or restore a process",
        description="Send what is to change. A retired process takes no jobs.",
        body=ProcessChange,
        body_required=False,
        parameters=("account_id", "flow_id"),
        success=(Success(description="As it is now.", model=answers.Process, headers=("X-Lists-Behind",)),),
        problems=_WRITE,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/members",
        name="listMembers",
        tag="Members",
        summary="List the members of an account",
        description="Those with a role in the account itself; roles in the tenant are not listed here.",
        parameters=("account_id", *_PAGE),
        success=_page_of(answers.MemberPage),
        problems=_READ,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/members",
        name="addMember",
        tag="Members",
        summary="Give somebody a role",
        description=(
            "Somebody who is no user yet becomes one, and the answer holds their first password, this once."
            " Who has a role already gets a further one."
        ),
        body=NewMember,
        parameters=("account_id", "Idempotency-Key"),
        success=_created(answers.AddedMember, "The role is given."),
        problems=(*_POST, "process-not-found"),
    ),
    _Entry(
        method="delete",
        path=f"{_ACCOUNT}/members/{{user_id}}",
        name="removeMember",
        tag="Members",
        summary="Take all roles in the account away from somebody",
        description="It holds from their next request on.",
        parameters=("account_id", "user_id"),
        success=(
            Success(
                status=204,
                description="They are a stranger there now.",
                media_types=(),
                headers=("X-Lists-Behind",),
            ),
        ),
        problems=("csrf-token", *_READ),
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/keys",
        name="createKey",
        tag="Keys",
        summary="Make an API key",
        description=(
            "The secret is in this answer and never again. A repeat with the same Idempotency-Key is answered with 409"
            " `already-created` and the key that was made, without its secret: deactivate that one and make another."
        ),
        body=NewKey,
        parameters=("account_id", "Idempotency-Key"),
        success=_created(answers.CreatedKey, "The key with its secret.", replayed=False),
        problems=(*_POST, "process-not-found", "process-retired", "already-created"),
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/keys/{{key_id}}",
        name="readKey",
        tag="Keys",
        summary="Show a key",
        description="Never its secret.",
        parameters=("account_id", "key_id"),
        success=(Success(description="The key.", model=answers.Key),),
        problems=_READ,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/keys/{{key_id}}/deactivate",
        name="deactivateKey",
        tag="Keys",
        summary="End a key for good",
        description="From this answer on the key is refused everywhere. Ending it again changes nothing.",
        body=Deactivation,
        body_required=False,
        parameters=("account_id", "key_id", "Idempotency-Key"),
        success=(
            Success(
                description="The key, deactivated.",
                model=answers.Key,
                headers=("Idempotent-Replayed", "X-Lists-Behind"),
            ),
        ),
        problems=_POST,
    ),
)
