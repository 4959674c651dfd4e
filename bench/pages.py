"""How long the pages take in the server, in an account with 10,000 keys and 100,000 jobs."""

from __future__ import annotations

import statistics
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

import psycopg

from application.identity.sessions import Client
from bench.figures import Figure, Target
from bench.fill import fill_jobs, fill_keys
from bench.history import write_history
from interfaces.bootstrap import Services, migrate
from interfaces.http.app import create_app
from interfaces.http.cookies import SESSION, cookie_name
from interfaces.queries.waiting import wait_for_lists
from projections.jobs.listing import JOB_LIST
from projections.keys.queries import KEY_SORTS
from projections.keys.uses import KEY_USES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    import falcon

    from bench.figures import Results
    from bench.services import Contenders

KEYS = 10_000
JOBS = 100_000
EVENTS = 24_000
TIMES = 15
_EMAIL, _PASSWORD = "bench@localhost", "made for this measurement only"
_CATCH_UP_SECONDS_MAX = 120.0
_HTTP_OK = 200
_KEY = f"SELECT key_id FROM rpawatch_lists.{KEY_USES.name} WHERE account_id = %s"
_JOB = f"SELECT job_id FROM rpawatch_lists.{JOB_LIST.name} WHERE account_id = %s AND success + failed > 3 LIMIT 1"


def pages(contenders: Contenders, seconds: float, results: Results) -> None:
    """Look at every page, time after time, as an administrator of the tenant."""
    del seconds
    database = contenders.testbed.create_database("pages")
    migrate(database)
    with Services(database, threads=2) as services:
        services.begin(admin_email=_EMAIL, admin_password=_PASSWORD)
        history = write_history(database, services.tenant_id, EVENTS)
        services.follow()
        _wait_for_lists(services)
        account = history.account_ids[0]
        with psycopg.connect(database, autocommit=True) as connection:
            fill_keys(connection, account, KEYS)
            fill_jobs(connection, account, JOBS)
            connection.execute("VACUUM ANALYZE")
            key = _first(connection, _KEY.encode(), account)
            job = _first(connection, _JOB.encode(), account)
        browser = _Browser(services)
        took = {
            name: browser.times(f"/accounts/{account}{path}") for name, path in _addresses(key=key, job=job).items()
        }
    slowest = max(took, key=lambda name: statistics.median(took[name]))
    results.other["pages: median ms of each"] = {
        name: round(statistics.median(times), 2) for name, times in took.items()
    }
    results.other["pages: KB of each"] = browser.kilobytes
    results.figures += [
        Figure("a page, in the server: the slowest", took[slowest], Target("under", 50), "ms", slowest),
        Figure("a page, in the server: the largest", [max(browser.kilobytes.values())], unit="KB of HTML"),
    ]


def _addresses(*, key: UUID, job: UUID) -> dict[str, str]:
    """Return the pages, by what they are called."""
    return {
        **{f"keys by {sort}": f"/keys?sort={sort}" for sort in KEY_SORTS},
        "keys, a search": "/keys?q=invoice",
        "keys, inactive": "/keys?show=inactive",
        "keys, unused": "/keys?note=unused",
        "a new key": "/keys/new",
        "a key": f"/keys/{key}",
        "a key, 30 days": f"/keys/{key}?span=month",
        "a key to deactivate": f"/keys/{key}/deactivate",
        "the start": "/start",
        "jobs": "/jobs",
        "jobs that failed": "/jobs?status=failed",
        "jobs, a search": "/jobs?q=orders",
        "a job": f"/jobs/{job}",
        "processes": "/processes",
        "members": "/members",
        "the audit log": "/audit",
        "the audit log of a key": f"/audit?resource={key}",
    }


class _Browser:
    """Somebody who is signed in. kilobytes: of each page, by address."""

    def __init__(self, services: Services) -> None:
        self._app: falcon.App[Any, Any] = create_app(services)
        session = services.sessions.sign_in(_EMAIL, _PASSWORD, Client("127.0.0.1"))
        self._cookie = f"{cookie_name(services.tenant_id, SESSION, secure=False)}={session.token}"
        self.kilobytes: dict[str, float] = {}

    def times(self, address: str) -> list[float]:
        """Return how many milliseconds a page took, each time but the first."""
        path, _, query = address.partition("?")
        times = []
        for _ in range(TIMES + 1):
            environ: dict[str, Any] = {
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "HTTP_COOKIE": self._cookie,
                "HTTP_ACCEPT": "text/html",
                "wsgi.input": BytesIO(),
            }
            setup_testing_defaults(environ)
            answers: list[str] = []
            began = time.perf_counter()
            body = b"".join(self._app(environ, lambda status, _, found=answers: found.append(status)))
            times.append((time.perf_counter() - began) * 1000)
            if not answers[0].startswith(str(_HTTP_OK)):
                raise RuntimeError(f"{address} answered {answers[0]}: {body[:300]!r}")
        self.kilobytes[address.partition("/accounts/")[2][36:]] = round(len(body) / 1000, 1)
        return times[1:]


def _wait_for_lists(services: Services) -> None:
    until = time.monotonic() + _CATCH_UP_SECONDS_MAX
    position = services.event_sourcing.recorder.last_position()
    while not wait_for_lists(services.database, position):
        if time.monotonic() > until:
            raise RuntimeError(f"the lists have not come to event {position}")


def _first(connection: psycopg.Connection[Any], query: bytes, account: UUID) -> UUID:
    row: Mapping[int, UUID] | None = connection.execute(query, (account,)).fetchone()
    assert row, "the history has some"
    return row[0]
