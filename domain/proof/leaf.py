"""What the tree has of an event: where it stands, and what its bytes are.

A leaf is text, so that it can be made and read without this program:

    rpawatch event v1
    <position in the log>
    <stream, a UUID in lower case>
    <version: the place in the stream, from 1>
    <topic>
    <SHA-256 of the stored bytes, 64 hexadecimal digits>

with a line feed at the end of each line. It has the digest of the stored bytes in place of the bytes, so a leaf is
small and says nothing of what an event holds: each event has a random command id, which nobody guesses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.proof.errors import MalformedError

FORMAT: Final = "rpawatch event v1"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One event in the tree.

    position: in the log.
    stream, version: of its aggregate.
    state_sha256: hexadecimal.
    """

    position: int
    stream: UUID
    version: int
    topic: str
    state_sha256: str

    @classmethod
    def of(cls, position: int, stream: UUID, version: int, topic: str, state: bytes) -> Leaf:
        """Return the leaf of an event with these stored bytes."""
        return cls(position, stream, version, topic, hashlib.sha256(state).hexdigest())

    @property
    def data(self) -> bytes:
        """The text that is hashed."""
        return leaf_data(self.position, str(self.stream), self.version, self.topic, self.state_sha256)


def leaf_data(position: int, stream: str, version: int, topic: str, state_sha256: str) -> bytes:
    """Return the text of a leaf. stream: a UUID as PostgreSQL and Python write it."""
    return f"{FORMAT}\n{position}\n{stream}\n{version}\n{topic}\n{state_sha256}\n".encode()


def parse_leaf(data: bytes) -> Leaf:
    """Return the leaf that a text stands for. Raises MalformedError."""
    try:
        # A topic is whatever stands between the fields that have a fixed form, so no two leaves have one text.
        text = data.decode().removesuffix("\n")
        form, position, stream, version, rest = text.split("\n", 4)
        topic, digest = rest.rsplit("\n", 1)
        leaf = Leaf(int(position), UUID(stream), int(version), topic, digest)
    except ValueError:
        raise MalformedError("This is not the leaf of an event.") from None
    if form != FORMAT or len(digest) != hashlib.sha256().digest_size * 2 or leaf.data != data:
        raise MalformedError("This is not the leaf of an event as this release writes it.")
    return leaf
