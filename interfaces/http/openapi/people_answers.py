"""What the API answers with of members and sessions, for its document. `presenters.py` makes these."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from application.identity.users import PasswordKind
from domain.permissions import Role
from interfaces.http.openapi.responses import Answer, Cursor, Instant


class Member(Answer):
    """A user and what they are in an account. email and name are null when personal data was erased."""

    user_id: UUID
    account_id: Annotated[UUID | None, Field(description="The account; null for a role in the whole tenant.")]
    email: str | None
    name: str | None
    roles: list[Role]
    password: Annotated[
        PasswordKind | None, Field(description="How they sign in; null where you may not make them a password.")
    ]
    first_password_until: Annotated[Instant | None, Field(description="When the first password ends.")]


def _without_password_sometimes(schema: dict[str, Any]) -> None:
    schema["required"].remove("first_password")


class AddedMember(Member):
    """A member. The first password that was made for them is in this answer and never again."""

    model_config = ConfigDict(json_schema_extra=_without_password_sometimes)

    first_password: Annotated[
        str, Field(description="Where one was made: hand it over on a safe way. It is shown this once, and works once.")
    ]


class Who(Answer):
    """A user."""

    id: UUID
    email: str
    name: str


class Membership(Answer):
    """What a user is, and where."""

    account_id: Annotated[UUID | None, Field(description="Null for a role in the whole tenant.")]
    account_name: str | None
    roles: list[Role]


class Session(Answer):
    """Who is signed in."""

    expires_at: Instant
    csrf_token: Annotated[
        str, Field(description="Send it in X-CSRF-Token with every change that is made with the cookie.")
    ]
    password_change_required: Annotated[
        bool, Field(description="A first password began it: it opens nothing but `POST /session/password`.")
    ]
    user: Who
    memberships: list[Membership]


class NewSession(Session):
    """A session that began now."""

    token: Annotated[str, Field(description="Send it as `Authorization: Bearer <token>`; it is shown this once.")]


class MemberPage(Answer):
    """A page of members."""

    items: list[Member]
    next_cursor: Cursor
