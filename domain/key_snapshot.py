"""The state of an API key at one version, kept so that a busy key need not be read from its start."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID  # noqa: TC003 - pydantic reads the annotations

from pydantic import PlainSerializer, PlainValidator
from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from domain.model import Snapshot
from domain.rate_limit import Window
from domain.times import Instant  # noqa: TC001 - as above


def _window(times: Window | list[int]) -> Window:
    return times if isinstance(times, Window) else Window(times)


class ApiKeyState(TypedDict):
    """What a snapshot of a key holds: the attributes of ApiKey and the two times that the library keeps."""

    account_id: UUID
    flow_id: UUID | None
    name: str
    prefix: str
    limit: int
    expires_at: Instant | None
    created_at: Instant
    created_by: str
    uses: int
    window: Annotated[Window, PlainValidator(_window), PlainSerializer(lambda window: window.microseconds)]
    last_used_at: Instant | None
    throttled_at: Instant | None
    deactivated_at: Instant | None
    deactivated_by: str | None
    deactivation_reason: str | None
    rotated_from: UUID | None
    rotated_to: UUID | None
    refusals: int
    refused_at: Instant | None
    refused_address: str | None
    _created_on: Instant
    _modified_on: Instant


class ApiKeySnapshot(Snapshot):
    """A key at one version; a busy key has tens of millions of uses."""

    TOPIC: ClassVar[str] = "api_key.snapshot"
    class_version: ClassVar[int] = 2
    state: ApiKeyState

    @staticmethod
    def upcast_v1_v2(snapshot: dict[str, Any]) -> None:
        """Take the window's times as numbers, and know nothing of rotations and refusals."""
        state = snapshot["state"]
        state |= {"rotated_from": None, "rotated_to": None, "refusals": 0, "refused_at": None, "refused_address": None}
        state["window"] = Window.of(datetime.fromisoformat(time) for time in state["window"]).microseconds
