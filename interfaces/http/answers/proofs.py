"""Proofs and the public keys of the log, as the API answers with them. `domain/proof/` makes the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field
from typing_extensions import TypedDict

from domain.proof.document import FORMAT
from domain.times import time_text
from interfaces.http.answers.fields import Answer, Id, Instant, Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.proof.document import EventProof as Proof
    from projections.log_tree.heads import LogKey as PublishedKey

Hash = Annotated[str, Field(pattern="^[A-Za-z0-9+/]{43}=$", description="32 bytes in base64.")]


class LogKey(TypedDict):
    """A public key that heads of the log are, or were, signed with."""

    public_key: Annotated[str, Field(description="A verifier key of c2sp.org/signed-note: name+id+key.")]
    published_at: Instant
    retired_at: Annotated[Instant | None, Field(description="When another took its place; null for the one in use.")]


class LogKeys(TypedDict):
    """Every public key of the log, the oldest first."""

    items: list[LogKey]


class EventProof(TypedDict):
    """An event, and the proof that it is in the log that was signed. `rpawatch audit check` checks it, offline."""

    format: Annotated[str, Field(json_schema_extra={"const": FORMAT})]
    position: Position
    stream: Annotated[Id, Field(description="What it happened to: the id of a key, say.")]
    version: Annotated[int, Field(ge=1, description="Which event of its stream it is, from 1.")]
    topic: Annotated[str, Field(description="What happened.")]
    state: Annotated[str, Field(description="The event as it is stored: JSON, in base64.")]
    leaf_index: Annotated[int, Field(ge=0, description="Its place in the tree, from 0.")]
    tree_size: Annotated[int, Field(ge=1, description="How many events the checkpoint is of.")]
    hashes: Annotated[list[Hash], Field(description="RFC 6962 section 2.1.1: from the leaf upwards.")]
    checkpoint: Annotated[str, Field(description="The signed head of the log, as c2sp.org/tlog-checkpoint has it.")]


ConsistencyProof = TypedDict(
    "ConsistencyProof",
    {
        "from": Annotated[int, Field(ge=1, description="How many events the older tree has.")],
        "to": Annotated[int, Field(ge=1, description="How many events the newer tree has.")],
        "hashes": list[Hash],
    },
)
ConsistencyProof.__doc__ = "The proof that the log as it was begins the log as it is: RFC 6962 section 2.1.2."


def log_keys_resource(keys: Iterable[PublishedKey]) -> LogKeys:
    """Return the public keys of the log, in the order given."""
    return {
        "items": [
            {
                "public_key": key.vkey,
                "published_at": time_text(key.published_at),
                "retired_at": time_text(key.retired_at),
            }
            for key in keys
        ]
    }


def event_proof(proof: Proof) -> EventProof:
    """Return a proof as the document that it is kept as."""
    return cast("EventProof", proof.as_json())


_HASH = "n3Jd7Yt6WFW4mQ8T1oFvGk5m2r9c0XbqLZs4uHjPaE0="
_LOG = "rpawatch/3dd86892-89ab-472e-82c6-e1bad0d8f711"
LOG_KEYS = Answer[LogKeys](
    LogKeys,
    {
        "items": [
            {
                "public_key": f"{_LOG}+cdc39715+AbgcfhrBpxf3xGK9QRHv3gHiAfDRV5wsePJZ2bBjLyZG",
                "published_at": "2026-03-01T08:00:00.000000Z",
                "retired_at": None,
            }
        ]
    },
)
EVENT_PROOF = Answer[EventProof](
    EventProof,
    {
        "format": FORMAT,
        "position": 4711,
        "stream": "c9f0f895-fb98-5b91-9b2d-7e6a5c4b3d21",
        "version": 3,
        "topic": "api_key.deactivated",
        "state": "eyJ2IjoxfQ==",
        "leaf_index": 4698,
        "tree_size": 4700,
        "hashes": [_HASH, _HASH],
        "checkpoint": f"{_LOG}\n4700\n{_HASH}\n\n\u2014 {_LOG} zcOXFUNptjFRM9ZI0Q==\n",
    },
)
CONSISTENCY_PROOF = Answer[ConsistencyProof](ConsistencyProof, {"from": 4700, "to": 4900, "hashes": [_HASH]})
