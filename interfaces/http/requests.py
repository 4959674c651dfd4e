"""What every resource needs of a request: its id, its client, its body, and what came with it in headers."""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from pydantic import BaseModel

from domain import limits
from domain.client_network import canonical_address
from domain.errors import NotFoundError
from domain.ids import random_token
from domain.key_secret import LOOKS_LIKE_A_KEY
from interfaces.http import json_body
from interfaces.http.problems import ProblemError
from interfaces.http.server import RECEIVED_MONOTONIC
from interfaces.http.validation import BrokenRule

if TYPE_CHECKING:
    import falcon

M = TypeVar("M", bound=BaseModel)

_SANE_REQUEST_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{limits.REQUEST_ID_CHARS_MAX}}}")
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_PRINTABLE = re.compile(rf"[\x20-\x7e]{{1,{limits.IDEMPOTENCY_KEY_CHARS_MAX}}}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_READ_CHUNK_BYTES = 64 * 1024


def request_id_of(header: str | None) -> str:
    """Return the caller's X-Request-Id when it is a sane token (and no key), else a new one."""
    if header and _SANE_REQUEST_ID.fullmatch(header) and not LOOKS_LIKE_A_KEY.search(header):
        return header
    return random_token()


def cookie(req: falcon.Request, name: str) -> str:
    """Return the value of a cookie, "" where there is none.

    Not as Falcon reads them: it undoes escapes in all of them, and Python before 3.11.10 and 3.12.6 takes a time for it
    that grows with the square of their length.
    """
    for pair in (req.get_header("Cookie") or "").split(";"):
        found, _, value = pair.partition("=")
        if found.strip() == name:
            return value.strip().strip('"')
    return ""


def read_plain_body(req: falcon.Request) -> bytes:
    """Return the body of a request that is no report. Raises ProblemError, also for one that is compressed."""
    check_length(req, limits.SMALL_BODY_BYTES_MAX)
    if (req.get_header("Content-Encoding") or "identity").strip().lower() != "identity":
        raise ProblemError(
            "unsupported-media-type",
            detail="Only a report may be compressed. Send this body as it is, without Content-Encoding.",
        )
    return read_body(req, limits.SMALL_BODY_BYTES_MAX)


def check_length(req: falcon.Request, bytes_max: int) -> None:
    """Raise ProblemError too-large for a body that is announced as larger."""
    if (req.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)


def read_body(req: falcon.Request, bytes_max: int) -> bytes:
    """Return the whole body as it was sent. Raises ProblemError too-large."""
    check_length(req, bytes_max)
    # Both waitress and the test client end the stream at Content-Length, or at the last chunk.
    body = (
        bytes(req.bounded_stream.read(bytes_max + 1)) if req.content_length is not None else _read_all(req, bytes_max)
    )
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return body


def _read_all(req: falcon.Request, bytes_max: int) -> bytes:
    if not req.env.get("wsgi.input_terminated"):
        return b""
    chunks, size = [], 0
    while size <= bytes_max and (chunk := req.env["wsgi.input"].read(_READ_CHUNK_BYTES)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _too_large(bytes_max: int) -> ProblemError:
    return ProblemError("too-large", detail=f"The body is larger than {bytes_max} bytes. Send less at once.")


def check_json(req: falcon.Request) -> None:
    """Raise ProblemError unless the body is announced as JSON in UTF-8. Other parameters say nothing that is asked."""
    if req.content_type == "application/json":
        return
    media_type, *parameters = _PARTS.findall(req.content_type or "") or [""]
    if media_type.strip().lower() != "application/json":
        raise ProblemError("unsupported-media-type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in _UTF_8:
            raise ProblemError(
                "unsupported-media-type", detail="Send the body in UTF-8, and leave charset out or say charset=utf-8."
            )


_PARTS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')
"""The parts between semicolons, those in quotes aside. Each character can begin a part in one way only."""
_UTF_8 = frozenset({"utf-8", "utf8"})


def json_request(req: falcon.Request, model: type[M]) -> M:
    """Return the model that the body of an admin request holds. One that says nothing is an empty object.

    Raises ProblemError.
    """
    body = read_plain_body(req)
    req.context.body_digest = request_digest(req, body)
    if body:
        check_json(req)
    if json_body.is_nothing(body):
        body = b"{}"
    return json_body.parse(body, model, slug="invalid-request", values_max=limits.SMALL_BODY_VALUES_MAX)


def request_digest(req: falcon.Request, body: bytes) -> str:
    """Return SHA-256 of method, path and body, hexadecimal: what makes a repeat the same request."""
    digest = hashlib.sha256(f"{req.method} {req.path}\n".encode())
    digest.update(body)
    return digest.hexdigest()


def idempotency_key(req: falcon.Request) -> str | None:
    """Return the Idempotency-Key, bare or quoted. Raises ProblemError invalid-request for one that is neither."""
    header = req.get_header("Idempotency-Key")
    if header is None:
        return None
    text = header.strip()
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        text = quoted[1].replace('\\"', '"').replace("\\\\", "\\") if quoted else ""
    if not _PRINTABLE.fullmatch(text):
        raise ProblemError(
            "invalid-request",
            errors=[
                BrokenRule("", f"Idempotency-Key must be 1 to {limits.IDEMPOTENCY_KEY_CHARS_MAX} printable characters")
            ],
        )
    return text


def path_uuid(text: str) -> UUID:
    """Return the id in a path. What is no UUID is the id of nothing: NotFoundError."""
    # UUID() alone takes digits of any script, and signs and spaces between them; and Location repeats the path.
    if not _UUID.fullmatch(text):
        raise NotFoundError
    return UUID(text)


def client_address(req: falcon.Request) -> str:
    """Return the address of the client in its canonical form; of the proxy in front, unless that one is trusted."""
    return canonical_address(str(req.env.get("REMOTE_ADDR") or "-"))


def seconds_waited(req: falcon.Request) -> float:
    """Return how long the request has waited for a thread."""
    received = req.env.get(RECEIVED_MONOTONIC)
    return 0.0 if received is None else time.monotonic() - received
