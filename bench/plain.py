"""The same domain through the eventsourcing library as its documentation has it: each request is a plain `save()`.

Falcon on waitress, the same parsing and validation, the same aggregates, decisions and event mapper. What differs is
the write path: the library's stock PostgreSQL recorder, a transaction per request, its repository with the cache
switched on and fast-forwarding cached aggregates, since other processes may append too; and a retry when somebody was
faster. The POSTGRES_* variables say where its database is.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4, uuid5

import falcon
import orjson
import waitress
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError

from application.store.mapper import EventMapper
from bench.bare import quieten
from domain import key_secret
from domain.account import Account
from domain.api_key import ApiKey
from domain.clock import system_clock
from domain.errors import InvalidApiKeyError
from domain.ids import key_id, process_id
from domain.job import Job
from domain.limits import RATE_LIMIT_MAX
from domain.model import SYSTEM_ACTOR, Cause
from domain.process import Process
from domain.report import Report
from interfaces.http import json_body
from interfaces.http.answers.jobs import job_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.key_secret import KeySecret

_TRIES_MAX = 10
_TENANT = UUID("7d1c4c0e-6a0b-4b50-9d2e-0d4fb1a0a001")
_ACCOUNT = uuid5(_TENANT, "account:default")
THREADS = 16
_SETTINGS = {
    "PERSISTENCE_MODULE": "eventsourcing.postgres",
    "AGGREGATE_CACHE_MAXSIZE": "10000",
    "AGGREGATE_CACHE_FASTFORWARD": "y",
    # As many connections as threads: with the library's 5 and 10 more, threads would wait for one.
    "POSTGRES_POOL_SIZE": str(THREADS),
    # The library asks for a password; the socket's folder is the lock here.
    "POSTGRES_PASSWORD": "none",
}


class Plain(Application[UUID]):
    """The library's application; only the mapper is ours, so that the events are the same."""

    name = "plain"

    def construct_mapper(self) -> EventMapper:
        """Return the mapper of the project's events."""
        return EventMapper()

    def prepare(self, secrets: Sequence[KeySecret], flow_id: UUID) -> None:
        """Make an account, a process and keys whose limits are out of the way."""
        cause = _cause(SYSTEM_ACTOR)
        self.save(
            Account.open(cause, account_id=_ACCOUNT, tenant_id=_TENANT, name="Bench"),
            Process.register(cause, account_id=_ACCOUNT, flow_id=flow_id, name="Bench"),
        )
        self.save(
            *(
                ApiKey.create(
                    cause,
                    key_id=key_id(secret.sha256_hex),
                    account_id=_ACCOUNT,
                    flow_id=None,
                    name=f"Key {number}",
                    prefix=secret.prefix,
                    limit=RATE_LIMIT_MAX,
                    expires_at=None,
                )
                for number, secret in enumerate(secrets)
            )
        )

    def submit_report(self, stream: UUID, report: Report, address: str) -> Job:
        """Decide as application/ingest.py does, and again when another request was faster. Raises domain errors."""
        cause = _cause(str(stream))
        for _ in range(_TRIES_MAX):
            try:
                key, job = self._decide(cause, stream, report, address)
                self.save(key, job)
            except IntegrityError:
                continue
            except RuntimeError:
                # The library copies a cached aggregate while another thread may bring it up to date.
                continue
            return job
        raise RuntimeError("another request was faster every time")

    def _decide(self, cause: Cause, stream: UUID, report: Report, address: str) -> tuple[ApiKey, Job]:
        try:
            key = cast("ApiKey", self.repository.get(stream))
        except AggregateNotFoundError:
            raise InvalidApiKeyError from None
        account = cast("Account", self.repository.get(key.account_id))
        key.admit(cause.at)
        process = cast("Process", self.repository.get(process_id(key.account_id, report.flow_id)))
        process.check_takes_jobs()
        job = Job.report(
            replace(cause, at=key.stamp(cause.at)), job_id=uuid4(), account_id=key.account_id, report=report
        )
        key.use(cause, "accepted", job_id=job.id, address=account.address_to_keep(address))
        return key, job


class ReportResource:
    """`POST /api/v1/ingest/report`."""

    def __init__(self, application: Plain) -> None:
        self._application = application

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take in a whole job."""
        secret = key_secret.parse(req.get_header("X-API-Key"))
        if secret is None:
            raise InvalidApiKeyError
        report = json_body.parse(req.bounded_stream.read(), Report, slug="invalid-report")
        job = self._application.submit_report(key_id(secret.sha256_hex), report, req.env["REMOTE_ADDR"])
        resp.status = 201
        resp.data = orjson.dumps(job_receipt(job))
        resp.content_type = "application/json"


def make(environment: dict[str, str], *, create_tables: bool) -> Plain:
    """Return the application on the database that the POSTGRES_* of `environment` name."""
    return Plain(_SETTINGS | environment | {"CREATE_TABLE": "y" if create_tables else "n"})


def _cause(actor: str) -> Cause:
    return Cause(system_clock(), actor, uuid4().hex, uuid4())


def main() -> None:
    """Serve on the port given until killed."""
    quieten()
    app = falcon.App()
    settings = {name: value for name, value in os.environ.items() if name.startswith("POSTGRES_")}
    app.add_route("/api/v1/ingest/report", ReportResource(make(settings, create_tables=False)))
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=THREADS, _quiet=True)


if __name__ == "__main__":
    main()
