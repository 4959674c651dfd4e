"""Identity does the work: what a caller presents leads straight to the stream, with no lookup table.

Streams of one account must not meet, so what is named by the caller is prefixed with what it is: a bot may well use
its flow id as an Idempotency-Key.
"""

from __future__ import annotations

import os
from functools import lru_cache
from uuid import UUID, uuid5

_KEYS = UUID("6f2a4f0e-6d3a-5b0e-9a51-0c8f3f2b7d10")


@lru_cache(maxsize=10_000)
def key_id(secret_sha256_hex: str) -> UUID:
    """Return the id of the API key with this SHA-256 (64 hexadecimal digits) of its whole secret."""
    return uuid5(_KEYS, secret_sha256_hex)


def process_id(account_id: UUID, flow_id: UUID) -> UUID:
    """Return the stream of a process: another account's process can't even be addressed."""
    return _process_id(account_id.int, flow_id.int)


@lru_cache(maxsize=10_000)
def _process_id(account: int, flow: int) -> UUID:
    # By numbers, which are looked up faster than UUIDs.
    return uuid5(UUID(int=account), f"process:{UUID(int=flow)}")


def job_id(account_id: UUID, idempotency_key: str) -> UUID:
    """Return the id of the job that is reported with this Idempotency-Key: a repeat meets it in the store."""
    return uuid5(account_id, f"job:{idempotency_key}")


def member_id(scope_id: UUID, user_id: UUID) -> UUID:
    """Return the stream of a user's roles in one scope, which is an account or the tenant."""
    return uuid5(scope_id, f"member:{user_id}")


def receipt_id(scope_id: UUID, actor: str, idempotency_key: str) -> UUID:
    """Return the stream that remembers a command of the admin API that carried this Idempotency-Key."""
    return uuid5(scope_id, f"receipt:{actor}:{idempotency_key}")


_RANDOM_IDS_AT_ONCE = 256
_random: list[bytes] = []
os.register_at_fork(after_in_child=_random.clear)


def random_id() -> UUID:
    """Return a random UUID (version 4)."""
    return UUID(bytes=_random_octets(), version=4)


def random_token() -> str:
    """Return 32 random hexadecimal digits, which are no secret."""
    return _random_octets().hex()


def _random_octets() -> bytes:
    # The operating system, which uuid4 asks each time, lets another thread run meanwhile: under load that took longer
    # than everything else in making an id. Here it is asked for many at once.
    try:
        return _random.pop()
    except IndexError:
        fresh = os.urandom(16 * _RANDOM_IDS_AT_ONCE)
        first, *rest = (fresh[start : start + 16] for start in range(0, len(fresh), 16))
        _random.extend(rest)
        return first
