"""Whether the process runs, and whether it can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.store.errors import StoreSessionError, StoreUnavailableError
from interfaces.http.admin import send

if TYPE_CHECKING:
    import falcon

    from interfaces.bootstrap import Services

LAG_EVENTS_MAX = 10_000


class Live:
    """`GET /health/live`: the process runs."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200."""
        del req
        send(resp, {"status": "ok"})


class Ready:
    """`GET /health/ready`: the store can be reached, and the read models are not far behind."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200, or 503 with what is wrong."""
        del req
        wrong = {}
        try:
            self._services.database.ping()
        except StoreSessionError as error:
            wrong["store"] = str(error)
        except StoreUnavailableError:
            wrong["store"] = "PostgreSQL can't be reached"
        health = self._services.projection_health()
        if health.error:
            wrong["projector"] = health.error
        elif health.lag_events > LAG_EVENTS_MAX:
            wrong["projector"] = f"{health.lag_events} events behind"
        body: dict[str, object] = {"status": "unavailable" if wrong else "ok", **wrong}
        # None of these keeps the service from taking reports in, so none is a reason to send them elsewhere.
        if health.incomplete:
            body["incomplete_lists"] = list(health.incomplete)
        if health.dead_letters:
            body["dead_letters"] = health.dead_letters
        if off := self._services.store_clock.what_is_off():
            body["clock"] = off
        send(resp, body, 503 if wrong else 200)
        if wrong:
            resp.set_header("Retry-After", "1")
