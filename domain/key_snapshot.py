"""The state of an API key at one version, kept so that a busy key need not be read from its start."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, Self

from pydantic import field_validator

from domain.api_key import ApiKey, KeyState
from domain.model import Snapshot, added_fields
from domain.rate_limit import Window


class ApiKeySnapshot(Snapshot):
    """A key at one version; a busy key has tens of millions of uses. window: of its last uses, in microseconds."""

    TOPIC: ClassVar[str] = "api_key.snapshot"
    class_version: ClassVar[int] = max((since for since, _ in added_fields(KeyState).values()), default=1)
    state: KeyState
    window: list[int]

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        return cls(
            originator_id=key.id,
            originator_version=key.version,
            timestamp=key.modified_on,
            state=KeyState(**{field.name: getattr(key, field.name) for field in fields(KeyState)}),
            window=key.window.microseconds,
        )

    @field_validator("state", mode="before")
    @classmethod
    def _is_whole(cls, state: KeyState | dict[str, object]) -> KeyState | dict[str, object]:
        """Refuse one that was taken before there was some field, and would get its default: the events know better."""
        if isinstance(state, dict) and (missing := {field.name for field in fields(KeyState)} - state.keys()):
            raise ValueError(f"it is without {', '.join(sorted(missing))}")
        return state

    @classmethod
    def upcast(cls, state: dict[str, Any], written: int) -> None:
        """Give it the fields that were added to the state since."""
        for name, (since, before) in added_fields(KeyState).items():
            if since > written:
                state["state"].setdefault(name, before)

    def mutate(self, _: None) -> ApiKey:
        key = object.__new__(ApiKey)
        key.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        vars(key).update(vars(self.state), _created_on=self.state.created_at, window=Window(self.window))
        return key
