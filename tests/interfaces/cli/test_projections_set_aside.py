"""What `rpawatch projections` says of an event that a read model can't take in. It stays in this module's log."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from projections.accounts import ACCOUNT_LIST

if TYPE_CHECKING:
    from tests.interfaces.cli.conftest import Rpawatch


def test_an_event_that_was_set_aside_is_told_and_stops_a_rebuild(store: Rpawatch, served_url: str) -> None:
    with psycopg.connect(served_url) as owner:
        row = owner.execute(
            "INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)"
            " VALUES (%s, 1, 'account.opened', '{}') RETURNING notification_id",
            (uuid4(),),
        ).fetchone()
    assert row
    poison = row[0]
    # The projector's next look may be a second away; a list waits for it.
    store("accounts", "list")
    shown = store("projections", "status", "--json")
    assert [letter["position"] for letter in shown.json["dead_letters"]] == [poison] * len(shown.json["dead_letters"])
    assert shown.json["dead_letters"]
    assert f"lacks the event at position {poison} (account.opened)" in shown.err
    refused = store("projections", "rebuild", ACCOUNT_LIST.name)
    assert refused.code == 1
    assert refused.line.startswith(f"{ACCOUNT_LIST.name} can't take in the event at position {poison}")
    assert refused.line.endswith("Nothing was changed. A release that knows this event can do it.")
