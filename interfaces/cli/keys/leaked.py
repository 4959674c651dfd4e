"""`rpawatch keys deactivate --leaked`: the end of every key that stands in a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from application.keys import DeactivateKey
from domain.api_key import ApiKey
from domain.ids import key_id
from domain.key_secret import KeySecret
from interfaces.cli.keys.lookup import UNKNOWN_HERE
from interfaces.cli.keys.search import KeySearch
from interfaces.cli.operator_context import OperatorContext
from interfaces.cli.output import CommandError, CommandResult

REASON: Final = "Leaked"
ITEMS_MAX: Final = 10_000
"""Keys that are listed. Others are ended, or not known, all the same, and counted."""
_DEACTIVATED: Final = "deactivated"
_BEFORE: Final = "was deactivated before"
_COLUMNS = {"prefix": "Prefix", "key_id": "Id", "name": "Name", "outcome": "What happened"}


def deactivate_leaked(context: OperatorContext, file: str, reason: str | None) -> CommandResult:
    """End every key that stands in a file, and say of each what happened. Raises CommandError.

    file: a path, or - for standard input. reason: None for the usual one.
    """
    items: list[dict[str, Any]] = []
    outcomes = {_DEACTIVATED: 0, _BEFORE: 0, UNKNOWN_HERE: 0}
    for secret in _secrets_in(file):
        item = _ended(context, secret, reason if reason is not None else REASON)
        outcomes[item["outcome"]] += 1
        if len(items) < ITEMS_MAX:
            items.append(item)
    total = sum(outcomes.values())
    known = total - outcomes[UNKNOWN_HERE]
    return CommandResult(
        {"items": items, "more": total - len(items)},
        _COLUMNS,
        note=_note(total, outcomes),
        blanks={"key_id": "", "name": ""},
        exit_code=0 if known else 1,
    )


def _secrets_in(file: str) -> Iterator[KeySecret]:
    """Yield each key in a file once. Raises CommandError."""
    seen = set[bytes]()
    for _, find in KeySearch([file], _cant_read, folders=False).finds():
        digest = bytes.fromhex(find.secret.sha256_hex)
        if digest not in seen:
            seen.add(digest)
            yield find.secret


def _cant_read(path: str, reason: str) -> None:
    raise CommandError(f"Can't read {path} ({reason}). Check its name and who may read it, then do it again.")


def _ended(context: OperatorContext, secret: KeySecret, reason: str) -> dict[str, Any]:
    stream = key_id(secret.sha256_hex)
    key = context.services.event_sourcing.find(ApiKey, stream)
    if key is None:
        return _item(stream, secret, None, UNKNOWN_HERE)
    if key.deactivated_at is not None:
        return _item(stream, secret, key, _BEFORE)
    context.execute(DeactivateKey(by=context.caller(key.account_id), key_id=stream, reason=reason))
    return _item(stream, secret, key, _DEACTIVATED)


def _item(stream: UUID, secret: KeySecret, key: ApiKey | None, outcome: str) -> dict[str, Any]:
    return {
        "key_id": str(stream),
        "prefix": secret.prefix,
        "name": key.name if key else None,
        "account_id": str(key.account_id) if key else None,
        "outcome": outcome,
    }


def _note(total: int, outcomes: dict[str, int]) -> str:
    if not total:
        return "No whole key stands there, so none was deactivated. A part of a key does not name it: use its id."
    if outcomes[UNKNOWN_HERE] == total:
        return "None of these keys is known here, so none was deactivated. Was it another installation that made them?"
    return ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items() if count) + "."
