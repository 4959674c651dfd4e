"""Keys: made, shown, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from application.keys import CreateKey, DeactivateKey, key_of_account
from domain import key_secret, limits
from domain.api_key import ApiKey
from domain.permissions import Action
from domain.report import Time
from interfaces.http.admin import AdminResource, Name, Reason, check_parameters, idempotent, send
from interfaces.http.presenters import key_resource
from interfaces.http.problems import ProblemError
from interfaces.http.requests import path_uuid

if TYPE_CHECKING:
    import falcon


class NewKey(BaseModel):
    """The body of `POST …/keys`."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    flow_id: UUID | None = None
    expires_at: Time | None = None
    limit: Annotated[int, Field(ge=limits.RATE_LIMIT_MIN, le=limits.RATE_LIMIT_MAX)] | None = None


class Deactivation(BaseModel):
    """The body of `POST …/deactivate`."""

    model_config = ConfigDict(extra="forbid")
    reason: Reason | None = None


class KeysResource(AdminResource):
    """`/api/v1/accounts/{account_id}/keys`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Make a key. Its secret is in this answer and never again."""
        caller = self._caller(req, account_id)
        body = self._body(req, NewKey)
        secret = key_secret.generate()
        outcome = self._execute(
            resp,
            CreateKey(
                **caller,
                idempotency=idempotent(req),
                secret=secret,
                name=body.name,
                flow_id=body.flow_id,
                expires_at=body.expires_at,
                limit=limits.RATE_LIMIT_DEFAULT if body.limit is None else body.limit,
            ),
        )
        resource = key_resource(self._get(ApiKey, outcome.resource_id), self._services.clock())
        resp.set_header("Location", f"{req.path}/{outcome.resource_id}")
        if outcome.replayed:
            raise ProblemError(
                "already-created",
                detail="This key was created before, and its secret is shown only once."
                " Deactivate it and make another if the secret was lost.",
                extra={"resource": resource},
            )
        send(resp, {**resource, "key": secret.text}, 201)


class KeyResource(AdminResource):
    """`/api/v1/accounts/{account_id}/keys/{key_id}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """Show a key, never its secret."""
        caller = self._caller(req, account_id)
        self._check(caller, Action.READ_KEYS)
        check_parameters(req)
        key = key_of_account(self._get(ApiKey, path_uuid(key_id)), caller["account_id"])
        send(resp, key_resource(key, self._services.clock()))


class DeactivateResource(AdminResource):
    """`/api/v1/accounts/{account_id}/keys/{key_id}/deactivate`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str, key_id: str) -> None:
        """End a key for good; again changes nothing."""
        caller = self._caller(req, account_id)
        body = self._body(req, Deactivation)
        outcome = self._execute(
            resp,
            DeactivateKey(**caller, idempotency=idempotent(req), key_id=path_uuid(key_id), reason=body.reason),
        )
        send(resp, key_resource(self._get(ApiKey, outcome.resource_id), self._services.clock()))
