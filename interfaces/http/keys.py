"""Keys: made, shown, changed, rotated, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, cast
from uuid import UUID

from pydantic import Field

from application.caller import AccountCaller
from application.keys import ChangeKey, CreateKey, DeactivateKey, RotateKey, key_of_account
from domain import key_secret, limits
from domain.api_key import ApiKey
from domain.errors import AlreadyRotatedError
from domain.permissions import Action
from domain.report import Time
from interfaces.http.answers.fields import FLOW_ID
from interfaces.http.answers.keys import (
    CREATED_KEY,
    HISTORY_PAGE,
    KEY,
    KEY_AS_OF,
    KEY_PAGE,
    history_item,
    key_as_of,
    key_resource,
)
from interfaces.http.body import Body, Name, Reason, Strict
from interfaces.http.operation import (
    ACCOUNT_PATH,
    AccountRequest,
    AdminOperations,
    B,
    Operation,
    changed,
    created,
    page_of,
    shown,
)
from interfaces.http.parameters import refused
from interfaces.http.problems import ProblemError
from interfaces.http.query import PAGE, choice, flag, ids, number, time, words
from projections.keys.queries import KEY_SORTS, KeyFilter

if TYPE_CHECKING:
    from application.admin import Outcome
    from domain.key_secret import KeySecret
    from interfaces.http.answers.keys import CreatedKey, HistoryPage, Key, KeyAsOf, KeyPage


LIFECYCLE: Final = "lifecycle"
HISTORY_KINDS: Final = (LIFECYCLE, "all")
"""The parts of a history: everything but the uses of the key, or these too."""
Limit = Annotated[int, Field(ge=limits.RATE_LIMIT_MIN, le=limits.RATE_LIMIT_MAX)]
_OVERLAP_SECONDS_MAX = int(limits.ROTATION_OVERLAP_MAX.total_seconds())
_OVERLAP_SECONDS_DEFAULT = int(limits.ROTATION_OVERLAP_DEFAULT.total_seconds())
_SHOWN_ONCE = (
    "This key was created before, and its secret is shown only once. Deactivate it and make another if the secret was"
    " lost."
)
_ROTATED_BEFORE = (
    "Another key has taken the place of this one before; `resource` shows it. Rotate that one, or deactivate it and"
    " make another if its secret was lost."
)


class NewKey(Strict):
    """An API key to be made."""

    name: Annotated[Name, Field(description="For people: one line, not blank; spaces around it are cut off.")]
    flow_id: Annotated[
        UUID | None,
        Field(description="The one process that the key is for. Left out: every process of the account."),
    ] = None
    expires_at: Annotated[
        Time | None,
        Field(description="The instant from which the key is refused: in the future. Left out: never."),
    ] = None
    limit: Annotated[
        Limit | None,
        Field(description=f"Requests in any 60 seconds; {limits.RATE_LIMIT_DEFAULT} when it is left out."),
    ] = None


class KeyChange(Strict):
    """The body of `PATCH …/keys/{key_id}`; what is left out stays. expires_at: only sooner than it is."""

    name: Annotated[Name | None, Field(description="Another name. Left out: as it is.")] = None
    limit: Annotated[
        Limit | None,
        Field(
            description="Requests in any 60 seconds, from the next one on; those before it count. Left out: as it is."
        ),
    ] = None
    expires_at: Annotated[
        Time | None, Field(description="In the future, and not later than it is. Left out: as it is.")
    ] = None


class Rotation(Strict):
    """The body of `POST …/rotate`. expires_at: of the new key; else it lives as long as the old one was made for."""

    overlap_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=_OVERLAP_SECONDS_MAX,
            description=(
                "For how long the old key still works, up to a week; not beyond its own expiry. With 0 it ends with"
                f" this answer; left out, after {limits.ROTATION_OVERLAP_DEFAULT // timedelta(hours=1)} hours."
            ),
        ),
    ] = _OVERLAP_SECONDS_DEFAULT
    expires_at: Annotated[
        Time | None,
        Field(description="Of the new key. Left out: it lives as long as the old one was made for."),
    ] = None


class Deactivation(Strict):
    """Why a key ends."""

    reason: Reason = None


NEW_KEY = Body(
    NewKey,
    {
        "For one process": {"name": "Invoices, nightly", "flow_id": FLOW_ID, "limit": 120},
        "For the account": {"name": "All robots"},
    },
)
KEY_CHANGE = Body(
    KeyChange,
    {
        "A lower limit": {"limit": 10},
        "Name and end": {"name": "Invoices, old", "expires_at": "2027-01-31T18:00:00Z"},
    },
)
ROTATION = Body(
    Rotation,
    {"A day for the robots to switch": {"overlap_seconds": 86_400}, "At once": {"overlap_seconds": 0}},
)
DEACTIVATION = Body(Deactivation, {"With a reason": {"reason": "The robot was retired"}})

OPERATIONS: list[Operation] = []
_KEYS = AdminOperations[AccountCaller](OPERATIONS, "Keys", f"{ACCOUNT_PATH}/keys")

ACTIVE = flag("active", "true: only those that let requests in. false: only those that do not.")
SEARCH = words(
    "q",
    "What to look for: each word of it begins a word of the key's name, whatever its case, or the key's prefix.",
    "q-keys",
)
SCOPE = ids("scope", "Only those that are for this process.")
UNUSED_FOR = number(
    "unused_for",
    "Only those that were made, and last used, more than so many days ago.",
    0,
    limits.UNUSED_DAYS_MAX,
)
SORT = choice("sort", f"The order; `{KEY_SORTS[0]}` when it is left out.", KEY_SORTS, "KeySort", "sort-keys")
AS_OF = time("as_of", "As it was at this instant;")
VERSION = number("version", "As it was after so many events.", 1, limits.POSITION_MAX)
KIND = choice("kind", f"Which of it; `{LIFECYCLE}` when it is left out.", HISTORY_KINDS, "HistoryKind", "history_kind")


@_KEYS.get(action=Action.READ_KEYS, query=(*PAGE, ACTIVE, SEARCH, SCOPE, UNUSED_FOR, SORT), success=page_of(KEY_PAGE))
def list_keys(request: AccountRequest[None]) -> KeyPage:
    """List the keys of an account.

    Those that have ended too, unless `active` says otherwise. Never a secret.
    """
    services, now, unused_days = request.services, request.services.clock(), request[UNUSED_FOR]
    only = KeyFilter(
        active=request[ACTIVE],
        search=request[SEARCH],
        flow_ids=request[SCOPE],
        unused_since=None if unused_days is None else now - timedelta(days=unused_days),
    )
    items, next_cursor = services.keys.page(request.caller.account_id, request.page(SORT), now, only)
    return {"items": [key_resource(row, now) for row in items], "next_cursor": next_cursor}


@_KEYS.command(
    "post",
    command=CreateKey,
    body=NEW_KEY,
    success=created(CREATED_KEY, "The key with its secret.", secret=True, replayed=False),
    problems=("process-not-found", "process-retired", "already-created"),
)
def create_key(request: AccountRequest[NewKey]) -> CreatedKey:
    """Make an API key.

    The secret is in this answer and never again. A repeat with the same Idempotency-Key is answered with 409
    `already-created` and the key that was made, without its secret: deactivate that one and make another.
    """
    body, secret = request.body, key_secret.generate()
    outcome = request.execute(
        CreateKey(
            by=request.caller,
            idempotency=request.idempotency,
            secret=secret,
            name=body.name,
            flow_id=body.flow_id,
            expires_at=body.expires_at,
            limit=limits.RATE_LIMIT_DEFAULT if body.limit is None else body.limit,
        )
    )
    return _shown_once(request, outcome, secret)


@_KEYS.get("/{key_id}", action=Action.READ_KEYS, query=(AS_OF, VERSION), success=shown(KEY_AS_OF, "The key."))
def read_key(request: AccountRequest[None], key_id: UUID) -> KeyAsOf:
    """Show a key, as it is or as it was.

    Never its secret. With `as_of` or `version` it is replayed from the log, by the code that decided at the time; a
    moment before it was made is a 404.
    """
    account_id, at, version = request.caller.account_id, request[AS_OF], request[VERSION]
    if at is not None and version is not None:
        raise refused("as_of and version both name a moment: send one of them")
    if at is not None or version is not None:
        return key_as_of(request.services.key_history.as_it_was(account_id, key_id, at, version))
    key = key_of_account(request.get(ApiKey, key_id), account_id)
    return cast("KeyAsOf", key_resource(key, request.services.clock()))


@_KEYS.get("/{key_id}/history", action=Action.READ_KEYS, query=(*PAGE, KIND), success=page_of(HISTORY_PAGE))
def list_key_history(request: AccountRequest[None], key_id: UUID) -> HistoryPage:
    """What happened to a key, in order.

    As the log has it. Without its uses, unless `kind` is `all`.
    """
    kind = request[KIND] or LIFECYCLE
    items, next_cursor = request.services.key_history.page(
        request.caller.account_id, key_id, request.page(), lifecycle_only=kind == LIFECYCLE
    )
    return {"items": [history_item(entry) for entry in items], "next_cursor": next_cursor}


@_KEYS.command(
    "patch",
    "/{key_id}",
    command=ChangeKey,
    body=KEY_CHANGE,
    success=changed(KEY, replayed=False),
    problems=("key-ended",),
)
def change_key(request: AccountRequest[KeyChange], key_id: UUID) -> Key:
    """Rename a key, change its limit, let it expire sooner.

    Send what is to change. A new limit holds from the next request on, and uses before it count. An expiry only ever
    comes sooner. A key that has ended is not changed any more (409 `key-ended`).
    """
    body = request.body
    outcome = request.execute(
        ChangeKey(by=request.caller, key_id=key_id, name=body.name, limit=body.limit, expires_at=body.expires_at)
    )
    return _shown(request, outcome.resource_id)


@_KEYS.command(
    "post",
    "/{key_id}/rotate",
    command=RotateKey,
    body=ROTATION,
    success=created(CREATED_KEY, "The new key with its secret.", secret=True, replayed=False),
    problems=("process-retired", "key-ended", "already-created"),
)
def rotate_key(request: AccountRequest[Rotation], key_id: UUID) -> CreatedKey:
    """Let a new key take the place of one.

    The new key has the same name, scope and limit; its secret is in this answer and never again. The old one works
    until `overlap_seconds` are over, and with 0 no longer than this answer. Without `expires_at` the new one lives as
    long as the old one was made for. A key is rotated once: again is a 409 `already-created` with the key that has
    taken its place.
    """
    body, secret = request.body, key_secret.generate()
    command = RotateKey(
        by=request.caller,
        idempotency=request.idempotency,
        key_id=key_id,
        secret=secret,
        overlap=timedelta(seconds=body.overlap_seconds),
        expires_at=body.expires_at,
    )
    try:
        outcome = request.execute(command)
    except AlreadyRotatedError as error:
        raise _created_before(request, error.resource_id, _ROTATED_BEFORE) from None
    return _shown_once(request, outcome, secret)


@_KEYS.command("post", "/{key_id}/deactivate", command=DeactivateKey, body=DEACTIVATION, success=changed(KEY))
def deactivate_key(request: AccountRequest[Deactivation], key_id: UUID) -> Key:
    """End a key for good.

    From this answer on the key is refused everywhere. Ending it again changes nothing.
    """
    outcome = request.execute(
        DeactivateKey(by=request.caller, idempotency=request.idempotency, key_id=key_id, reason=request.body.reason)
    )
    return _shown(request, outcome.resource_id)


def _shown(request: AccountRequest[B], key_id: UUID) -> Key:
    return key_resource(request.get(ApiKey, key_id), request.services.clock())


def _shown_once(request: AccountRequest[B], outcome: Outcome, secret: KeySecret) -> CreatedKey:
    """Return a new key and its secret. Raises ProblemError already-created for a repeat."""
    if outcome.replayed:
        raise _created_before(request, outcome.resource_id, _SHOWN_ONCE)
    key = _shown(request, outcome.resource_id)
    request.made_at(_path_of(key))
    return {**key, "key": secret.text}


def _created_before(request: AccountRequest[B], key_id: UUID, detail: str) -> ProblemError:
    key = _shown(request, key_id)
    request.made_at(_path_of(key))
    return ProblemError("already-created", detail=detail, resource=key)


def _path_of(key: Key) -> str:
    return f"/api/v1/accounts/{key['account_id']}/keys/{key['id']}"
