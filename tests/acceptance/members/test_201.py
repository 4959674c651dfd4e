from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from domain.limits import FIRST_PASSWORD_LIFETIME
from domain.times import time_text
from tests.support.api import ACCOUNTS, SESSION

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


CHOSEN = "another four unrelated words"


def add(world: World, email: str, role: str = "account_user", *, key: str | None = None, **body: Any) -> Answer:
    headers = world.signed_in("alice") | ({"Idempotency-Key": key} if key else {})
    return world.ask("POST", world.account("/members"), headers=headers, json={"email": email, "role": role} | body)


def an_email() -> str:
    return f"{uuid4().hex}@example.com"


def choose(world: World, email: str, password: str) -> dict[str, str]:
    """Sign in with a first password, choose another, and return what shows the session that one then has."""
    first = world.ask("POST", SESSION, json={"email": email, "password": password})
    assert (first.status, first.json["password_change_required"]) == (200, True)
    headers = {"Authorization": f"Bearer {first.json['token']}"}
    chosen = world.ask("POST", f"{SESSION}/password", headers=headers, json={"new_password": CHOSEN})
    assert (chosen.status, chosen.json["password_change_required"]) == (200, False)
    return {"Authorization": f"Bearer {chosen.json['token']}"}


def test_somebody_new_gets_a_password_that_is_shown_once_and_leads_to_one_of_their_own(world: World) -> None:
    email = an_email()
    answer = add(world, email.upper(), name="Dora", flow_ids=[str(world.cast.flow_a)])
    assert answer.status == 201, answer.body
    user_id, password = answer.json["user_id"], answer.json["first_password"]
    assert answer.json == {
        "user_id": user_id,
        "account_id": str(world.cast.account_a),
        "email": email,
        "name": "Dora",
        "roles": ["account_user"],
        "password": "first",
        "first_password_until": time_text(world.clock.now + FIRST_PASSWORD_LIFETIME),
        "first_password": password,
    }
    assert answer.headers["location"] == world.account(f"/members/{user_id}")
    headers = choose(world, email, password)
    processes = world.ask("GET", world.account("/processes"), headers=headers).json["items"]
    assert [item["flow_id"] for item in processes] == [str(world.cast.flow_a)]


def test_who_is_a_member_already_keeps_name_and_password_and_gets_a_further_role(world: World) -> None:
    world.people.sign_up("bob")
    answer = add(world, "bob@example.com", "account_admin", name="Robert")
    assert answer.status == 201
    assert "first_password" not in answer.json
    assert (answer.json["user_id"], answer.json["name"]) == (world.cast.bob, "Bob")
    assert answer.json["roles"] == ["account_admin", "account_user"]


def test_without_a_name_the_address_gives_one(world: World) -> None:
    assert add(world, f"dora.{uuid4().hex[:6]}@example.com").json["name"].startswith("dora.")


def test_a_tenant_admin_gives_somebody_a_role_in_another_account_and_it_holds_at_once(world: World) -> None:
    headers = world.signed_in("carol")
    assert world.ask("GET", world.account("/members"), headers=headers).status == 404
    body = {"email": "carol@example.com", "role": "account_admin"}
    answer = world.ask("POST", world.account("/members"), headers=world.signed_in("tess"), json=body)
    assert (answer.status, answer.json["user_id"]) == (201, world.cast.carol)
    assert "first_password" not in answer.json
    assert world.ask("GET", world.account("/members"), headers=headers).status == 200
    listed = world.ask("GET", f"{ACCOUNTS}?limit=200", headers=headers).json["items"]
    assert str(world.cast.account_a) in {item["id"] for item in listed}


def test_a_repeat_with_the_same_idempotency_key_adds_nobody_and_shows_no_password(world: World) -> None:
    email, key = an_email(), str(uuid4())
    first = add(world, email, key=key)
    again, appended = world.appended_by(lambda: add(world, email, key=key))
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert "first_password" not in again.json
    assert again.json == {name: value for name, value in first.json.items() if name != "first_password"}
    assert appended == []


@pytest.mark.parametrize("role", ["account_admin", "account_user"])
def test_no_personal_data_is_in_an_event(world: World, role: str) -> None:
    email = an_email()
    answer, appended = world.appended_by(lambda: add(world, email, role, name="Dora Datenschutz"))
    states = b"".join(event.state for event in appended)
    assert appended
    assert email.encode() not in states
    assert b"Dora" not in states
    assert answer.json["user_id"].encode() in states


def test_an_address_in_another_normal_form_is_the_same_person(world: World) -> None:
    local = uuid4().hex
    composed, decomposed = f"j\u00f6rg{local}@example.com", f"jo\u0308rg{local}@example.com"
    made = add(world, decomposed)
    assert (made.status, made.json["email"]) == (201, composed)
    again = add(world, composed, role="account_admin")
    assert again.json["user_id"] == made.json["user_id"]
    for form in (composed, decomposed):
        tried = world.ask("POST", SESSION, json={"email": form, "password": "not the right password"})
        assert tried.status == 401
    choose(world, composed, again.json["first_password"])
