"""From where users signed in before: a stranger's failures in their name must not keep them out there.

A network is remembered as a digest, for the users who signed in from it. A device shows a cookie that was signed when
its user signed in (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from domain.client_network import network_of
from domain.limits import FAMILIAR_FOR, FAMILIAR_NETWORKS_MAX

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Cursor
    from psycopg.rows import DictRow

    from application.store.database import Database

_DEVICE: Final = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})", re.ASCII)
_NAME_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs in from where.

    address: of the client.
    name: what it says it is (User-Agent), cut where it is long.
    device: what it shows of an earlier sign-in, see `Familiar.remember`.
    """

    address: str
    name: str | None = None
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """What a device shows, up to expires_at, to be known. It opens nothing, and is no secret to its user."""

    shown: str = field(repr=False)
    expires_at: datetime


class Familiar:
    """Knows from which networks, and with which devices, users signed in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, email: str, client: Client, now: datetime) -> dict[UUID, str]:
        """Return the users of an address that signed in before from what this client has, each with a name of that."""
        with self._database.get_connection() as connection:
            rows = connection.execute(
                "SELECT user_id, sign_in_key, ARRAY(SELECT network FROM rpawatch.sign_in_networks AS seen"
                " WHERE seen.user_id = users.user_id AND last_at > %s) AS networks"
                " FROM rpawatch.users WHERE email = %s",
                (now - FAMILIAR_FOR, email),
            ).fetchall()
        found: dict[UUID, str] = {}
        for row in rows:
            device = _device_name(row["sign_in_key"], client.device, now)
            if device is not None:
                found[row["user_id"]] = f"device:{row['user_id']} {device}"
            elif _network_digest(row["sign_in_key"], client.address) in map(bytes, row["networks"]):
                found[row["user_id"]] = f"network:{row['user_id']} {network_of(client.address)}"
        return found

    def remember(self, cursor: Cursor[DictRow], user_id: UUID, client: Client, now: datetime) -> Device:
        """Remember where a user signed in from, and return what their device is to show the next time.

        What it shows now stays valid for longer when it is theirs; else it is a new one.
        """
        row = cursor.execute("SELECT sign_in_key FROM rpawatch.users WHERE user_id = %s", (user_id,)).fetchone()
        if row is None:
            raise LookupError("no such user")
        key: bytes = row["sign_in_key"]
        cursor.execute(
            "INSERT INTO rpawatch.sign_in_networks (user_id, network, last_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (user_id, network) DO UPDATE SET last_at = excluded.last_at",
            (user_id, _network_digest(key, client.address), now),
        )
        cursor.execute(
            "DELETE FROM rpawatch.sign_in_networks WHERE user_id = %(user)s AND (last_at <= %(since)s OR network NOT IN"
            " (SELECT network FROM rpawatch.sign_in_networks WHERE user_id = %(user)s"
            "  ORDER BY last_at DESC, network LIMIT %(most)s))",
            {"user": user_id, "since": now - FAMILIAR_FOR, "most": FAMILIAR_NETWORKS_MAX},
        )
        name = _device_name(key, client.device, now) or secrets.token_urlsafe(_NAME_BYTES)
        expires_at = now + FAMILIAR_FOR
        return Device(_device_text(key, int(expires_at.timestamp()), name), expires_at)


def _network_digest(key: bytes, address: str) -> bytes:
    return hmac.digest(key, f"network:{network_of(address)}".encode(), "sha256")


def _device_text(key: bytes, expires: int, name: str) -> str:
    signed = f"{expires}.{name}"
    signature = base64.urlsafe_b64encode(hmac.digest(key, f"device:{signed}".encode(), "sha256")).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def _device_name(key: bytes, shown: str | None, now: datetime) -> str | None:
    """Return which device shows this; None when its user's key did not sign it, or too long ago."""
    found = _DEVICE.fullmatch(shown or "")
    if found is None or not hmac.compare_digest(found[0], _device_text(key, int(found[1]), found[2])):
        return None
    return found[2] if now < datetime.fromtimestamp(int(found[1]), UTC) else None
