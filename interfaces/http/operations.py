"""Every operation of the API, in one table: the routes, and what the document describes. Each stands in its subject."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from interfaces.http import (
    accounts,
    audit,
    documents,
    health,
    ingest,
    jobs,
    keys,
    log_proofs,
    members,
    metrics,
    sign_in,
)

if TYPE_CHECKING:
    from interfaces.bootstrap import Services
    from interfaces.http.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *ingest.OPERATIONS,
    *sign_in.OPERATIONS,
    *accounts.OPERATIONS,
    *keys.OPERATIONS,
    *members.OPERATIONS,
    *audit.OPERATIONS,
    *log_proofs.OPERATIONS,
    *jobs.OPERATIONS,
    *health.OPERATIONS,
    *metrics.OPERATIONS,
    *documents.OPERATIONS,
)


def routes(services: Services) -> dict[str, object]:
    """Return every path of the API with what answers its methods, as Falcon asks for it. Pages: interfaces/web/."""
    found: dict[str, SimpleNamespace] = defaultdict(SimpleNamespace)
    for operation in OPERATIONS:
        setattr(found[operation.path], f"on_{operation.method}", operation.responder(services))
    return dict(found)
