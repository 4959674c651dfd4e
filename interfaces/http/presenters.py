"""How things look on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.times import rfc_3339

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from application.identity.users import Identity, User
    from application.ingest import KeyView
    from domain.account import Account
    from domain.api_key import ApiKey
    from domain.job import Job
    from domain.process import Process
    from projections.account_list import AccountRow
    from projections.key_list import KeyRow
    from projections.key_uses import UseRow
    from projections.process_jobs import ProcessJobsRow
    from projections.process_list import ProcessRow


def time_text(time: datetime | None) -> str | None:
    """Return a time as it is told everywhere, or None."""
    return None if time is None else rfc_3339(time)


def job_receipt(job: Job) -> dict[str, Any]:
    """Return what a bot is told of a job that it reported; orjson writes its ids and its status as text."""
    return {
        "job_id": job.id,
        "account_id": job.account_id,
        "flow_id": job.flow_id,
        "status": job.status,
        "counts": vars(job.counts),
        "duration_seconds": job.duration_seconds,
        "received_at": time_text(job.received_at),
    }


def own_key(view: KeyView) -> dict[str, Any]:
    """Return what a bot may know of its own key."""
    key = view.key
    return {
        "name": key.name,
        "prefix": key.prefix,
        "account_id": str(key.account_id),
        "account_name": view.account_name,
        "flow_id": _text(key.flow_id),
        "expires_at": time_text(key.expires_at),
        "limit": key.limit,
    }


def key_resource(key: ApiKey | KeyRow, now: datetime) -> dict[str, Any]:
    """Return the key resource; `active` and `status` come from the predicate that lets requests in."""
    now = key.stamp(now)
    return {
        "id": str(key.id),
        "account_id": str(key.account_id),
        "name": key.name,
        "prefix": key.prefix,
        "flow_id": _text(key.flow_id),
        "limit": key.limit,
        "created_at": time_text(key.created_at),
        "created_by": key.created_by,
        "last_used_at": time_text(key.last_used_at),
        "uses": key.uses,
        "expires_at": time_text(key.expires_at),
        "active": key.is_active(now),
        "status": key.status(now).value,
        "deactivated_at": time_text(key.deactivated_at),
        "deactivated_by": key.deactivated_by,
        "deactivation_reason": key.deactivation_reason,
        "rotated_to": _text(key.rotated_to),
        "rotated_from": _text(key.rotated_from),
        "refusals": key.refusals,
        "refused_at": time_text(key.refused_at),
        "refused_address": key.refused_address,
    }


def hour_of_uses(row: UseRow) -> dict[str, Any]:
    """Return how often a key was used in an hour, by what came of it."""
    return {
        "hour": time_text(row.hour),
        "accepted": row.accepted,
        "replayed": row.replayed,
        "rejected": row.rejected,
        "throttled": row.throttled,
    }


def account_resource(account: Account | AccountRow) -> dict[str, Any]:
    """Return the account resource."""
    return {
        "id": str(account.id),
        "name": account.name,
        "opened_at": time_text(account.opened_at),
        "suspended_at": time_text(account.suspended_at),
    }


def process_resource(process: Process | ProcessRow, jobs: ProcessJobsRow | None) -> dict[str, Any]:
    """Return the process resource. jobs: what lists know of its jobs, None where there were none."""
    return {
        "flow_id": str(process.flow_id),
        "account_id": str(process.account_id),
        "name": process.name,
        "registered_at": time_text(process.registered_at),
        "retired_at": time_text(process.retired_at),
        "last_job": jobs
        and {
            "id": str(jobs.last_job_id),
            "status": jobs.last_job_status,
            "received_at": time_text(jobs.last_job_at),
        },
    }


def member_resource(
    user_id: UUID, account_id: UUID | None, roles: Iterable[str], user: Identity | None, *, is_ours: bool
) -> dict[str, Any]:
    """Return the member resource; `user` is None for somebody whose personal data was erased.

    is_ours: whoever is told this may make them a first password; how others sign in is not told.
    """
    told = user if is_ours else None
    return {
        "user_id": str(user_id),
        "account_id": _text(account_id),
        "email": user.email if user else None,
        "name": user.name if user else None,
        "roles": sorted(str(role) for role in roles),
        "password": told and told.password_kind.value,
        "first_password_until": told and time_text(told.first_password_until),
    }


def user_resource(user: User) -> dict[str, Any]:
    """Return who a user is."""
    return {"id": str(user.user_id), "email": user.email, "name": user.name}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
