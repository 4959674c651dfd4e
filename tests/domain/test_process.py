"""A process: named, retired, restored."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.errors import ProcessRetiredError
from domain.ids import process_id
from domain.process import Process
from tests.support.clock import NOON
from tests.support.examples import ACCOUNT, FLOW, SECOND, cause


def a_process() -> Process:
    return Process.register(cause(), account_id=ACCOUNT, flow_id=FLOW, name="Invoices")


def kinds(process: Process) -> list[str]:
    return [type(event).__name__ for event in process.pending_events]


def test_a_process_stands_where_its_account_and_its_flow_id_lead() -> None:
    process = a_process()
    assert process.id == process_id(ACCOUNT, FLOW)
    assert (process.account_id, process.flow_id, process.name) == (ACCOUNT, FLOW, "Invoices")
    assert process.registered_at == NOON


def test_the_same_flow_id_in_another_account_is_another_process() -> None:
    assert process_id(ACCOUNT, FLOW) != process_id(UUID(int=ACCOUNT.int + 1), FLOW)


def test_a_new_process_takes_jobs() -> None:
    a_process().check_takes_jobs()


def test_a_retired_process_takes_no_jobs_until_it_is_restored() -> None:
    process = a_process()
    process.retire(cause(NOON + SECOND))
    assert process.retired_at == NOON + SECOND
    with pytest.raises(ProcessRetiredError):
        process.check_takes_jobs()
    process.restore(cause(NOON + 2 * SECOND))
    process.check_takes_jobs()
    assert kinds(process) == ["Registered", "Retired", "Restored"]


def test_what_changes_nothing_is_no_event() -> None:
    process = a_process()
    process.restore(cause())
    process.rename(cause(), "Invoices")
    process.retire(cause())
    process.retire(cause(NOON + SECOND))
    assert kinds(process) == ["Registered", "Retired"]
    assert process.retired_at == NOON


def test_a_process_can_be_renamed() -> None:
    process = a_process()
    process.rename(cause(), "Incoming invoices")
    assert (process.name, kinds(process)) == ("Incoming invoices", ["Registered", "Renamed"])
