"""Keys as admins make and end them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from domain.api_key import ApiKey
from domain.errors import (
    AlreadyCreatedError,
    ForbiddenError,
    InvalidApiKeyError,
    InvalidInputError,
    NotFoundError,
    ProcessNotFoundError,
    ProcessRetiredError,
)
from domain.ids import key_id, member_id, process_id
from domain.key_secret import generate
from domain.limits import RATE_LIMIT_MAX
from tests.support.clock import NOON
from tests.support.examples import SECOND

if TYPE_CHECKING:
    from tests.support.cast import Cast
    from tests.support.running import Application


def test_a_key_stands_where_the_digest_of_its_secret_leads_and_its_secret_nowhere(
    application: Application, cast: Cast
) -> None:
    secret = generate()
    before = application.position()
    outcome = application.execute(cast.create_key_command(secret=secret, flow_id=cast.flow_a, limit=7))
    assert outcome.resource_id == key_id(secret.sha256_hex)
    (created,) = application.events(outcome.resource_id)
    assert isinstance(created, ApiKey.Created)
    assert (created.account_id, created.flow_id, created.limit) == (cast.account_a, cast.flow_a, 7)
    assert (created.prefix, created.actor) == (secret.prefix, cast.alice)
    for row in application.log_after(before):
        assert secret.text.encode() not in row.state
        assert secret.text[15:].encode() not in row.state
        assert secret.sha256_hex.encode() not in row.state


def test_a_key_of_a_process_that_is_not_the_accounts_is_refused(application: Application, cast: Cast) -> None:
    for flow in (uuid4(), cast.flow_b):
        with pytest.raises(ProcessNotFoundError):
            application.execute(cast.create_key_command(flow_id=flow))


def test_a_key_of_a_retired_process_is_refused(application: Application, cast: Cast) -> None:
    application.execute(cast.retire_command())
    with pytest.raises(ProcessRetiredError):
        application.execute(cast.create_key_command(flow_id=cast.flow_a))


def test_values_that_break_rules_are_refused_and_nothing_is_appended(application: Application, cast: Cast) -> None:
    before = application.position()
    with pytest.raises(InvalidInputError) as refused:
        application.execute(cast.create_key_command(limit=RATE_LIMIT_MAX + 1, expires_at=NOON))
    assert [error.field for error in refused.value.errors] == ["limit", "expires_at"]
    assert application.position() == before


@pytest.mark.parametrize("who", ["alice", "tess"])
def test_an_admin_of_the_account_or_the_tenant_makes_and_ends_keys(
    application: Application, cast: Cast, who: str
) -> None:
    actor = cast.people[who]
    key = application.execute(cast.create_key_command(by=actor)).resource_id
    application.execute(cast.deactivate_key_command(key, by=actor, reason="lost"))
    deactivated = application.events(key)[-1]
    assert isinstance(deactivated, ApiKey.Deactivated)
    assert (deactivated.actor, deactivated.reason) == (actor, "lost")


@pytest.mark.parametrize("who", ["bob", "aud", "con"])
def test_a_member_whose_role_does_not_allow_it_is_told_so(application: Application, cast: Cast, who: str) -> None:
    bot = cast.bot()
    before = application.position()
    for command in (
        cast.create_key_command(by=cast.people[who]),
        cast.deactivate_key_command(bot.key_id, by=cast.people[who]),
    ):
        with pytest.raises(ForbiddenError):
            application.execute(command)
    assert application.position() == before


@pytest.mark.parametrize("who", ["carol", "stranger"])
def test_a_stranger_can_not_tell_the_account_from_one_that_does_not_exist(
    application: Application, cast: Cast, who: str
) -> None:
    bot = cast.bot()
    for account in (cast.account_a, uuid4()):
        for command in (
            cast.create_key_command(account, by=cast.people[who]),
            cast.deactivate_key_command(bot.key_id, account, by=cast.people[who]),
            cast.deactivate_key_command(uuid4(), account, by=cast.people[who]),
        ):
            with pytest.raises(NotFoundError):
                application.execute(command)


def test_an_account_of_another_tenant_does_not_exist_also_for_the_operator(
    application: Application, cast: Cast
) -> None:
    other = type(cast)(application)
    for actor in (cast.tess, "system"):
        with pytest.raises(NotFoundError):
            application.execute(cast.create_key_command(other.account_a, by=actor))


@pytest.mark.parametrize("which", ["another account's", "unknown", "the account", "a process", "a member"])
def test_what_is_not_a_key_of_the_account_can_not_be_ended(application: Application, cast: Cast, which: str) -> None:
    stream = {
        "another account's": cast.bot(cast.account_b).key_id,
        "unknown": uuid4(),
        "the account": cast.account_a,
        "a process": process_id(cast.account_a, cast.flow_a),
        "a member": member_id(cast.account_a, cast.tenant_id),
    }[which]
    before = application.position()
    with pytest.raises(NotFoundError):
        application.execute(cast.deactivate_key_command(stream))
    assert application.position() == before


def test_a_deactivated_key_is_refused_on_the_next_request(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    assert bot.report().job is not None
    application.execute(cast.deactivate_key_command(bot.key_id))
    with pytest.raises(InvalidApiKeyError):
        bot.report()


def test_ending_a_key_again_succeeds_and_appends_nothing(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(cast.deactivate_key_command(bot.key_id, reason="lost"))
    before = application.position()
    done = application.command_queue.execute(cast.deactivate_key_command(bot.key_id, reason="again"))
    assert (done.result.resource_id, done.position, application.position()) == (bot.key_id, 0, before)


def test_an_id_that_is_taken_is_told_and_makes_no_second_thing(application: Application, cast: Cast) -> None:
    secret = generate()
    key = application.execute(cast.create_key_command(secret=secret)).resource_id
    with pytest.raises(AlreadyCreatedError) as refused:
        application.execute(cast.create_key_command(secret=secret))
    assert refused.value.resource_id == key
    assert application.kinds(key) == ["Created"]


def test_the_command_to_make_a_key_does_not_show_its_secret(cast: Cast) -> None:
    secret = generate()
    command = cast.create_key_command(secret=secret, expires_at=NOON + SECOND)
    assert secret.text not in f"{command!r} {command}"
