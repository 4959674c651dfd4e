"""The table of contents: every read model that this release keeps.

A new version of one stands beside the old one here until it has caught up, which the projector does by itself: it
feeds each from its own position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.accounts import ACCOUNT_LIST
from projections.audit.listing import AUDIT_LOG
from projections.jobs.details import JOB_DETAILS
from projections.jobs.listing import JOB_LIST
from projections.jobs.terms import JOB_TERMS
from projections.keys.listing import KEY_LIST
from projections.keys.uses import KEY_USES
from projections.keys.words import KEY_WORDS
from projections.members import MEMBER_LIST
from projections.processes.jobs import PROCESS_JOBS
from projections.processes.listing import PROCESS_LIST

if TYPE_CHECKING:
    from projections.read_model import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    ACCOUNT_LIST,
    PROCESS_LIST,
    PROCESS_JOBS,
    MEMBER_LIST,
    KEY_LIST,
    KEY_WORDS,
    KEY_USES,
    AUDIT_LOG,
    JOB_LIST,
    JOB_DETAILS,
    JOB_TERMS,
)
