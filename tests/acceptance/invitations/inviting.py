"""An address in every state that it can be in, and what its passwords open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from application.accounts import AddMember
from domain.ids import random_id
from domain.limits import FIRST_PASSWORD_LIFETIME
from domain.permissions import Role
from tests.support.api import ACCOUNTS, SESSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from application.identity.invitations import Invited
    from tests.support.api import Answer
    from tests.support.world import World

NAMES_OF_OTHERS = ("Known elsewhere", "Known here", "Known to the tenant")


@dataclass(frozen=True)
class Password:
    """What somebody was told, or chose. owner: their user id. vouched: by whom; None for the tenant."""

    text: str
    owner: str
    vouched: UUID | None


@dataclass
class Address:
    """An address, and all that was ever told of it."""

    world: World
    email: str = field(default_factory=lambda: f"{uuid4().hex}@example.com")
    passwords: list[Password] = field(default_factory=list)
    """All that were ever told or chosen."""

    # What somebody does

    def invited(self, by: str, account: UUID, name: str = "Invited", **headers: str) -> Answer:
        """Have somebody of the cast invite the address into an account."""
        body = {"email": self.email, "role": "account_user", "name": name}
        path = self.world.account("/members", of=account)
        answer = self.world.ask("POST", path, headers=self.world.signed_in(by) | headers, json=body)
        if answer.status == 201 and "first_password" in answer.json:
            vouched = None if by == "tess" else account
            self.passwords.append(Password(answer.json["first_password"], answer.json["user_id"], vouched))
        return answer

    def added(self, role: Role, account: UUID | None = None, name: str = "Added") -> Invited:
        """Have the operator give a role at the command line."""
        command = AddMember(by=self.world.cast.caller(account), user_id=random_id(), role=role)
        invitation = self.world.services.invitations.begin(command, self.email, name)
        invited = invitation.settled(self.world.services.command_queue.execute(invitation.command).result)
        self.world.wait_for_lists()
        if invited.first_password is not None:
            owner = str(invited.member.user_id)
            self.passwords.append(Password(invited.first_password.password, owner, None))
        return invited

    def removed(self, by: str, account: UUID) -> None:
        """Have whoever was told a password last be removed."""
        path = self.world.account(f"/members/{self.passwords[-1].owner}", of=account)
        assert self.world.ask("DELETE", path, headers=self.world.signed_in(by)).status == 204

    def chosen(self) -> Password:
        """Use the last password that was told, and choose another."""
        first = self.passwords[-1]
        session = self.sign_in(first.text)
        assert session.status == 200, session.body
        own = Password(f"words of one's own {uuid4().hex}", first.owner, first.vouched)
        headers = bearer(session)
        answer = self.world.ask("POST", f"{SESSION}/password", headers=headers, json={"new_password": own.text})
        assert answer.status == 200, answer.body
        self.passwords.append(own)
        return own

    # What passwords open

    def sign_in(self, password: str) -> Answer:
        """Sign in, from a network of one's own, so that nobody is slowed down by others' failures."""
        body = {"email": self.email, "password": password}
        return self.world.ask("POST", SESSION, json=body, address=f"2001:db8:{uuid4().hex[:4]}::1")

    def opens(self, password: Password) -> set[UUID | None] | None:
        """Return the accounts that a password leads to, None among them for the tenant; None when it opens nothing."""
        session = self.sign_in(password.text)
        if session.status != 200:
            assert (session.status, session.problem) == (401, "sign-in-failed")
            return None
        assert session.json["user"]["id"] == password.owner
        headers = bearer(session)
        if session.json["password_change_required"]:
            body = {"new_password": f"words of one's own {uuid4().hex}"}
            headers = bearer(self.world.ask("POST", f"{SESSION}/password", headers=headers, json=body))
        cast = self.world.cast
        reached: set[UUID | None] = {
            account
            for account in (cast.account_a, cast.account_b)
            if self.world.ask("GET", f"{ACCOUNTS}/{account}", headers=headers).status == 200
        }
        memberships = self.world.ask("GET", SESSION, headers=headers).json["memberships"]
        return reached | ({None} if any(item["account_id"] is None for item in memberships) else set())


def bearer(session: Answer) -> dict[str, str]:
    """Return what shows a session that began with an answer."""
    return {"Authorization": f"Bearer {session.json['token']}"}


def _here(address: Address, by: str = "alice") -> None:
    assert address.invited(by, address.world.cast.account_a, "Known here").status == 201


def _elsewhere(address: Address, by: str = "carol") -> None:
    assert address.invited(by, address.world.cast.account_b, "Known elsewhere").status == 201


def _expired_here(address: Address) -> None:
    _here(address)
    address.world.clock.advance(FIRST_PASSWORD_LIFETIME)


def _removed_here(address: Address) -> None:
    _here(address)
    address.chosen()
    address.removed("alice", address.world.cast.account_a)


def _removed_here_before_they_came(address: Address) -> None:
    _here(address)
    address.removed("alice", address.world.cast.account_a)


def _expired_elsewhere(address: Address) -> None:
    _elsewhere(address)
    address.world.clock.advance(FIRST_PASSWORD_LIFETIME)


def _squatted_elsewhere(address: Address) -> None:
    _elsewhere(address)
    address.chosen()


def _removed_elsewhere(address: Address) -> None:
    _squatted_elsewhere(address)
    address.removed("carol", address.world.cast.account_b)


def _of_the_tenant_elsewhere(address: Address) -> None:
    _elsewhere(address, "tess")
    address.chosen()


def _in_the_whole_tenant(address: Address) -> None:
    address.added(Role.AUDITOR, name="Known to the tenant")
    address.chosen()


def _established_here(address: Address) -> None:
    _here(address)
    address.chosen()


def _of_the_tenant_here(address: Address) -> None:
    _here(address, "tess")
    address.chosen()


def _of_the_tenant_here_and_never_came(address: Address) -> None:
    _here(address, "tess")


UNKNOWN_HERE: dict[str, Callable[[Address], None]] = {
    "known nowhere": lambda _: None,
    "invited elsewhere, never came": _elsewhere,
    "invited elsewhere, expired": _expired_elsewhere,
    "squatted elsewhere": _squatted_elsewhere,
    "removed elsewhere": _removed_elsewhere,
    "the tenant's, elsewhere": _of_the_tenant_elsewhere,
    "in the whole tenant": _in_the_whole_tenant,
}
"""To an account administrator here these have to look alike."""
NEEDS_ANOTHER: dict[str, Callable[[Address], None]] = {
    "invited here, never came": _here,
    "invited here, expired": _expired_here,
    "removed here": _removed_here,
    "removed here before they came": _removed_here_before_they_came,
}
ESTABLISHED: dict[str, Callable[[Address], None]] = {
    "established here": _established_here,
    "the tenant's, established here": _of_the_tenant_here,
    "the tenant's, never came": _of_the_tenant_here_and_never_came,
}
STATES = UNKNOWN_HERE | NEEDS_ANOTHER | ESTABLISHED


def shape(value: Any) -> Any:
    """Return what an answer looks like whatever stands in it."""
    return {name: type(item).__name__ for name, item in value.items()}
