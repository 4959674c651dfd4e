"""Identity does the work: what a caller names leads to one stream, and no two things meet in one."""

from __future__ import annotations

from uuid import UUID, uuid4

from domain.ids import job_id, key_id, member_id, process_id, receipt_id
from tests.support.examples import ACCOUNT, DIGEST, FLOW, USER


def test_ids_never_change_since_streams_stand_under_them() -> None:
    assert key_id(DIGEST) == UUID("ce2c1e10-d171-5f92-a24a-11cec33cb2ae")
    assert process_id(ACCOUNT, FLOW) == UUID("4b4c16a3-25d8-5939-9507-1d628aed31d4")
    assert job_id(ACCOUNT, "order-1") == UUID("7a341cc3-92e9-57a8-8cca-cba4ca30217a")
    assert member_id(ACCOUNT, USER) == UUID("4fa4804e-6e0d-56f1-b641-07c7d4418eef")
    assert receipt_id(ACCOUNT, str(USER), "order-1") == UUID("88df9376-2c3d-594a-b435-8aa0df483f06")


def test_what_callers_name_alike_does_not_meet_in_one_stream() -> None:
    name = str(FLOW)
    ids = [process_id(ACCOUNT, FLOW), job_id(ACCOUNT, name), member_id(ACCOUNT, FLOW), receipt_id(ACCOUNT, name, name)]
    ids += [job_id(ACCOUNT, f"process:{name}"), job_id(ACCOUNT, f"job:{name}"), key_id(name)]
    assert len(set(ids)) == len(ids)


def test_accounts_do_not_share_the_ids_that_callers_name() -> None:
    other = uuid4()
    assert job_id(ACCOUNT, "x") != job_id(other, "x")
    assert process_id(ACCOUNT, FLOW) != process_id(other, FLOW)
    assert member_id(ACCOUNT, USER) != member_id(other, USER)


def test_users_do_not_share_idempotency_keys_in_the_admin_api() -> None:
    assert receipt_id(ACCOUNT, str(USER), "x") != receipt_id(ACCOUNT, str(uuid4()), "x")
