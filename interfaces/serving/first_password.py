"""The first administrator's first password: shown on a terminal, or else kept in a file until it has been used.

What a service prints ends up in a journal, which many can read and which is kept for long.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from application.identity.first_run import first_admin_id
from application.identity.users import PasswordKind
from application.store.errors import StoreUnavailableError
from interfaces.cli.output import CommandError
from interfaces.cli.private_file import private_file

if TYPE_CHECKING:
    import threading
    from datetime import datetime

    from application.identity.first_run import FirstAdmin
    from interfaces.bootstrap import Services
    from interfaces.settings import Settings

_CHECK_SECONDS: Final = 2.0
_log = structlog.get_logger("rpawatch.serve")


def show_or_keep(settings: Settings, admin: FirstAdmin, *, on_terminal: bool) -> str:
    """Return the line about a first password: with itself for a terminal, else the file that it was written to."""
    made = admin.password
    if made is None:
        raise ValueError("the first administrator's password was given, and is not shown")
    rules = f"It works once, until {_moment(made.until)}, and then you choose your own"
    if on_terminal:
        return f"First password (shown only now): {made.password}\n{rules}."
    path = settings.first_password_path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with private_file(path) as file:
            lines = (f"Address: {admin.email}", f"First password: {made.password}", _mark(made.until))
            file.write("".join(f"{line}\n" for line in lines).encode())
    except (OSError, CommandError) as error:
        return f"{error} So their first password is lost. Make another: rpawatch members reset-password {admin.email}"
    return f"First password: in the file {path}, which only you can read. {rules}; the file is removed then."


def remove_when_used(services: Services, settings: Settings, stop: threading.Event) -> None:
    """Remove the file when the password in it opens nothing any more; return then, or when `stop` is set."""
    path = settings.first_password_path
    while path.exists():
        with suppress(StoreUnavailableError, OSError):
            if not _is_needed(services, path.read_text(encoding="utf-8")):
                path.unlink(missing_ok=True)
                _log.info("first_password_file_removed", file=str(path))
                return
        if stop.wait(_CHECK_SECONDS):
            return


def _is_needed(services: Services, text: str) -> bool:
    admin = first_admin_id(services.tenant_id)
    user = services.users.by_ids([admin]).get(admin)
    return (
        user is not None
        and user.password_kind is PasswordKind.FIRST
        and user.first_password_until is not None
        and user.may_sign_in(services.clock())
        and _mark(user.first_password_until) in text  # or another one was made since
    )


def _mark(until: datetime) -> str:
    return f"It works once, until {_moment(until)}."


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
