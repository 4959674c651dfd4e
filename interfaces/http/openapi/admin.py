"""The operations of the admin API: accounts, processes, keys. Members: people.py."""

from __future__ import annotations

from functools import partial

from interfaces.http.accounts import AccountChange, NewAccount, NewProcess, ProcessChange, Suspension
from interfaces.http.answers.accounts import ACCOUNT, ACCOUNT_PAGE, PROCESS, PROCESS_PAGE
from interfaces.http.answers.keys import CREATED_KEY, HISTORY_PAGE, KEY, KEY_AS_OF, KEY_PAGE
from interfaces.http.keys import Deactivation, KeyChange, NewKey, Rotation
from interfaces.http.openapi.entry import PAGE, POST, READ, WRITE, Access, Entry, Success, changed, created, page_of

_ACCOUNT = "/api/v1/accounts/{account_id}"
_Entry = partial(Entry, access=Access.SESSION)

ADMIN_OPERATIONS: tuple[Entry, ...] = (
    _Entry(
        method="get",
        path="/api/v1/accounts",
        name="listAccounts",
        tag="Accounts",
        summary="List the accounts that you are a member of",
        description="All accounts of the tenant for who has a role in the tenant.",
        parameters=PAGE,
        success=page_of(ACCOUNT_PAGE),
        problems=("not-signed-in", "password-change-required", "invalid-request"),
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
        success=created(ACCOUNT, "Opened."),
        problems=POST,
    ),
    _Entry(
        method="get",
        path=_ACCOUNT,
        name="readAccount",
        tag="Accounts",
        summary="Show an account",
        description="For all its members, and who has a role in the tenant.",
        parameters=("account_id",),
        success=(Success(description="The account.", answer=ACCOUNT),),
        problems=READ,
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
        success=changed(ACCOUNT, replayed=False),
        problems=WRITE,
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
        success=changed(ACCOUNT),
        problems=POST,
    ),
    _Entry(
        method="post",
        path=f"{_ACCOUNT}/resume",
        name="resumeAccount",
        tag="Accounts",
        summary="Let the robots of an account in again",
        description="For tenant admins. Its keys are as they were. Again changes nothing.",
        parameters=("account_id", "Idempotency-Key"),
        success=changed(ACCOUNT),
        problems=POST,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/processes",
        name="listProcesses",
        tag="Processes",
        summary="List the processes that you may see",
        description="Consultants and account users see those that they are assigned.",
        parameters=("account_id", *PAGE, "retired"),
        success=page_of(PROCESS_PAGE),
        problems=READ,
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
        success=created(PROCESS, "Registered."),
        problems=(*POST, "already-created"),
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
        success=changed(PROCESS, replayed=False),
        problems=WRITE,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/keys",
        name="listKeys",
        tag="Keys",
        summary="List the keys of an account",
        description="Those that have ended too, unless `active` says otherwise. Never a secret.",
        parameters=("account_id", *PAGE, "active", "q-keys", "scope", "unused_for", "sort-keys"),
        success=page_of(KEY_PAGE),
        problems=READ,
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
        success=created(CREATED_KEY, "The key with its secret.", replayed=False),
        problems=(*POST, "process-not-found", "process-retired", "already-created"),
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
        success=(Success(description="The key.", answer=KEY_AS_OF),),
        problems=READ,
    ),
    _Entry(
        method="get",
        path=f"{_ACCOUNT}/keys/{{key_id}}/history",
        name="listKeyHistory",
        tag="Keys",
        summary="What happened to a key, in order",
        description="As the log has it. Without its uses, unless `kind` is `all`.",
        parameters=("account_id", "key_id", *PAGE, "history_kind"),
        success=page_of(HISTORY_PAGE),
        problems=READ,
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
        success=changed(KEY, replayed=False),
        problems=(*WRITE, "key-ended"),
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
        success=created(CREATED_KEY, "The new key with its secret.", replayed=False),
        problems=(*POST, "process-retired", "key-ended", "already-created"),
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
        success=changed(KEY),
        problems=POST,
    ),
)
