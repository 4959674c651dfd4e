"""The tree of the log, its signed head, and proofs; in the formats of c2sp.org where there is one."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from application.caller import AccountCaller, Caller
from domain.errors import NotFoundError
from domain.limits import POSITION_MAX
from domain.permissions import Action
from interfaces.http.admin import check_parameters, send
from interfaces.http.answers.proofs import CONSISTENCY_PROOF, EVENT_PROOF, LOG_KEYS, event_proof, log_keys_resource
from interfaces.http.operation import (
    ACCOUNT_PATH,
    AccountRequest,
    AdminOperations,
    Operation,
    PlainOperations,
    Success,
    TenantRequest,
    shown,
)
from interfaces.http.parameters import check_order
from interfaces.http.problems import ProblemError
from interfaces.http.query import count, number
from interfaces.http.representations import ALWAYS, ASK_AGAIN, may_be_kept
from projections.log_tree.proving import NotProvableError
from projections.log_tree.tiles import TileMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from interfaces.bootstrap import Services
    from interfaces.http.answers.proofs import ConsistencyProof, EventProof

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
_OWN_ALWAYS: Final = f"private, {ALWAYS.removeprefix('public, ')}"
"""Caching of hashes: those of a tile never change, also of one that is not full, whose width is in its address."""
_OWN_ASK_AGAIN: Final = f"private, {ASK_AGAIN}"
"""Caching of what is made of the log as it is now: also of entries, so that one that was altered is seen."""
_ENTRIES: Final = "entries"
_LEVELS: Final = frozenset(map(str, range(64)))
_DIGITS_MAX: Final = 19


OPERATIONS: list[Operation] = []
_OF_ACCOUNT = AdminOperations[AccountCaller](OPERATIONS, "Audit log", f"{ACCOUNT_PATH}/audit")
_PROOFS = AdminOperations[Caller](OPERATIONS, "Proof", "/api/v1/audit")
"""Operations on the log of all accounts, for those who read the audit log of the whole tenant."""
_FOR_EVERYBODY = PlainOperations(OPERATIONS, "Proof")

POSITION = count("position", "Of the event in the log.", "of_position")
SIZE = number(
    "size",
    "The proof is to be for the checkpoint of so many events; without it, for the latest.",
    1,
    POSITION_MAX,
    "of_size",
)
OLD_SIZE = count("from", "How many events the older tree has.", "old_size")
NEW_SIZE = count("to", "How many events the newer tree has.", "new_size")
_FOR_AUDITORS = "For tenant admins and auditors, since it spans all accounts."


@_OF_ACCOUNT.get(
    "/{position}/proof",
    action=Action.READ_AUDIT,
    success=shown(EVENT_PROOF, "The proof.", "Content-Disposition"),
    problems=("no-proof-yet",),
)
def prove_event_of_account(request: AccountRequest[None], position: str) -> EventProof:
    """Prove that an event is in the log.

    For account admins, tenant admins and auditors: a file that `rpawatch audit check` checks without this service.
    Events that the account's audit log has.
    """
    if not (position.isascii() and position.isdigit() and len(position) <= _DIGITS_MAX):
        raise NotFoundError
    place = min(int(position), POSITION_MAX)
    with _proving():
        proof = request.services.log_proofs.event_of_account(request.caller.account_id, place)
    request.resp.set_header("Content-Disposition", f'attachment; filename="proof-{proof.position}.json"')
    return event_proof(proof)


@_PROOFS.get(
    "/checkpoint",
    action=Action.READ_AUDIT,
    success=Success[None](description="The signed note.", media_types=("text/plain",)),
    problems=("no-proof-yet",),
    description=(
        f"{_FOR_AUDITORS} A checkpoint of c2sp.org/tlog-checkpoint. A new one is signed at most each minute, when the"
        " log has grown. Keep it where the operator can't change it."
    ),
)
def read_checkpoint(request: TenantRequest[None]) -> None:
    """The signed head of the log."""
    head, resp = request.services.log_proofs.latest_head(), request.resp
    if head is None:
        raise ProblemError("no-proof-yet")
    resp.text = head.note
    resp.content_type = TEXT
    resp.last_modified = head.signed_at
    may_be_kept(resp, _OWN_ASK_AGAIN)


@_FOR_EVERYBODY.operation("get", "/api/v1/audit/keys", shown(LOG_KEYS, "The keys."), problems=("invalid-request",))
def list_log_keys(services: Services, req: falcon.Request, resp: falcon.Response) -> None:
    """The public keys of the log.

    For everybody. Keys that are no longer in use stay published: what they signed still holds.
    """
    check_parameters(req)
    send(resp, log_keys_resource(services.log_proofs.public_keys()))
    may_be_kept(resp, ASK_AGAIN)


@_PROOFS.get(
    "/proof/consistency",
    action=Action.READ_AUDIT,
    query=(OLD_SIZE, NEW_SIZE),
    success=shown(CONSISTENCY_PROOF, "The proof."),
    problems=("no-proof-yet",),
    description=_FOR_AUDITORS,
)
def prove_consistency(request: TenantRequest[None]) -> ConsistencyProof:
    """Prove that the log as it was begins the log as it is."""
    old, new = request[OLD_SIZE], request[NEW_SIZE]
    check_order(old, new)
    with _proving():
        hashes = request.services.log_proofs.prefix(old, new)
    return {"from": old, "to": new, "hashes": [base64.b64encode(one).decode() for one in hashes]}


@_PROOFS.get(
    "/proof/inclusion",
    action=Action.READ_AUDIT,
    query=(POSITION, SIZE),
    success=shown(EVENT_PROOF, "The proof."),
    problems=("no-proof-yet",),
    description=f"{_FOR_AUDITORS} The event comes with the proof, as it is stored.",
)
def prove_inclusion(request: TenantRequest[None]) -> EventProof:
    """Prove that any event is in the log."""
    position, size = request[POSITION], request[SIZE]
    with _proving():
        return event_proof(request.services.log_proofs.event(position, size))


@_PROOFS.get(
    "/tile/{level}/{number}",
    action=Action.READ_AUDIT,
    success=Success[None](description="The tile.", media_types=(BYTES,)),
    description=(
        f"{_FOR_AUDITORS} As c2sp.org/tlog-tiles has it, with /api/v1/audit as the prefix: 256 hashes of a level,"
        " or the 256 leaves of which level 0 has the hashes, each with its length in two bytes before it."
    ),
)
def read_tile(request: TenantRequest[None], level: str, number: str) -> None:
    """A tile of the Merkle tree, or the entries under it."""
    proofs, resp = request.services.log_proofs, request.resp
    if level == _ENTRIES:
        resp.data = proofs.entries(number)
        may_be_kept(resp, _OWN_ASK_AGAIN)
    elif level in _LEVELS:
        resp.data = proofs.tile(int(level), number)
        may_be_kept(resp, _OWN_ALWAYS)
    else:
        raise NotFoundError
    resp.content_type = BYTES


@contextmanager
def _proving() -> Iterator[Any]:
    try:
        yield
    except NotProvableError as error:
        raise ProblemError("no-proof-yet", detail=str(error)) from None
    except TileMissingError as error:
        detail = f"{error} Tell the operator: `rpawatch audit verify` says what was changed."
        raise ProblemError("unavailable", detail=detail, headers={"Retry-After": "60"}) from None
