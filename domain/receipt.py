"""A receipt: that a command of the admin API was carried out, found again by the Idempotency-Key that it came with.

It is appended in the transaction of the command, so a repeat meets it in the event store, also after a crash and on
another machine. Jobs need none: the job itself stands where its Idempotency-Key leads.
"""

from __future__ import annotations

from typing import ClassVar, Self
from uuid import UUID

from domain.errors import IdempotencyKeyReuseError
from domain.model import Aggregate, Cause, FirstEvent


class Receipt(Aggregate):
    """What a request with an Idempotency-Key asked for, and which thing it made or changed."""

    TOPIC: ClassVar[str] = "receipt"

    request_digest: str
    resource_id: UUID

    class Issued(FirstEvent):
        """request_digest: SHA-256 of method, path and body, hexadecimal."""

        TOPIC: ClassVar[str] = "receipt.issued"
        LABEL: ClassVar = ""
        request_digest: str
        resource_id: UUID

        def apply(self, aggregate: Receipt) -> None:
            aggregate.request_digest = self.request_digest
            aggregate.resource_id = self.resource_id

    @classmethod
    def issue(cls, cause: Cause, *, receipt_id: UUID, request_digest: str, resource_id: UUID) -> Self:
        """Remember a command."""
        return cls._begin(
            cls.Issued(**cls._first(receipt_id, cause), request_digest=request_digest, resource_id=resource_id)
        )

    def check_same_request(self, request_digest: str) -> None:
        """Raise IdempotencyKeyReuseError when the key came with another request before."""
        if request_digest != self.request_digest:
            raise IdempotencyKeyReuseError
