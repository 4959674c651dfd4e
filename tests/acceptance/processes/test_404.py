from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.support.world import World

ONE_CAST = True


def test_a_process_of_another_account_looks_like_one_that_does_not_exist(world: World) -> None:
    headers = world.signed_in("alice")
    foreign, unknown = (
        world.ask("PATCH", world.account(f"/processes/{flow_id}"), headers=headers, json={"retired": True})
        for flow_id in (world.cast.flow_b, uuid4())
    )
    assert (foreign.status, foreign.problem) == (404, "not-found")
    assert foreign.without_request_id == unknown.without_request_id


@pytest.mark.parametrize("name", ["bob", "con"])
def test_who_may_not_change_processes_is_told_the_same_of_all(world: World, name: str) -> None:
    headers = world.signed_in(name)
    answers = [
        world.ask("PATCH", world.account(f"/processes/{flow_id}"), headers=headers, json={"retired": True})
        for flow_id in (world.cast.flow_a, uuid4())
    ]
    assert {answer.status for answer in answers} == {403}


@pytest.mark.parametrize(
    "written",
    [
        "x",
        "%20",
        "..",
        "{uuid}",
        "urn:uuid:{uuid}",
        "{{{uuid}}}",
        "{hex}",
        "{uuid}%0A",
        "%0D%0A{hex}",
        "+{hex}",
        "٤{hex}",
        "{other_digits}",
    ],
)
@pytest.mark.parametrize("where", ["account", "flow"])
def test_only_the_plain_spelling_of_an_id_is_one(world: World, written: str, where: str) -> None:
    """Others would be repeated in Location, where they break the header."""
    real = world.cast.account_a if where == "account" else world.cast.flow_a
    digits = str(real).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    text = written.format(uuid=real, hex=real.hex, other_digits=digits)
    headers = world.signed_in("alice")
    if where == "account":
        answer = world.ask("POST", world.account("/processes", of=text), headers=headers, json={"name": "Orders"})
    else:
        answer = world.ask("PATCH", world.account(f"/processes/{text}"), headers=headers, json={"name": "Orders"})
    plain = written == "{uuid}"
    assert answer.status == ((201 if where == "account" else 200) if plain else 404), answer.body
