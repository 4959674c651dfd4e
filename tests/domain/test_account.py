"""An account: opened, renamed, its settings."""

from __future__ import annotations

import pytest

from domain.account import Account
from domain.errors import AccountSuspendedError
from tests.support.clock import NOON
from tests.support.examples import ACCOUNT, SECOND, TENANT, cause


def an_account() -> Account:
    return Account.open(cause(), account_id=ACCOUNT, tenant_id=TENANT, name="Account A")


def kinds(account: Account) -> list[str]:
    return [type(event).__name__ for event in account.pending_events]


def test_a_new_account_keeps_addresses() -> None:
    account = an_account()
    assert (account.id, account.tenant_id, account.name, account.opened_at) == (ACCOUNT, TENANT, "Account A", NOON)
    assert account.keep_addresses


def test_whether_addresses_are_kept_can_be_chosen() -> None:
    account = an_account()
    account.change_settings(cause(), keep_addresses=False)
    assert not account.keep_addresses
    account.change_settings(cause(), keep_addresses=True)
    assert account.keep_addresses
    assert kinds(account) == ["Opened", "SettingsChanged", "SettingsChanged"]


@pytest.mark.parametrize("address", ["192.0.2.7", None])
def test_of_an_address_all_is_kept_or_nothing(address: str | None) -> None:
    account = an_account()
    assert account.address_to_keep(address) == address
    account.change_settings(cause(), keep_addresses=False)
    assert account.address_to_keep(address) is None


def test_what_changes_nothing_is_no_event() -> None:
    account = an_account()
    account.change_settings(cause(), keep_addresses=True)
    account.rename(cause(), "Account A")
    assert kinds(account) == ["Opened"]


def test_an_account_can_be_renamed() -> None:
    account = an_account()
    account.rename(cause(), "Account Z")
    assert (account.name, kinds(account)) == ("Account Z", ["Opened", "Renamed"])


def test_an_account_is_suspended_and_resumed_and_again_changes_nothing() -> None:
    account = an_account()
    account.check_not_suspended()
    account.suspend(cause(), "under review")
    account.suspend(cause(NOON + SECOND), "once more")
    assert account.suspended_at == NOON
    with pytest.raises(AccountSuspendedError):
        account.check_not_suspended()
    account.resume(cause())
    account.resume(cause())
    account.check_not_suspended()
    assert kinds(account) == ["Opened", "Suspended", "Resumed"]
