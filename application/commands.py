"""Every command, and what decides it: the table of contents of what can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from application.accounts import (
    AddMember,
    ChangeAccountSettings,
    ChangeProcess,
    OpenAccount,
    RegisterProcess,
    RemoveMember,
    add_member,
    change_account_settings,
    change_process,
    open_account,
    register_process,
    remove_member,
)
from application.admin import admin_handler
from application.ingest import AskAdmission, ReadOwnKey, SubmitReport, ask_admission, read_own_key, submit_report
from application.keys import CreateKey, DeactivateKey, create_key, deactivate_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.work import Command, Work

HANDLERS: dict[type[Command], Callable[[Work, Any], Any]] = {
    AskAdmission: ask_admission,
    SubmitReport: submit_report,
    ReadOwnKey: read_own_key,
    CreateKey: admin_handler(create_key),
    DeactivateKey: admin_handler(deactivate_key),
    OpenAccount: admin_handler(open_account),
    ChangeAccountSettings: admin_handler(change_account_settings),
    RegisterProcess: admin_handler(register_process),
    ChangeProcess: admin_handler(change_process),
    AddMember: admin_handler(add_member),
    RemoveMember: admin_handler(remove_member),
}
