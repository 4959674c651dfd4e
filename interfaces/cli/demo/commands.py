"""`rpawatch demo`: an installation with a month in it, to look at."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from application.identity.passwords import generate_password
from application.store.log.reading import last_position, read_range
from domain.clock import system_clock
from domain.permissions import Role
from interfaces.cli.demo.filling import DemoClock, Filling, first_moment
from interfaces.cli.demo.jobs import make_jobs
from interfaces.cli.demo.tenant import ACCOUNTS, PROCESSES, TRIAL
from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir
from interfaces.cli.output import CommandError, CommandResult, notify, show
from interfaces.cli.progress_line import ProgressBar
from interfaces.cli.store_command import example_text

if TYPE_CHECKING:
    from interfaces.cli.demo.jobs import DemoJob

DAYS_MAX: Final = 366
JOBS_PER_DAY_MAX: Final = 2000
"""Most jobs that the demo's robots do in a day without falling behind."""
_COLUMNS = {"email": "Sign in as", "password": "Password", "name": "Name", "role": "Role", "account_name": "Account"}
_EXAMPLES = """
    rpawatch demo
    rpawatch demo --days 90 --jobs-per-day 50 --data-dir demo-data
    rpawatch serve --data-dir demo-data
"""


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.command(name, short_help=help_line, epilog=example_text(_EXAMPLES))(demo)


def demo(  # noqa: PLR0913 - each is an option
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=DAYS_MAX, help="How far back it goes.")] = 30,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed draws other jobs.")] = 1,
    jobs_per_day: Annotated[
        int, typer.Option(metavar="N", min=1, max=JOBS_PER_DAY_MAX, help="On an ordinary weekday.")
    ] = 200,
    force: Annotated[bool, typer.Option("--force", help="Also where there are keys already.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fill an installation with a made-up tenant: 3 accounts, their processes, people, keys, and the jobs of a month.

    What it writes stays for ever, as all that is in the log. So it is for an installation of its own: it refuses where
    there are keys already, unless told to, and where a demo has been made before.
    """
    end = system_clock()
    clock = DemoClock(first_moment(end, days))
    # Not a first one, which would have ended weeks ago by the demo's clock.
    admin_password = generate_password()
    with open_context(data_dir, database_url, clock, admin_password=admin_password) as context:
        filling = Filling(context, clock, Random(seed), end)  # noqa: S311 - drawn again with the same seed
        _check_welcome(context, filling, force=force)
        jobs = make_jobs(
            Random(seed),  # noqa: S311 - as above
            begin=clock.now + timedelta(minutes=30),
            end=end,
            per_day=jobs_per_day,
        )
        _dont_wait_for_the_disk(context)
        filling.set_up()
        _fill(filling, jobs)
        document = _document(filling)
        if (admin := _first_admin(context, admin_password)) is not None:
            document["people"].append(admin)
        if as_json:
            show(CommandResult(document, {}), as_json=True)
        else:
            _explain(document)


def _check_welcome(context: OperatorContext, filling: Filling, *, force: bool) -> None:
    advice = "Choose another data directory: RPAWATCH_DATA_DIR=demo-data rpawatch demo"
    if filling.is_there():
        raise CommandError(f"A demo has been made here before, perhaps a part of one. {advice}")
    with context.services.database.get_connection() as connection:
        end = last_position(connection)
        in_use, _ = read_range(connection, after=0, until=end, limit=1, topics=["api_key.created"])
    if in_use and not force:
        raise CommandError(
            f"This installation is in use: it has API keys, and a demo can't be taken out again. {advice}, or say"
            " --force."
        )


def _dont_wait_for_the_disk(context: OperatorContext) -> None:
    # A demo has thousands of commits, each with a wait for the disk of one to ten milliseconds, and nothing in it that
    # would be missed after a crash. This holds for this session only, and it has one: commands go one by one.
    with context.services.database.get_connection() as connection:
        connection.execute("SET synchronous_commit = off")


def _fill(filling: Filling, jobs: list[DemoJob]) -> None:
    with ProgressBar("Reporting jobs") as progress:
        reported = count(1)
        filling.run(jobs, lambda: progress.update(next(reported), len(jobs)))


def _document(filling: Filling) -> dict[str, Any]:
    trial = filling.trial()
    return {
        "accounts": [{"id": str(filling.account_id(name)), "name": name} for name in ACCOUNTS],
        "processes": len(PROCESSES),
        "people": [
            {
                "email": person.email,
                "password": password,
                "name": person.name,
                "role": person.role.value,
                "account_name": person.account,
            }
            for person, password in filling.people
        ],
        "keys": [
            {"id": str(made.key_id), "name": made.key.name, "account_name": made.key.account} for made in filling.keys
        ],
        "jobs": filling.uses["accepted"],
        "replayed": filling.uses["replayed"],
        "rejected": filling.uses["rejected"],
        "trial": {
            "key": trial.secret.text,
            "account_name": TRIAL.account,
            "flow_id": str(_flow_to_try(filling)),
        },
    }


def _first_admin(context: OperatorContext, password: str) -> dict[str, Any] | None:
    """Return the first administrator where they were made just now, with this password."""
    admin, given = context.services.first_admin, context.settings.admin_password
    if admin is None or given is None or given.get_secret_value() != password:
        return None
    role = Role.TENANT_ADMIN.value
    return {"email": admin.email, "password": password, "name": "Administrator", "role": role, "account_name": None}


def _flow_to_try(filling: Filling) -> object:
    process = next(process for process in PROCESSES if process.account == TRIAL.account)
    return filling.flow_id(process.account, process.name)


def _explain(document: dict[str, Any]) -> None:
    show(
        CommandResult({"items": document["people"]}, _COLUMNS, blanks={"account_name": "(whole tenant)"}), as_json=False
    )
    notify("\nAnd a key that no robot uses, to try:")
    show(
        CommandResult(document["trial"], {"key": "Key", "account_name": "Account", "flow_id": "Process"}), as_json=False
    )
    notify(
        f"\nMade {len(document['accounts'])} accounts, {document['processes']} processes, {len(document['people'])}"
        f" people, {len(document['keys'])} keys and {document['jobs']} jobs"
        f" ({document['rejected']} reports were rejected, {document['replayed']} repeated)."
    )
    notify("To sign in, start `rpawatch serve`. Passwords and the key are shown only now.")
