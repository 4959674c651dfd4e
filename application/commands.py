"""Every command, and what decides it. Those of admins stand in their subject, with their handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from application import accounts, keys
from application.ingest import (
    ReadOwnKey,
    RequestAdmission,
    SubmitReport,
    read_own_key,
    request_admission,
    submit_report,
)

if TYPE_CHECKING:
    from application.unit_of_work import Handlers

HANDLERS: Final[Handlers] = {
    RequestAdmission: request_admission,
    SubmitReport: submit_report,
    ReadOwnKey: read_own_key,
    **keys.HANDLERS,
    **accounts.HANDLERS,
}
