from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


def test_who_may_not_read_it_is_not_told_which_parameter_is_bad(world: World) -> None:
    for name, status in (("bob", 403), ("carol", 404)):
        answer = world.ask("GET", world.account("/audit?actor=x"), headers=world.signed_in(name))
        assert answer.status == status


def test_a_stranger_gets_the_same_for_an_account_that_there_is_not_also_for_a_file(world: World) -> None:
    for path in ("/audit", "/audit/export"):
        answers = [
            world.ask("GET", world.account(path, of=account), headers=world.signed_in("carol"))
            for account in (world.cast.account_a, uuid4())
        ]
        assert answers[0].without_request_id == answers[1].without_request_id
        assert answers[0].status == 404
