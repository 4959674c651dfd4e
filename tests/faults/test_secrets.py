"""No key, password or token is left lying about: not in the process list, logs, or anything that the database keeps."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql

from domain import key_secret
from tests.support.api import ACCOUNTS, REPORT, SESSION
from tests.support.service import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, Service
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PUBLIC_CHARS = len(key_secret.MARK) + 8
"""Of a key: its prefix is shown in lists, and may stand anywhere."""


def test_no_secret_is_in_the_process_list_the_logs_or_the_database(
    installation: Installation, service: Service
) -> None:
    desk = installation.desk()
    robot = desk.robot()
    secrets = [ADMIN_PASSWORD, *desk.secrets]
    # What works, and what goes wrong with a secret in hand: each way in which one could get into a log.
    assert robot.report().status == 201
    assert robot.report(robot_id="").status == 422
    assert robot.send(robot.secret.text.encode()).status == 400
    assert service.ask("GET", f"/{robot.secret.text}").problem == "key-in-url"
    assert service.ask("GET", f"{ACCOUNTS}?key={robot.secret.text}", headers=desk.headers).problem == "key-in-url"
    assert service.ask("GET", ACCOUNTS, headers={"X-Request-Id": robot.secret.text} | desk.headers).status == 200
    assert service.ask("POST", REPORT, headers={"X-API-Key": robot.secret.text + "x"}, body=b"{}").status == 401
    assert service.ask("GET", ACCOUNTS, headers={"Authorization": f"Bearer {desk.secrets[0]}x"}).status == 401
    sign_in = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    assert service.ask("POST", SESSION, json=sign_in | {"password": ADMIN_PASSWORD + "!"}).status == 401
    assert service.ask("POST", SESSION, json=sign_in | {"colour": ADMIN_PASSWORD}).status == 422
    assert service.ask("POST", SESSION, json=sign_in).status == 200
    assert desk.post(f"/{desk.account_id}/keys", {"name": "", "key": robot.secret.text}).status == 422
    repeated = {"Idempotency-Key": str(uuid4())}
    made = [desk.post(f"/{desk.account_id}/keys", {"name": "Twice"}, repeated) for _ in range(2)]
    assert [answer.status for answer in made] == [201, 409]
    secrets.append(made[0].json["key"])
    assert desk.deactivate(robot).status == 200
    assert robot.report().status == 401
    assert found_in_files(secrets, [installation.folder]) == []
    assert found_in_database(secrets, installation.conninfo()) == []
    assert found_in_processes(secrets, but={one.process.pid for one in installation.services}) == []


def test_an_internal_error_leaves_neither_a_secret_nor_what_a_robot_sent_in_the_log(
    installation: Installation, service: Service
) -> None:
    desk = installation.desk()
    robot = desk.robot()
    sent = f"what robots send is their account's own {uuid4()}"
    with (
        psycopg.connect(installation.conninfo(), autocommit=True) as operator,
        table_taken_away(operator, "users"),
        table_taken_away(operator, "events"),
    ):
        failed = [
            service.ask("POST", SESSION, json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}),
            service.ask("GET", ACCOUNTS, headers=desk.headers),
            desk.post(f"/{desk.account_id}/processes", {"name": sent}),
            robot.report(result_summary=sent),
        ]
    assert [answer.status for answer in failed] == [500] * 4
    assert {answer.problem for answer in failed} == {"internal-error"}
    wait_until(lambda: service.said().count('"event":"internal_error"') >= len(failed), "the log says so")
    assert found_in_files([ADMIN_PASSWORD, *desk.secrets, sent], [installation.folder]) == []


def test_a_secret_that_is_left_lying_about_is_found(
    installation: Installation, service: Service, tmp_path: Path
) -> None:
    assert service.runs()
    secret = key_secret.generate().text
    shown = secret[:PUBLIC_CHARS]
    (tmp_path / "planted").write_bytes(b"..." + secret.encode() + b"...")
    (tmp_path / "prefix").write_text(shown, encoding="utf-8")
    assert found_in_files([secret], [tmp_path]) == [str(tmp_path / "planted")]
    with psycopg.connect(installation.conninfo()) as connection:
        connection.execute("CREATE TABLE rpawatch.planted (plain text, bytes bytea, list text[])")
        connection.execute(
            "INSERT INTO rpawatch.planted VALUES (%(none)s, %(bytes)s, NULL), (%(none)s, NULL, %(list)s)",
            {"none": shown, "bytes": secret.encode(), "list": [secret]},
        )
        assert found_in_tables([secret], connection) == ["rpawatch.planted", "rpawatch.planted"]
        connection.rollback()
    asleep = [sys.executable, "-c", "input()"]
    for command, environment in (([*asleep, secret], {}), (asleep, {"PLANTED": secret})):
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as planted:
            assert found_in_processes([secret]) == [planted.pid]
            planted.communicate(b"\n")


@contextmanager
def table_taken_away(operator: psycopg.Connection, name: str) -> Iterator[None]:
    """Let nobody find a table within the block: an error that nobody thought of."""
    table, elsewhere = sql.Identifier("rpawatch", name), sql.Identifier(f"{name}_elsewhere")
    operator.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(table, elsewhere))
    try:
        yield
    finally:
        there = sql.Identifier("rpawatch", f"{name}_elsewhere")
        operator.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(there, sql.Identifier(name)))


def hidden_part(secret: str) -> str:
    """The part of a secret that nobody may see."""
    return secret[PUBLIC_CHARS:] if secret.startswith(key_secret.MARK) else secret


def holds(content: bytes, secrets: Iterable[str]) -> bool:
    """Whether a content holds one of the secrets, or anything else that is a key and no prefix of one."""
    return any(hidden_part(secret).encode() in content for secret in secrets) or bool(
        key_secret.LOOKS_LIKE_A_KEY.search(content.decode("latin-1") if key_secret.MARK.encode() in content else "")
    )


def found_in_files(secrets: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """The files that hold a secret: logs, and what PostgreSQL keeps, its write-ahead log too."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        # A running server removes files.
        with suppress(FileNotFoundError):
            if holds(path.read_bytes(), secrets):
                found.append(str(path))
    return found


def found_in_database(secrets: Iterable[str], conninfo: str) -> list[str]:
    """The tables that hold a secret, as a dump of the database would show them; and what the server says of itself."""
    with psycopg.connect(conninfo) as connection:
        return found_in_tables(secrets, connection)


def found_in_tables(secrets: Iterable[str], connection: psycopg.Connection) -> list[str]:
    """The tables, once for each row that holds a secret."""
    tables = connection.execute(
        "SELECT schemaname, relname FROM pg_stat_user_tables"
        " UNION ALL VALUES ('pg_catalog', 'pg_stat_activity'), ('pg_catalog', 'pg_prepared_statements')"
    ).fetchall()
    assert ("rpawatch", "events") in tables
    assert ("rpawatch", "sessions") in tables
    found = []
    for schema, table in tables:
        rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
        found += [f"{schema}.{table}" for row in rows if holds(b"\n".join(map(as_bytes, row)), secrets)]
    return found


def as_bytes(value: object) -> bytes:
    """A value of the database as it is searched."""
    return value if isinstance(value, bytes) else str(value).encode()


def found_in_processes(secrets: Iterable[str], *, but: Iterable[int] = ()) -> list[int]:
    """The processes that show a secret to others in their arguments, or pass it on in their environment.

    but: whose environment may hold one. The service is given its administrator's password there.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            shown = " ".join(process.cmdline())
            if process.pid not in but:
                with suppress(psutil.AccessDenied):
                    shown += " ".join(process.environ().values())
            if any(hidden_part(secret) in shown for secret in secrets):
                found.append(process.pid)
    return found
