"""The operations that prove what is in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.limits import POSITION_MAX
from interfaces.http.answers.proofs import CONSISTENCY_PROOF, EVENT_PROOF, LOG_KEYS
from interfaces.http.openapi.entry import BYTES, READ, Access, Entry, Success
from interfaces.http.openapi.parameter import parameter, path_parameter, query_parameter, whole_number

if TYPE_CHECKING:
    from openapi_pydantic import Parameter

_COUNT = whole_number(1, POSITION_MAX)

PROOF_PARAMETERS: dict[str, Parameter] = {
    "position": parameter("position", "path", "Of the event, as the audit log has it.", _COUNT, required=True),
    "of_position": query_parameter("position", "Of the event in the log.", _COUNT, required=True),
    "of_size": query_parameter(
        "size", "The proof is to be for the checkpoint of so many events; without it, for the latest.", _COUNT
    ),
    "old_size": query_parameter("from", "How many events the older tree has.", _COUNT, required=True),
    "new_size": query_parameter("to", "How many events the newer tree has.", _COUNT, required=True),
    "level": path_parameter(
        "level", "The level of the tile, or `entries`.", pattern="^(entries|[0-9]|[1-5][0-9]|6[0-3])$"
    ),
    "number": path_parameter(
        "number",
        "The number of the tile, in groups of three digits of which all but the last begin with x; for a tile that is"
        " not full, with `.p/` and how many hashes of it are wanted.",
        pattern=r"^(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$",
    ),
}

_FOR_AUDITORS = "For tenant admins and auditors, since it spans all accounts."

PROOF_OPERATIONS: tuple[Entry, ...] = (
    Entry(
        method="get",
        path="/api/v1/accounts/{account_id}/audit/{position}/proof",
        name="proveEventOfAccount",
        tag="Audit log",
        summary="Prove that an event is in the log",
        description=(
            "For account admins, tenant admins and auditors: a file that `rpawatch audit check` checks without this"
            " service. Events that the account's audit log has."
        ),
        access=Access.SESSION,
        parameters=("account_id", "position"),
        success=(Success(description="The proof.", answer=EVENT_PROOF, headers=("Content-Disposition",)),),
        problems=(*READ, "no-proof-yet"),
    ),
    Entry(
        method="get",
        path="/api/v1/audit/checkpoint",
        name="readCheckpoint",
        tag="Proof",
        summary="The signed head of the log",
        description=(
            f"{_FOR_AUDITORS} A checkpoint of c2sp.org/tlog-checkpoint. A new one is signed at most each minute, when"
            " the log has grown. Keep it where the operator can't change it."
        ),
        access=Access.SESSION,
        success=(Success(description="The signed note.", media_types=("text/plain",)),),
        problems=(*READ, "no-proof-yet"),
    ),
    Entry(
        method="get",
        path="/api/v1/audit/keys",
        name="listLogKeys",
        tag="Proof",
        summary="The public keys of the log",
        description="For everybody. Keys that are no longer in use stay published: what they signed still holds.",
        success=(Success(description="The keys.", answer=LOG_KEYS),),
        problems=("invalid-request",),
    ),
    Entry(
        method="get",
        path="/api/v1/audit/proof/consistency",
        name="proveConsistency",
        tag="Proof",
        summary="Prove that the log as it was begins the log as it is",
        description=_FOR_AUDITORS,
        access=Access.SESSION,
        parameters=("old_size", "new_size"),
        success=(Success(description="The proof.", answer=CONSISTENCY_PROOF),),
        problems=(*READ, "no-proof-yet"),
    ),
    Entry(
        method="get",
        path="/api/v1/audit/proof/inclusion",
        name="proveInclusion",
        tag="Proof",
        summary="Prove that any event is in the log",
        description=f"{_FOR_AUDITORS} The event comes with the proof, as it is stored.",
        access=Access.SESSION,
        parameters=("of_position", "of_size"),
        success=(Success(description="The proof.", answer=EVENT_PROOF),),
        problems=(*READ, "no-proof-yet"),
    ),
    Entry(
        method="get",
        path="/api/v1/audit/tile/{level}/{number}",
        name="readTile",
        tag="Proof",
        summary="A tile of the Merkle tree, or the entries under it",
        description=(
            f"{_FOR_AUDITORS} As c2sp.org/tlog-tiles has it, with /api/v1/audit as the prefix: 256 hashes of a level,"
            " or the 256 leaves of which level 0 has the hashes, each with its length in two bytes before it."
        ),
        access=Access.SESSION,
        parameters=("level", "number"),
        success=(Success(description="The tile.", media_types=(BYTES,)),),
        problems=READ,
    ),
)
