"""The installation that the browser visits: `rpawatch serve` on a database with a month of a small tenant in it.

The cast works there (tests/support/cast.py); Alice administers two accounts, so that she can switch. Keys of every
status, jobs of every outcome, and names as people give them: with markup, from right to left, very long.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from application.accounts import ChangeProcess, OpenAccount, RegisterProcess, RenameAccount
from domain.clock import system_clock
from domain.key_secret import generate
from domain.permissions import Role
from interfaces.bootstrap import Services
from tests.support.cast import Bot
from tests.support.clock import FakeClock
from tests.support.service import Installation
from tests.support.world import People, ServiceCast, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.support.service import Service

NAME_CHARS = 200
MARKUP = '<b>Night</b> & "day" <script>alert(1)</script>'
FROM_RIGHT_TO_LEFT = "روبوت الفواتير الواردة"
EMOJI = "Mailbox 📮 to ledger 🧾👩‍💼"
LONG = ("Month-end closing of all subsidiaries, " * 6)[:NAME_CHARS].strip()
WITHOUT_SPACES = "Sammelrechnungsfreigabe" * 8 + "." * 16
_HISTORY = timedelta(days=40)


@dataclass
class Office:
    """What a test finds there. places: what stands in paths, by the names that tests/pages/table.py has for them."""

    service: Service
    world: World
    places: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """What all addresses begin with."""
        return f"http://127.0.0.1:{self.service.port}"

    def url(self, path: str) -> str:
        """Return the address of a path, in which names of places stand in braces."""
        return self.origin + path.format(**self.places)

    def end_session(self, token: str) -> None:
        """End a session, as somebody does who signs out elsewhere."""
        assert self.service.ask("DELETE", "/api/v1/session", headers={"Authorization": f"Bearer {token}"}).status == 204

    def empty_account(self) -> str:
        """Open another account, which Alice administers, and return its path."""
        cast, account = self.world.cast, uuid4()
        self._do(OpenAccount(by=cast.caller(), new_account_id=account, name=f"Branch {account}"))
        cast.add_member(cast.alice, Role.ACCOUNT_ADMIN, account)
        self._wait()
        return f"/accounts/{account}"

    def furnish(self, clock: FakeClock) -> None:
        """Let the month happen. clock: stands at its beginning, and is left at its end."""
        cast = self.world.cast
        begin, end = clock.now, system_clock()
        self._name_accounts()
        self._add_processes()
        waiting = self._invite("Dora Waiting", end)
        self._invite("Émile Late", begin)
        self.world.people.sign_up("bob")
        keys = self._make_keys(clock)
        self._report(clock, keys["busy"])
        clock.now = end - timedelta(hours=1)
        self._end_keys(keys)
        self.places |= {
            "a": str(cast.account_a),
            "b": str(cast.account_b),
            "process": str(cast.flow_a),
            "member": cast.bob,
            "waiting": waiting,
            **{name: str(key_id) for name, key_id in keys.items()},
            "empty": self.empty_account().rpartition("/")[2],
        }
        clock.now = system_clock()
        self._wait()

    def _name_accounts(self) -> None:
        cast = self.world.cast
        for account, name in ((cast.account_a, "Müller & Söhne <GmbH>"), (cast.account_b, LONG)):
            self._do(RenameAccount(by=cast.caller(account), name=name))
        cast.add_member(cast.alice, Role.ACCOUNT_ADMIN, cast.account_b)

    def _invite(self, name: str, at: datetime) -> str:
        """Have account A invite somebody who does not come."""
        cast, users = self.world.cast, self.world.services.users
        user = users.ensure(cast.account_a, f"{name.split()[1].lower()}@example.com", name, at)
        users.make_first_password(user, at)
        cast.add_member(str(user.user_id), Role.ACCOUNT_USER, cast.account_a)
        return str(user.user_id)

    def _add_processes(self) -> None:
        cast = self.world.cast
        account = cast.caller(cast.account_a)
        self._do(ChangeProcess(by=account, flow_id=cast.flow_a, name="Incoming invoices"))
        self._do(ChangeProcess(by=account, flow_id=cast.other_flow_a, name=WITHOUT_SPACES))
        for name in (MARKUP, FROM_RIGHT_TO_LEFT, EMOJI):
            self._do(RegisterProcess(by=account, flow_id=uuid4(), name=name))
        retired = uuid4()
        self._do(RegisterProcess(by=account, flow_id=retired, name="Bought by fax"))
        self._do(ChangeProcess(by=account, flow_id=retired, retired=True))

    def _make_keys(self, clock: FakeClock) -> dict[str, UUID]:
        """Make the keys; what ends by itself does so in the month, or some days after it."""
        cast, begin = self.world.cast, clock.now
        keys = {
            "busy": self._key("Invoice Processing Bot"),
            "scoped": self._key(FROM_RIGHT_TO_LEFT, flow_id=cast.flow_a),
            "markup": self._key(MARKUP, flow_id=cast.other_flow_a),
            "emoji": self._key(EMOJI),
            "long": self._key(LONG),
            "without_spaces": self._key(WITHOUT_SPACES),
            "expired": self._key("Trial", expires_at=begin + timedelta(days=7)),
            "expiring": self._key("Until Friday", expires_at=begin + _HISTORY + timedelta(days=3)),
            "rotated": self._key("Nightly run"),
            "deactivated": self._key("On a stolen laptop"),
        }
        clock.advance(timedelta(minutes=5))
        return keys

    def _key(self, name: str, **fields: Any) -> UUID:
        made: UUID = self._do(replace(self.world.cast.create_key_command(**fields), name=name)).resource_id
        return made

    def _end_keys(self, keys: dict[str, UUID]) -> None:
        cast = self.world.cast
        reason = f"Left in a train. {MARKUP}"
        self._do(cast.deactivate_key_command(keys["deactivated"], reason=reason))
        self._do(cast.rotate_key_command(keys["rotated"], secret=generate()))

    def _report(self, clock: FakeClock, key_id: UUID) -> None:
        """Report jobs of every outcome, over the month and in the last day."""
        application = self.world.application
        bot = Bot(application, key_id, self.world.cast.account_a, self.world.cast.flow_a)
        details = [
            {"sequence_no": 1, "status": "success", "record_id": "REC-001", "record_name": EMOJI, "result": "Created"},
            {"sequence_no": 2, "status": "failed", "record_id": WITHOUT_SPACES, "error_message": MARKUP},
            {"sequence_no": 3, "status": "skipped", "record_id": "REC-003", "record_name": FROM_RIGHT_TO_LEFT},
        ]
        reports: tuple[dict[str, Any], ...] = (
            {
                "details": details,
                "target": "SAP",
                "source": "Excel Import",
                "result_summary": "1 of 3",
                "tags": ["test"],
            },
            {"status": "failed", "error_message": MARKUP, "robot_id": WITHOUT_SPACES},
            {"status": "cancelled", "result_summary": LONG, "tags": [EMOJI, "month-end"]},
            {"status": "success", "external_id": "INV-1", "data": {"nested": {"list": [1, 2.5, None, MARKUP]}}},
        )
        for ago in (timedelta(days=30), timedelta(days=2), timedelta(hours=20), timedelta(hours=3)):
            for report in reports:
                clock.now = max(clock.now, system_clock() - ago)
                began, ended = clock.now - timedelta(minutes=5), clock.now - timedelta(seconds=20)
                times: dict[str, Any] = {"started_at": began.isoformat(), "finished_at": ended.isoformat()}
                answer = application.execute(bot.report_command(**times, **report))
                if "details" in report:
                    self.places["job"] = str(answer.job.id)

    def _do(self, command: Any) -> Any:
        return self.world.application.execute(command)

    def _wait(self) -> None:
        self.world.wait_for_lists()


@contextmanager
def open_office() -> Iterator[Office]:
    """Serve the installation for as long as the block."""
    with Installation(LOG_LEVEL="debug") as installation:
        [service] = installation.running(1)
        clock = FakeClock(system_clock() - _HISTORY)
        # Past the service, since what happened weeks ago has to be written down with its time.
        with Services(installation.conninfo(), clock=clock, threads=2) as services:
            services.begin()
            people = People(services, service.ask)
            office = Office(service, World(services, clock, service.ask, people, ServiceCast(services)))
            office.furnish(clock)
            yield office
