"""The tree of the log, its signed head, and proofs; in the formats of c2sp.org where there is one."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from domain.errors import NotFoundError
from domain.limits import POSITION_MAX
from domain.permissions import Action
from interfaces.http.admin import AdminResource, check_parameters, send
from interfaces.http.answers.fields import time_text
from interfaces.http.parameters import check_order, int_parameter, refused
from interfaces.http.problems import ProblemError
from interfaces.http.representations import ALWAYS, ASK_AGAIN, may_be_kept
from projections.log_tree.proving import NotProvableError
from projections.log_tree.tiles import TileMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

    from domain.proof.document import EventProof

TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
_OWN_ALWAYS: Final = f"private, {ALWAYS.removeprefix('public, ')}"
"""Of hashes: those of a tile never change, also of one that is not full, whose width is in its address."""
_OWN_ASK_AGAIN: Final = f"private, {ASK_AGAIN}"
"""Of what is made of the log as it is now: also of entries, so that one that was altered is seen."""
_ENTRIES: Final = "entries"
_LEVELS: Final = frozenset(map(str, range(64)))
_DIGITS_MAX: Final = 19


class _Proofs(AdminResource):
    """What spans all accounts is for those who read the audit log of the whole tenant."""

    def _check_auditor(self, req: falcon.Request) -> None:
        self._check(self._caller(req), Action.READ_AUDIT)


class CheckpointResource(_Proofs):
    """`/api/v1/audit/checkpoint`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the head of the log that was signed last, as a signed note."""
        self._check_auditor(req)
        check_parameters(req)
        head = self._services.log_proofs.latest_head()
        if head is None:
            raise ProblemError("no-proof-yet")
        resp.text = head.note
        resp.content_type = TEXT
        resp.last_modified = head.signed_at
        may_be_kept(resp, _OWN_ASK_AGAIN)


class LogKeysResource(_Proofs):
    """`/api/v1/audit/keys`: for everybody, since a key that is public is of use to whoever has a proof."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the public keys of the log, the oldest first."""
        check_parameters(req)
        items = [
            {
                "public_key": key.vkey,
                "published_at": time_text(key.published_at),
                "retired_at": time_text(key.retired_at),
            }
            for key in self._services.log_proofs.public_keys()
        ]
        send(resp, {"items": items})
        may_be_kept(resp, ASK_AGAIN)


class TileResource(_Proofs):
    """`/api/v1/audit/tile/{level}/{number}`; the level `entries` has the leaves themselves."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, level: str, number: str) -> None:
        """Answer with the hashes of a tile, or the leaves under it."""
        self._check_auditor(req)
        check_parameters(req)
        if level == _ENTRIES:
            resp.data = self._services.log_proofs.entries(number)
            may_be_kept(resp, _OWN_ASK_AGAIN)
        elif level in _LEVELS:
            resp.data = self._services.log_proofs.tile(int(level), number)
            may_be_kept(resp, _OWN_ALWAYS)
        else:
            raise NotFoundError
        resp.content_type = BYTES


class InclusionResource(_Proofs):
    """`/api/v1/audit/proof/inclusion`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Prove that an event is in the log that was signed."""
        self._check_auditor(req)
        check_parameters(req, "position", "size")
        position, size = _needed(req, "position"), int_parameter(req, "size", 1, POSITION_MAX)
        with _proving():
            send(resp, self._services.log_proofs.event(position, size).as_json())


class ConsistencyResource(_Proofs):
    """`/api/v1/audit/proof/consistency`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Prove that the log as it was begins the log as it is."""
        self._check_auditor(req)
        check_parameters(req, "from", "to")
        old, new = _needed(req, "from"), _needed(req, "to")
        check_order(old, new)
        with _proving():
            hashes = self._services.log_proofs.prefix(old, new)
        send(resp, {"from": old, "to": new, "hashes": [base64.b64encode(one).decode() for one in hashes]})


class EventProofResource(AdminResource):
    """`/api/v1/accounts/{account_id}/audit/{position}/proof`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, position: str) -> None:
        """Prove that an event of the account's audit log is in the log that was signed, as a file."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_AUDIT)
        check_parameters(req)
        if not (position.isascii() and position.isdigit() and len(position) <= _DIGITS_MAX):
            raise NotFoundError
        with _proving():
            proof = self._services.log_proofs.event_of_account(caller.account_id, min(int(position), POSITION_MAX))
        send_proof(resp, proof)


def send_proof(resp: falcon.Response, proof: EventProof) -> None:
    """Answer with a proof as a file."""
    send(resp, proof.as_json())
    resp.set_header("Content-Disposition", f'attachment; filename="proof-{proof.position}.json"')


def _needed(req: falcon.Request, name: str) -> int:
    number = int_parameter(req, name, 1, POSITION_MAX)
    if number is None:
        raise refused(f"{name} is required")
    return number


@contextmanager
def _proving() -> Iterator[Any]:
    try:
        yield
    except NotProvableError as error:
        raise ProblemError("no-proof-yet", detail=str(error)) from None
    except TileMissingError as error:
        detail = f"{error} Tell the operator: `rpawatch audit verify` says what was changed."
        raise ProblemError("unavailable", detail=detail, headers={"Retry-After": "60"}) from None
