"""Members of accounts, users and their sessions, as the API answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from application.identity.users import PasswordKind
from domain.permissions import Role
from domain.times import time_text
from interfaces.http.answers.fields import (
    ACCOUNT_ID,
    USER_ID,
    Answer,
    Cursor,
    Id,
    Instant,
    named,
    text_or_none,
)

if TYPE_CHECKING:
    from application.identity.invitations import KnownMember
    from application.identity.users import FirstPassword
    from application.identity.users import User as StoredUser
    from interfaces.queries.members import KnownMembership


class Member(TypedDict):
    """A user and what they are in an account. email and name are null when personal data was erased."""

    user_id: Id
    account_id: Annotated[Id | None, Field(description="The account; null for a role in the whole tenant.")]
    email: str | None
    name: str | None
    roles: list[Role]
    password: Annotated[
        str | None,
        named(PasswordKind.__name__, "How they sign in; null where you may not make them a password."),
    ]
    first_password_until: Annotated[Instant | None, Field(description="When the first password ends.")]


class MemberPage(TypedDict):
    """A page of members."""

    items: list[Member]
    next_cursor: Cursor


class AddedMember(Member):
    """A member. The first password that was made for them is in this answer and never again."""

    first_password: NotRequired[
        Annotated[
            str,
            Field(description="Where one was made: hand it over on a safe way. It is shown this once, and works once."),
        ]
    ]


class Who(TypedDict):
    """A user."""

    id: Id
    email: str
    name: str


class Membership(TypedDict):
    """What a user is, and where."""

    account_id: Annotated[Id | None, Field(description="Null for a role in the whole tenant.")]
    account_name: str | None
    roles: list[Role]


class Session(TypedDict):
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


def member_resource(known: KnownMember) -> Member:
    """Return the member resource."""
    member, user, sign_in = known.member, known.user, known.sign_in
    return {
        "user_id": str(member.user_id),
        "account_id": text_or_none(member.account_id),
        "email": user.email if user else None,
        "name": user.name if user else None,
        "roles": [Role(role) for role in sorted(member.roles)],
        "password": sign_in.password_kind.value if sign_in else None,
        "first_password_until": time_text(sign_in.first_password_until) if sign_in else None,
    }


def membership_resource(membership: KnownMembership) -> Membership:
    """Return the resource of what a user is, and where."""
    return {
        "account_id": text_or_none(membership.account_id),
        "account_name": membership.account_name,
        "roles": [Role(role) for role in membership.roles],
    }


def added_member(known: KnownMember, first_password: FirstPassword | None) -> AddedMember:
    """Return a member with the first password that was made for them, where one was."""
    member = member_resource(known)
    if first_password is None:
        return {**member}  # type: ignore[typeddict-item] # mypy asks for fields that may be left out
    return {**member, "first_password": first_password.password}


def user_resource(user: StoredUser) -> Who:
    """Return who a user is."""
    return {"id": str(user.user_id), "email": user.email, "name": user.name}


_MEMBER: Member = {
    "user_id": USER_ID,
    "account_id": ACCOUNT_ID,
    "email": "bob@example.com",
    "name": "Bob",
    "roles": [Role.ACCOUNT_USER],
    "password": "first",
    "first_password_until": "2026-03-17T20:00:00.000000Z",
}
MEMBER_PAGE = Answer[MemberPage](MemberPage, {"items": [_MEMBER], "next_cursor": None})
ADDED_MEMBER = Answer[AddedMember](AddedMember, {**_MEMBER, "first_password": "kd4vp-7mzqe-w3hna-9ruxt-c8ygs"})
SESSION = Answer[Session](
    Session,
    {
        "expires_at": "2026-03-11T09:00:00.000000Z",
        "csrf_token": "q0vXo8mQd4o2X0mGmD6v0o1ZkqCk2l1oY8m1l2bq3dE",
        "password_change_required": False,
        "user": {"id": USER_ID, "email": "alice@example.com", "name": "Alice"},
        "memberships": [{"account_id": ACCOUNT_ID, "account_name": "Finance", "roles": [Role.ACCOUNT_ADMIN]}],
    },
)
NEW_SESSION = Answer[NewSession](
    NewSession, {**SESSION.example, "token": "Zm91cnRlZW4gdW5yZWxhdGVkIGJ5dGVzIG9mIGNoYW5jZQ"}
)
