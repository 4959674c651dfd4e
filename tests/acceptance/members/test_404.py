from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


@pytest.mark.parametrize("who", ["carol", "tess", "stranger"])
def test_who_is_no_member_of_the_account_can_not_be_removed_and_looks_like_nobody(world: World, who: str) -> None:
    headers = world.signed_in("alice")
    known, nobody = (
        world.ask("DELETE", world.account(f"/members/{user_id}"), headers=headers)
        for user_id in (getattr(world.cast, who), uuid4())
    )
    assert (known.status, known.problem) == (404, "not-found")
    assert known.without_request_id == nobody.without_request_id


def test_who_was_removed_can_not_be_removed_again(world: World) -> None:
    path = world.account(f"/members/{world.cast.bob}")
    answers = [world.ask("DELETE", path, headers=world.signed_in("alice")) for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 404]


@pytest.mark.parametrize("foreign", [True, False])
def test_a_process_of_another_account_can_not_be_assigned_and_nobody_is_added(world: World, *, foreign: bool) -> None:
    flow_id = world.cast.flow_b if foreign else uuid4()
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "role": "account_user", "flow_ids": [str(flow_id)]}
    answer, appended = world.appended_by(
        lambda: world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=body)
    )
    assert (answer.status, answer.problem) == (404, "process-not-found")
    assert appended == []
    assert world.services.users.by_email(email) == []
