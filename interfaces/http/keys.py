"""Keys: made, shown, changed, rotated, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from application.keys import ChangeKey, CreateKey, DeactivateKey, RotateKey, key_of_account
from domain import key_secret, limits
from domain.api_key import ApiKey
from domain.errors import AlreadyRotatedError
from domain.permissions import Action
from domain.report import Time
from interfaces.http.admin import (
    AdminResource,
    Name,
    Reason,
    bool_parameter,
    check_parameters,
    idempotent,
    page_parameters,
    send,
    send_page,
    send_secret,
)
from interfaces.http.answers.keys import Key, key_resource
from interfaces.http.parameters import (
    choice_parameter,
    int_parameter,
    refused,
    text_parameter,
    time_parameter,
    uuids_parameter,
)
from interfaces.http.problems import ProblemError
from interfaces.http.requests import path_uuid
from projections.key_queries import KEY_SORTS, KeyFilter
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon

    from application.admin import Outcome
    from domain.key_secret import KeySecret


LIFECYCLE: Final = "lifecycle"
HISTORY_KINDS: Final = (LIFECYCLE, "all")
"""What of a history is asked for: everything but its uses, or these too."""
Limit = Annotated[int, Field(ge=limits.RATE_LIMIT_MIN, le=limits.RATE_LIMIT_MAX)]
_OVERLAP_SECONDS_MAX = int(limits.ROTATION_OVERLAP_MAX.total_seconds())
_OVERLAP_SECONDS_DEFAULT = int(limits.ROTATION_OVERLAP_DEFAULT.total_seconds())
_SHOWN_ONCE = (
    "This key was created before, and its secret is shown only once. Deactivate it and make another if the secret was"
    " lost."
)
_ROTATED_BEFORE = (
    "Another key has taken the place of this one before; `resource` shows it. Rotate that one, or deactivate it and"
    " make another if its secret was lost."
)


class NewKey(BaseModel):
    """The body of `POST …/keys`."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    flow_id: UUID | None = None
    expires_at: Time | None = None
    limit: Limit | None = None


class KeyChange(BaseModel):
    """The body of `PATCH …/keys/{key_id}`; what is left out stays. expires_at: only sooner than it is."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    limit: Limit | None = None
    expires_at: Time | None = None


class Rotation(BaseModel):
    """The body of `POST …/rotate`. expires_at: of the new key; else it lives as long as the old one was made for."""

    model_config = ConfigDict(extra="forbid")
    overlap_seconds: Annotated[int, Field(ge=0, le=_OVERLAP_SECONDS_MAX)] = _OVERLAP_SECONDS_DEFAULT
    expires_at: Time | None = None


class Deactivation(BaseModel):
    """The body of `POST …/deactivate`."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason | None = None


class _ShowsKeys(AdminResource):
    def _resource(self, key_id: UUID) -> Key:
        return key_resource(self._get(ApiKey, key_id), self._services.clock())

    def _show_once(self, resp: falcon.Response, outcome: Outcome, secret: KeySecret) -> None:
        """Answer with a new key and its secret. Raises ProblemError already-created for a repeat."""
        if outcome.replayed:
            raise self._created_before(resp, outcome.resource_id, _SHOWN_ONCE)
        resource = self._resource(outcome.resource_id)
        resp.set_header("Location", _path_of(resource))
        send_secret(resp, {**resource, "key": secret.text}, 201)

    def _created_before(self, resp: falcon.Response, key_id: UUID, detail: str) -> ProblemError:
        resource = self._resource(key_id)
        resp.set_header("Location", _path_of(resource))
        return ProblemError("already-created", detail=detail, resource=resource)


def _path_of(resource: Key) -> str:
    return f"/api/v1/accounts/{resource['account_id']}/keys/{resource['id']}"


class KeysResource(_ShowsKeys):
    """`/api/v1/accounts/{account_id}/keys`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """List the keys of an account."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_KEYS)
        size, cursor = page_parameters(req, "active", "q", "scope", "unused_for", "sort")
        now = self._services.clock()
        unused_days = int_parameter(req, "unused_for", 0, limits.UNUSED_DAYS_MAX)
        only = KeyFilter(
            active=bool_parameter(req, "active"),
            search=text_parameter(req, "q", limits.SEARCH_CHARS_MAX),
            flow_ids=uuids_parameter(req, "scope"),
            unused_since=None if unused_days is None else now - timedelta(days=unused_days),
        )
        page = PageRequest(size, cursor, choice_parameter(req, "sort", KEY_SORTS))
        send_page(req, resp, *self._services.lists.keys(caller.account_id, page, now, only))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Make a key. Its secret is in this answer and never again."""
        caller = self._caller(req, account_id)
        body = self._body(req, NewKey, caller, CreateKey)
        secret = key_secret.generate()
        outcome = self._execute(
            resp,
            CreateKey(
                by=caller,
                idempotency=idempotent(req),
                secret=secret,
                name=body.name,
                flow_id=body.flow_id,
                expires_at=body.expires_at,
                limit=limits.RATE_LIMIT_DEFAULT if body.limit is None else body.limit,
            ),
        )
        self._show_once(resp, outcome, secret)


class KeyResource(_ShowsKeys):
    """`/api/v1/accounts/{account_id}/keys/{key_id}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Show a key, as it is or as it was; never its secret."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_KEYS)
        check_parameters(req, "as_of", "version")
        at, version = time_parameter(req, "as_of"), int_parameter(req, "version", 1, limits.POSITION_MAX)
        if at is not None and version is not None:
            raise refused("as_of and version both name a moment: send one of them")
        if at is not None or version is not None:
            send(resp, self._services.key_history.as_it_was(caller.account_id, path_uuid(key_id), at, version))
            return
        key = key_of_account(self._get(ApiKey, path_uuid(key_id)), caller.account_id)
        send(resp, key_resource(key, self._services.clock()))

    def on_patch(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Rename a key, change its limit, let it expire sooner."""
        caller = self._caller(req, account_id)
        body = self._body(req, KeyChange, caller, ChangeKey)
        outcome = self._execute(
            resp,
            ChangeKey(
                by=caller, key_id=path_uuid(key_id), name=body.name, limit=body.limit, expires_at=body.expires_at
            ),
        )
        send(resp, self._resource(outcome.resource_id))


class KeyHistoryResource(AdminResource):
    """`/api/v1/accounts/{account_id}/keys/{key_id}/history`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """List what happened to a key, in order, as the log has it."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_KEYS)
        size, cursor = page_parameters(req, "kind")
        kind = choice_parameter(req, "kind", HISTORY_KINDS) or LIFECYCLE
        page = self._services.key_history.page(
            caller.account_id, path_uuid(key_id), lifecycle_only=kind == LIFECYCLE, limit=size, cursor=cursor
        )
        send_page(req, resp, *page)


class RotateResource(_ShowsKeys):
    """`/api/v1/accounts/{account_id}/keys/{key_id}/rotate`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Let a new key take the place of one. Its secret is in this answer and never again."""
        caller = self._caller(req, account_id)
        body = self._body(req, Rotation, caller, RotateKey)
        secret = key_secret.generate()
        command = RotateKey(
            by=caller,
            idempotency=idempotent(req),
            key_id=path_uuid(key_id),
            secret=secret,
            overlap=timedelta(seconds=body.overlap_seconds),
            expires_at=body.expires_at,
        )
        try:
            outcome = self._execute(resp, command)
        except AlreadyRotatedError as error:
            raise self._created_before(resp, error.resource_id, _ROTATED_BEFORE) from None
        self._show_once(resp, outcome, secret)


class DeactivateResource(_ShowsKeys):
    """`/api/v1/accounts/{account_id}/keys/{key_id}/deactivate`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """End a key for good; again changes nothing."""
        caller = self._caller(req, account_id)
        body = self._body(req, Deactivation, caller, DeactivateKey)
        outcome = self._execute(
            resp,
            DeactivateKey(by=caller, idempotency=idempotent(req), key_id=path_uuid(key_id), reason=body.reason),
        )
        send(resp, self._resource(outcome.resource_id))
