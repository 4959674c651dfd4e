"""Whether the process runs, and whether it can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from application.store.errors import StoreSessionError, StoreUnavailableError
from interfaces.http.admin import send
from interfaces.http.answers.fields import Answer, named
from interfaces.http.operation import Operation, PlainOperations, Success, shown

if TYPE_CHECKING:
    import falcon

    from interfaces.bootstrap import Services

LAG_EVENTS_MAX = 10_000


class Alive(TypedDict):
    """The process runs."""

    status: Literal["ok"]


class ReadyState(TypedDict):
    """Whether the service can serve; what is wrong stands beside `status`."""

    status: Annotated[str, named("Readiness")]
    store: NotRequired[Annotated[str, Field(description="What is wrong with the store; left out when nothing is.")]]
    projector: NotRequired[
        Annotated[str, Field(description="What is wrong with the read models; left out when nothing is.")]
    ]
    incomplete_lists: NotRequired[
        Annotated[
            list[str], Field(description="Read models that are being made for the first time; left out when none are.")
        ]
    ]
    dead_letters: NotRequired[
        Annotated[
            int,
            Field(ge=1, description="Events that a read model could not take in; left out when there are none."),
        ]
    ]
    clock: NotRequired[
        Annotated[
            str,
            Field(description="How far the machine's clock is off, which decides nothing; left out when it is right."),
        ]
    ]


ALIVE = Answer[Alive](Alive, {"status": "ok"})
READY = Answer[ReadyState](ReadyState, {"status": "ok"})


OPERATIONS: list[Operation] = []
_HEALTH = PlainOperations(OPERATIONS, "Operation")


@_HEALTH.operation("get", "/health/live", shown(ALIVE, "It runs."))
def read_liveness(_services: Services, _req: falcon.Request, resp: falcon.Response) -> None:
    """Tell that the process runs.

    For a supervisor that restarts what has hung. It asks nobody else.
    """
    send(resp, ALIVE.example)


@_HEALTH.operation(
    "get",
    "/health/ready",
    shown(READY, "Ready."),
    Success(
        status=503,
        description="Not ready; the body says what is wrong. Ask again after Retry-After seconds.",
        answer=READY,
        headers=("Retry-After",),
    ),
)
def read_readiness(services: Services, _req: falcon.Request, resp: falcon.Response) -> None:
    """Tell whether requests can be served.

    For a load balancer: the store can be reached, and the read models are not far behind.
    """
    body: ReadyState = {"status": "ok"}
    try:
        services.database.ping()
    except StoreSessionError as error:
        body["store"] = str(error)
    except StoreUnavailableError:
        body["store"] = "PostgreSQL can't be reached"
    health = services.projection_health()
    if health.error:
        body["projector"] = health.error
    elif health.lag_events > LAG_EVENTS_MAX:
        body["projector"] = f"{health.lag_events} events behind"
    is_ready = len(body) == 1
    if not is_ready:
        body["status"] = "unavailable"
    # None of these keeps the service from taking reports in, so none is a reason to send them elsewhere.
    if health.incomplete:
        body["incomplete_lists"] = list(health.incomplete)
    if health.dead_letters:
        body["dead_letters"] = health.dead_letters
    if off := services.store_clock.what_is_off():
        body["clock"] = off
    send(resp, body, 200 if is_ready else 503)
    if not is_ready:
        resp.set_header("Retry-After", "1")
