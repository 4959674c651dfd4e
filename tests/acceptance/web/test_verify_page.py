"""The page that verifies the log: asked for by whoever reads the audit log, and made beside the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.store.database import connect
from domain.proof.document import read_document
from domain.proof.note import Signer, parse_vkey, sign_note
from tests.support.pages import Browser, browser_of
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.pages import Seen
    from tests.support.world import World


@pytest.fixture(scope="module")
def signs_at_once() -> bool:
    """Proofs are asked for."""
    return True


def verify_of(world: World) -> str:
    return f"/accounts/{world.cast.account_a}/audit/verify"


def verified(world: World, browser: Browser, **typed: str) -> Seen:
    """Ask for a comparison, and return the page that says what came of it."""
    path = verify_of(world)
    sent = browser.submit(path, **typed)
    assert (sent.status, sent.location) == (303, path)
    wait_until(lambda: b"data-refresh" not in browser.get(path).answer.body, "the comparison")
    return browser.get(path)


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_a_log_that_nobody_touched_is_whole(world: World, name: str) -> None:
    world.wait_for_head()
    page = verified(world, browser_of(world, name))
    assert "The log is whole." in page.main.text
    assert "every signed head" in page.main.text


def test_it_is_compared_with_a_checkpoint_that_somebody_kept(world: World) -> None:
    kept = world.wait_for_head()
    page = verified(world, browser_of(world, "aud"), checkpoint=kept)
    assert "compared with the checkpoint that was given" in page.main.text


def test_a_checkpoint_that_another_signed_does_not_hold(world: World) -> None:
    kept = world.wait_for_head()
    text = kept.split("\n\n", maxsplit=1)[0] + "\n"
    forger = Signer(text.split("\n", maxsplit=1)[0], bytes(32))
    page = verified(world, browser_of(world, "aud"), checkpoint=sign_note(text, [forger]))
    assert "The log is not what was signed." in page.main.text
    assert "None of the given public keys signed it" in page.main.text
    assert "The log is whole." in verified(world, browser_of(world, "aud")).main.text


def test_what_is_no_checkpoint_is_said_beside_the_field(world: World) -> None:
    browser = browser_of(world, "alice")
    page = browser.submit(verify_of(world), checkpoint="nonsense")
    assert page.status == 422
    assert "can't be read as a checkpoint" in page.error("checkpoint")
    assert "nonsense" in page.text


def test_the_head_and_the_public_key_are_there_to_be_kept(world: World) -> None:
    note = world.wait_for_head()
    page = browser_of(world, "alice").get(verify_of(world))
    assert note.split("\n")[2] in page.main.text
    [vkey] = [key.vkey for key in world.services.log_proofs.public_keys()]
    assert vkey in page.main.text
    assert parse_vkey(vkey).name == note.split("\n")[0]


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("con", 403), ("carol", 404), ("stranger", 404)])
def test_who_does_not_read_the_audit_log_can_neither_see_nor_ask(world: World, name: str, status: int) -> None:
    browser = browser_of(world, name)
    assert browser.get(verify_of(world)).status == status
    assert browser.post(verify_of(world), {}).status == status


def test_a_comparison_that_is_under_way_is_shown_in_place_of_another(world: World, database_url: str) -> None:
    world.wait_for_head()
    with connect(database_url) as owner:
        # Held up by a lock on the table of heads, so that it can be looked at.
        with owner.transaction():
            owner.execute("LOCK TABLE rpawatch.log_keys IN ACCESS EXCLUSIVE MODE")
            assert world.services.log_proofs.ask_for_check(None)
            assert not world.services.log_proofs.ask_for_check(None)
            check = world.services.log_proofs.latest_check()
            assert check is not None
            assert check.ended_at is None
        wait_until(lambda: (world.services.log_proofs.latest_check() or check).ended_at is not None, "its end")
    page = browser_of(world, "alice").get(verify_of(world))
    assert "The log is whole." in page.main.text


def test_every_entry_of_the_audit_log_has_its_proof_once_a_head_has_it(world: World) -> None:
    browser = browser_of(world, "alice")
    path = f"/accounts/{world.cast.account_a}/audit"
    world.wait_for_lists()
    world.wait_for_head()
    # The clock of the service stands months behind the database's, which signs.
    links = [link.attributes["href"] for link in browser.get(path).main.all("a") if "/proof" in link.attributes["href"]]
    assert links
    proof = read_document(browser.get(links[0]).answer.body)
    proof.check([key.verifier for key in world.services.log_proofs.public_keys()])
    assert json.loads(proof.state)["actor"]


def test_a_suspended_session_or_none_is_asked_to_sign_in(world: World) -> None:
    nobody = Browser(world)
    assert nobody.get(verify_of(world)).status == 303
    assert nobody.get(f"/accounts/{uuid4()}/audit/verify").status == 303
