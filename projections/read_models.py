"""The table of contents: every read model that this release keeps.

A new version of one stands beside the old one here until it has caught up, which the projector does by itself: it
feeds each from its own position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.account_list import ACCOUNT_LIST
from projections.audit_log import AUDIT_LOG
from projections.job_details import JOB_DETAILS
from projections.job_list import JOB_LIST
from projections.job_terms import JOB_TERMS
from projections.key_list import KEY_LIST
from projections.key_uses import KEY_USES
from projections.key_words import KEY_WORDS
from projections.member_list import MEMBER_LIST
from projections.process_jobs import PROCESS_JOBS
from projections.process_list import PROCESS_LIST

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
