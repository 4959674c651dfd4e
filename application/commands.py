"""Every command, and what decides it: the table of contents of what can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from application.accounts import (
    AddMember,
    ChangeAccountSettings,
    ChangeProcess,
    NewFirstPassword,
    OpenAccount,
    RegisterProcess,
    RemoveMember,
    RenameAccount,
    ResumeAccount,
    SuspendAccount,
    add_member,
    change_account_settings,
    change_process,
    open_account,
    record_first_password,
    register_process,
    remove_member,
    rename_account,
    resume_account,
    suspend_account,
)
from application.admin import admin_handler
from application.ingest import (
    ReadOwnKey,
    RequestAdmission,
    SubmitReport,
    read_own_key,
    request_admission,
    submit_report,
)
from application.keys import (
    ChangeKey,
    CountRefusals,
    CreateKey,
    DeactivateKey,
    RotateKey,
    change_key,
    count_refusals,
    create_key,
    deactivate_key,
    rotate_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.unit_of_work import Command, UnitOfWork

HANDLERS: dict[type[Command], Callable[[UnitOfWork, Any], Any]] = {
    RequestAdmission: request_admission,
    SubmitReport: submit_report,
    ReadOwnKey: read_own_key,
    CountRefusals: count_refusals,
    CreateKey: admin_handler(create_key),
    ChangeKey: admin_handler(change_key),
    RotateKey: admin_handler(rotate_key),
    DeactivateKey: admin_handler(deactivate_key),
    OpenAccount: admin_handler(open_account),
    ChangeAccountSettings: admin_handler(change_account_settings),
    RenameAccount: admin_handler(rename_account),
    SuspendAccount: admin_handler(suspend_account),
    ResumeAccount: admin_handler(resume_account),
    RegisterProcess: admin_handler(register_process),
    ChangeProcess: admin_handler(change_process),
    AddMember: admin_handler(add_member),
    RemoveMember: admin_handler(remove_member),
    NewFirstPassword: admin_handler(record_first_password),
}
