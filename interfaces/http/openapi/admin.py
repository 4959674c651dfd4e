"""The operations of the admin API: accounts, processes, members, keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from interfaces.http.accounts import AccountChange, NewAccount, NewProcess, Nothing, ProcessChange, Suspension
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.members import NewMember
from interfaces.http.openapi import responses as answers
from interfaces.http.openapi.entry import OF_BODIES, Access, Entry, Success
from interfaces.http.openapi.history_answers import HistoryPage, KeyAsOf

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


def _changed(model: type[BaseModel], *, replayed: bool = True) -> tuple[Success, ...]:
    headers = (*(["Idempotent-Replayed"] if replayed else []), "X-Lists-Behind")
    return (Success(description="As it is now.", model=model, headers=headers),)


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
        path=_ACCOUNT,
        name="readAccount",
        tag="Accounts",
        summary="Show an account",
        description="For all its members, and who has a role in the tenant.",
        parameters=("account_id",),
        success=(Success(description="The account.", model=answers.Account),),
        problems=_READ,
    ),
    _Entry(
        method="patch",
        path=_ACCOUNT,
        name="renameAccount",
        tag="Accounts",
        summary="Rename an account",
        description="Send what is to change.",
        body=AccountChange,
        body_required=False,
        parameters=("account_id",),
        success=_changed(answers.Account, replayed=False),
        problems=_WRITE,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/suspend",
        name="suspendAccount",
        tag="Accounts",
        summary="Keep the robots of an account out",
        description=(
            "For tenant admins. From this answer on every key of the account gets 403 `account-suspended`, everywhere;"
            " what was reported before stays, and the admin API goes on. Again changes nothing."
        ),
        body=Suspension,
        body_required=False,
        parameters=("account_id", "Idempotency-Key"),
        success=_changed(answers.Account),
        problems=_POST,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/resume",
        name="resumeAccount",
        tag="Accounts",
        summary="Let the robots of an account in again",
        description="For tenant admins. Its keys are as they were. Again changes nothing.",
        body=Nothing,
        body_required=False,
        parameters=("account_id", "Idempotency-Key"),
        success=_changed(answers.Account),
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
        success=_changed(answers.Process, replayed=False),
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
        method="get",
        path=f"{_ACCOUNT}/keys",
        name="listKeys",
        tag="Keys",
        summary="List the keys of an account",
        description="Those that have ended too, unless `active` says otherwise. Never a secret.",
        parameters=("account_id", *_PAGE, "active", "q-keys", "scope", "unused_for", "sort-keys"),
        success=_page_of(answers.KeyPage),
        problems=_READ,
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
        summary="Show a key, as it is or as it was",
        description=(
            "Never its secret. With `as_of` or `version` it is replayed from the log, by the code that decided at the"
            " time; a moment before it was made is a 404."
        ),
        parameters=("account_id", "key_id", "as_of", "version"),
        success=(Success(description="The key.", model=KeyAsOf),),
        problems=_READ,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/keys/{{key_id}}/history",
        name="listKeyHistory",
        tag="Keys",
        summary="What happened to a key, in order",
        description="As the log has it. Without its uses, unless `kind` is `all`.",
        parameters=("account_id", "key_id", *_PAGE, "history_kind"),
        success=_page_of(HistoryPage),
        problems=_READ,
    ),
    _Entry(
        method="patch",
        path=f"{_ACCOUNT}/keys/{{key_id}}",
        name="changeKey",
        tag="Keys",
        summary="Rename a key, change its limit, let it expire sooner",
        description=(
            "Send what is to change. A new limit holds from the next request on, and uses before it count. An expiry"
            " only ever comes sooner. A key that has ended is not changed any more (409 `key-ended`)."
        ),
        body=KeyChange,
        body_required=False,
        parameters=("account_id", "key_id"),
        success=_changed(answers.Key, replayed=False),
        problems=(*_WRITE, "key-ended"),
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/keys/{{key_id}}/rotate",
        name="rotateKey",
        tag="Keys",
        summary="Let a new key take the place of one",
        description=(
            "The new key has the same name, scope and limit; its secret is in this answer and never again. The old one"
            " works until `overlap_seconds` are over, and with 0 no longer than this answer. Without `expires_at` the"
            " new one lives as long as the old one was made for. A key is rotated once: again is a 409"
            " `already-created` with the key that has taken its place."
        ),
        body=Rotation,
        body_required=False,
        parameters=("account_id", "key_id", "Idempotency-Key"),
        success=_created(answers.CreatedKey, "The new key with its secret.", replayed=False),
        problems=(*_POST, "process-retired", "key-ended", "already-created"),
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
        success=_changed(answers.Key),
        problems=_POST,
    ),
)
