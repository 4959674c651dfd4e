"""Who is meant by an address, and who may hand out a password for it: inviting, removing, making a new first password.

An account's administrator vouches for people of their account only, and meets nobody else: an address that is known
elsewhere is answered, and made known, as one that is known nowhere (docs/decisions/0018).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from application.access import check_access, roles_of
from application.accounts import AddMember, NewFirstPassword, add_member
from application.admin import admin_handler
from application.identity.users import PasswordKind
from application.unit_of_work import UnitOfWork
from domain.errors import AlreadyCreatedError, ForbiddenError, NotFoundError
from domain.ids import member_id
from domain.member import Member
from domain.model import SYSTEM_ACTOR
from domain.permissions import Action, allows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from application.accounts import RemoveMember
    from application.admin import AdminCommand, Outcome
    from application.command_queue import CommandQueue
    from application.event_sourcing import EventSourcing
    from application.identity.users import FirstPassword, Identity, Users
    from domain.clock import Clock
    from domain.member import MemberState

_rehearse = admin_handler(add_member)


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A member, and who that is. user: None for one whose personal data was erased.

    is_ours: whoever asks may make them a new first password; how others sign in is not told.
    """

    member: MemberState
    user: Identity | None
    is_ours: bool

    @property
    def sign_in(self) -> Identity | None:
        """How they sign in, for who may know it."""
        return self.user if self.is_ours else None


@dataclass(frozen=True, slots=True)
class Invited(KnownMember):
    """Who is a member now. first_password: to be shown this once; None for who has a password of their own."""

    first_password: FirstPassword | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A role that is about to be given: the command is carried out, and then `settled` is told what came of it.

    identity: who is meant, as they were when this began; None for a repeat.
    was_member: they had a role there before.
    """

    invitations: Invitations
    command: AddMember
    identity: Identity | None = None
    was_member: bool = False

    def settled(self, outcome: Outcome) -> Invited:
        """Return who is a member now, with their first password if they need one. Raises NotFoundError."""
        return self.invitations.settle(self, outcome)


class Invitations:
    """Decides who is meant, and keeps passwords in step with roles.

    accounts_of: the accounts in which lists know a user, or None when they can't tell.
    """

    def __init__(
        self,
        event_sourcing: EventSourcing,
        command_queue: CommandQueue,
        users: Users,
        clock: Clock,
        accounts_of: Callable[[UUID], Iterable[UUID] | None],
    ) -> None:
        self._events = event_sourcing
        self._command_queue = command_queue
        self._users = users
        self._clock = clock
        self._accounts_of = accounts_of

    def begin(self, command: AddMember, email: str, name: str) -> Invitation:
        """Decide who is meant by an address (normalised), and see that they have a row before they have a role.

        command: as it will be carried out, with the id of nobody.
        name: of who is new.

        A command that would be refused is refused here, with nothing made. Raises what it would raise.
        """
        if _rehearse(UnitOfWork(self._events, command, self._clock()), command).replayed:
            return Invitation(self, command)
        known = self._meant(command, email)
        identity = known or self._users.ensure(self._home(command), email, name, self._clock())
        if identity.password_kind is not PasswordKind.NONE and not self._has_a_role(identity, command.by.tenant_id):
            # They were removed: what they could sign in with then is void before they are somebody again.
            self._users.void_password(identity.user_id)
            identity = replace(identity, password_kind=PasswordKind.NONE, password_hash=None, first_password_until=None)
        return Invitation(self, replace(command, user_id=identity.user_id), identity, was_member=known is not None)

    def settle(self, invitation: Invitation, outcome: Outcome) -> Invited:
        """Return who is a member now that the invitation's command was carried out. Raises NotFoundError."""
        command = invitation.command
        member = self._events.find(Member, outcome.resource_id)
        if member is None:
            raise NotFoundError
        user = self._users.by_ids([member.user_id]).get(member.user_id)
        if user is None:
            return Invited(member, None, is_ours=False)
        is_ours = self._vouches(command, user)
        if outcome.replayed:
            # What was shown before is not shown again; cut short before it was made, a repeat goes on from here.
            needs_one = user.password_kind is PasswordKind.NONE and bool(member.roles)
            before = user
        else:
            # As it was when this began: of several invitations at the same time one shows what works.
            before = invitation.identity or user
            needs_one = before.password_kind is not PasswordKind.OWN
        if not is_ours or not needs_one:
            return Invited(member, user, is_ours)
        if invitation.was_member:
            # Of who is new the log says so by their role.
            self._command_queue.execute(NewFirstPassword(by=command.by, user_id=user.user_id))
        first_password = self._users.make_first_password(before, self._clock())
        return Invited(member, _with(user, first_password), is_ours, first_password)

    @contextmanager
    def removing(self, command: RemoveMember) -> Iterator[None]:
        """Carry the command out in this block; who has no role left anywhere then can't sign in any more."""
        try:
            yield
        except NotFoundError:
            # Perhaps it was carried out before, and cut short before the rest was.
            check_access(self._events, command.by, command.action)
            self._see_off(command.user_id, command.by.tenant_id)
            raise
        self._see_off(command.user_id, command.by.tenant_id)

    def new_first_password(
        self, command: NewFirstPassword, execute: Callable[[NewFirstPassword], Outcome]
    ) -> tuple[Identity, FirstPassword]:
        """Make a member a new first password: the password before is void, and their sessions end.

        execute: carries the command out, which writes down who did this. Raises ForbiddenError for somebody whom
        another vouched for, NotFoundError for who has no role there, and AlreadyCreatedError for a repeat, and when
        somebody else made one at the same moment.
        """
        check_access(self._events, command.by, command.action)
        user = self._users.by_ids([command.user_id]).get(command.user_id)
        if user is None or not self._roles_in(command.by.scope_id, user.user_id):
            raise NotFoundError
        if not self._vouches(command, user):
            raise ForbiddenError
        if execute(command).replayed:
            raise AlreadyCreatedError(user.user_id)
        first_password = self._users.make_first_password(user, self._clock())
        if first_password is None:
            raise AlreadyCreatedError(user.user_id)
        return _with(user, first_password), first_password

    def speaks_for_tenant(self, actor: str, tenant_id: UUID) -> bool:
        """Return whether an actor may say who is who in the whole tenant: its admins, and the operator."""
        return actor == SYSTEM_ACTOR or allows(
            roles_of(self._events, UUID(actor), tenant_id, None), Action.WRITE_MEMBERS
        )

    def _meant(self, command: AddMember, email: str) -> Identity | None:
        """Return who has a role under this address in the account already."""
        if command.by.account_id is None:
            return None
        known = {
            member_id(command.by.account_id, identity.user_id): identity for identity in self._users.by_email(email)
        }
        # All at once, and also for nobody: how long it takes must not tell whether the address is known elsewhere.
        there = self._events.recorder.stale(dict.fromkeys([*known, command.user_id], 0))
        return next(
            (
                identity
                for stream, identity in known.items()
                if stream in there and self._roles_in(command.by.account_id, identity.user_id)
            ),
            None,
        )

    def _home(self, command: AdminCommand) -> UUID:
        """Return who vouches for whom an actor invites: the tenant, for who has a say in all of it."""
        if command.by.account_id is None or self.speaks_for_tenant(command.actor, command.by.tenant_id):
            return command.by.tenant_id
        return command.by.account_id

    def _vouches(self, command: AdminCommand, user: Identity) -> bool:
        return self.speaks_for_tenant(command.actor, command.by.tenant_id) or user.scope_id == command.by.account_id

    def _see_off(self, user_id: UUID, tenant_id: UUID) -> None:
        user = self._users.by_ids([user_id]).get(user_id)
        if user is not None and not self._has_a_role(user, tenant_id):
            self._users.void_password(user_id)

    def _has_a_role(self, user: Identity, tenant_id: UUID) -> bool:
        """Return whether somebody has a role anywhere; also when that can't be told for now."""
        if user.scope_id not in {tenant_id, user.user_id}:
            return self._roles_in(user.scope_id, user.user_id)  # whom an account vouched for is nobody elsewhere
        listed = self._accounts_of(user.user_id)
        if listed is None:
            return True
        return any(self._roles_in(scope, user.user_id) for scope in {tenant_id, *listed})

    def _roles_in(self, scope_id: UUID, user_id: UUID) -> bool:
        member = self._events.find(Member, member_id(scope_id, user_id))
        return member is not None and bool(member.roles)


def _with(user: Identity, made: FirstPassword | None) -> Identity:
    if made is None:
        return user
    return replace(user, password_kind=PasswordKind.FIRST, first_password_until=made.until)
