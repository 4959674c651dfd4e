"""An operator's command works directly on the store, through the same queue as a request of the web."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, overload
from uuid import UUID, uuid4

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from application.caller import AccountCaller, Caller
from domain.account import Account
from domain.errors import NotFoundError
from domain.model import Aggregate
from interfaces.cli.inputs import as_uuid, checked_email
from interfaces.cli.output import CommandError, WrongUsageError, notify
from interfaces.cli.store import open_services
from interfaces.logs import configure_logs
from interfaces.serving.first_password import show_or_keep
from interfaces.settings import load_settings
from projections.paging import all_items
from projections.tracking import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.admin import AdminCommand
    from application.identity.first_run import FirstAdmin
    from application.identity.users import Identity
    from domain.clock import Clock
    from interfaces.bootstrap import Services
    from interfaces.settings import Settings
    from projections.accounts import AccountRow

A = TypeVar("A", bound=Aggregate)

_SERVED_SECONDS_MAX = 0.1
"""Longest wait for a projector that runs elsewhere before running one here."""
_CATCH_UP_SECONDS_MAX = 15.0


class OperatorContext:
    """The service as one command of an operator has it. What it does is done by the system."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self.services = services
        self.settings = settings
        self._request_id = f"cli-{uuid4().hex}"
        self._has_waited = False

    @overload
    def caller(self, account_id: UUID) -> AccountCaller: ...

    @overload
    def caller(self, account_id: UUID | None = None) -> Caller: ...

    def caller(self, account_id: UUID | None = None) -> Caller:
        """Return the operator, as who asks about an account; account_id is None for the tenant."""
        tenant_id = self.services.tenant_id
        if account_id is None:
            return Caller(tenant_id=tenant_id, request_id=self._request_id)
        return AccountCaller(tenant_id=tenant_id, account_id=account_id, request_id=self._request_id)

    def execute(self, command: AdminCommand) -> UUID:
        """Carry out a command and return the id of what was made or changed. Raises what the queue raises."""
        resource_id: UUID = self.services.command_queue.execute(command).result.resource_id
        return resource_id

    def get(self, kind: type[A], aggregate_id: UUID) -> A:
        """Return what stands there now. Raises NotFoundError."""
        found = self.services.event_sourcing.find(kind, aggregate_id)
        if found is None:
            raise NotFoundError
        return found

    def account(self, wanted: str | None) -> Account:
        """Return the account with this id or exact name; with None, the only one there is. Raises CommandError."""
        if (named := as_uuid(wanted)) is not None:
            found = self.services.event_sourcing.find(Account, named)
            if found is not None and found.tenant_id == self.services.tenant_id:
                return found
        accounts = self.accounts()
        fitting = [item for item in accounts if wanted in {None, item.name}]
        if len(fitting) == 1:
            return self.get(Account, fitting[0].id)
        if not accounts:
            raise CommandError("The lists show no account yet. Try again, or name the account by its id.")
        if wanted is None:
            names = ", ".join(item.name for item in accounts)
            raise WrongUsageError(f"There are {len(accounts)} accounts ({names}). Say which with --account.")
        if not fitting:
            raise CommandError(f"There is no account {wanted}. `rpawatch accounts list` shows those that there are.")
        ids = ", ".join(str(item.id) for item in fitting)
        raise CommandError(f"{len(fitting)} accounts are named {wanted}. Say which by its id: {ids}")

    def accounts(self) -> list[AccountRow]:
        """Return all accounts by name."""
        self.wait_for_lists()
        return list(all_items(lambda page: self.services.accounts.page(self.services.tenant_id, page)))

    def known_as(self, email: str) -> list[Identity]:
        """Return all who are known by this address, or the one with this user id. Raises CommandError."""
        users, user_id = self.services.users, as_uuid(email)
        found = list(users.by_ids([user_id]).values()) if user_id else users.by_email(checked_email(email))
        if not found:
            raise CommandError(f"Nobody here has the address {email}. `rpawatch members list` shows who is here.")
        return found

    def user(self, email: str) -> Identity:
        """Return the only one who is known by this address. Raises CommandError."""
        found = self.known_as(email)
        if len(found) > 1:
            ids = ", ".join(str(user.user_id) for user in found)
            raise WrongUsageError(f"{email} is the address of {len(found)} users. Say which by its id: {ids}")
        return found[0]

    def wait_for_lists(self) -> None:
        """Wait until the lists show all that is in the log now, or warn that they don't."""
        if not self._has_waited:
            self._has_waited = True
            end = self.services.event_sourcing.recorder.last_position()
            database = self.services.database
            if not wait_for(database, end, _SERVED_SECONDS_MAX):
                self.services.follow()
                if not wait_for(database, end, _CATCH_UP_SECONDS_MAX):
                    notify("Warning: the lists are still being brought up to date; what is new may be missing.")


@contextmanager
def open_context(
    data_dir: Path | None, database_url: str | None, clock: Clock | None = None, *, admin_password: str | None = None
) -> Iterator[OperatorContext]:
    """Lend an operator context on the store that the options or else the settings name.

    admin_password: for the first administrator of a new installation, where the settings have none. Raises
    SettingsError, WrongUsageError, EmbeddedPostgresError, StoreUnavailableError, StoreSetupError.
    """
    settings = settings_of(data_dir, database_url)
    if settings.admin_password is None and admin_password is not None:
        settings = settings.model_copy(update={"admin_password": SecretStr(admin_password)})
    # What the store notes in passing is no part of a command's answer.
    level = settings.log_level if settings.log_level in {"debug", "error"} else "warning"
    configure_logs(level, settings.log_format)
    with open_services(settings, clock) as services:
        if services.first_admin is not None:
            _notify_first_admin(services.first_admin, settings)
        yield OperatorContext(services, settings)


def settings_of(data_dir: Path | None, database_url: str | None, **others: object) -> Settings:
    """Return the settings with what the options say. Raises SettingsError, WrongUsageError."""
    settings = load_settings(data_dir=data_dir, database_url=database_url, **others)
    if data_dir is not None and settings.database_url is not None:
        raise WrongUsageError(
            "--data-dir is where the embedded PostgreSQL keeps its data, and a database URL is given too"
            " (--database-url or RPAWATCH_DATABASE_URL). Leave one of them out."
        )
    if settings.database_url is not None:
        _check_url(settings.database_url.get_secret_value())
    return settings


def _check_url(url: str) -> None:
    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        # What is wrong is not repeated: it may be a piece of the password.
        raise WrongUsageError(
            "RPAWATCH_DATABASE_URL is not a URL that PostgreSQL understands. Check its form, and write special"
            " characters of the password as %XX."
        ) from None


def _notify_first_admin(admin: FirstAdmin, settings: Settings) -> None:
    notify(f"This installation is new. Its first administrator: {admin.email}")
    if admin.password is not None:
        notify(show_or_keep(settings, admin, on_terminal=sys.stderr.isatty()))
