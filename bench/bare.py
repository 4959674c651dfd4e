"""What the machine could do at most: Falcon on waitress that parses and validates the same body, and no store."""

from __future__ import annotations

import logging
import sys
from uuid import uuid4

import falcon
import orjson
import waitress

from domain.report import Report
from interfaces.http import json_body

_ANSWER = {
    "job_id": str(uuid4()),
    "account_id": str(uuid4()),
    "flow_id": str(uuid4()),
    "status": "partial_success",
    "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
    "duration_seconds": 300.0,
    "received_at": "2026-03-10T21:48:52.101Z",
}


class Bare:
    """The same work on the body, and no store."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Parse, validate, answer."""
        json_body.parse(req.bounded_stream.read(), Report, slug="invalid-report")
        resp.status = 201
        resp.data = orjson.dumps(_ANSWER)
        resp.content_type = "application/json"


def quieten() -> None:
    """Don't let waitress log that requests wait for a thread: with 64 connections it would do so all the time."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def main() -> None:
    """Serve on the port given until killed."""
    quieten()
    app = falcon.App()
    app.add_route("/api/v1/ingest/report", Bare())
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=16, _quiet=True)


if __name__ == "__main__":
    main()
