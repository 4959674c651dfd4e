"""Debian's PgBouncer in front of the PostgreSQL of a test run, with its files in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict

from psycopg.conninfo import conninfo_to_dict

from tests.support.postgres import url_with
from tests.support.service import END_WITH_US, free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

PoolMode: TypeAlias = Literal["session", "transaction", "statement"]

PROGRAM: Final = Path("/usr/sbin/pgbouncer")
"""Where Debian's package has it, which is not on the PATH of everybody."""
PACKAGE_USER: Final = "postgres"
"""As whom it runs where we are root, which it refuses to be. Debian's package brings this user."""
STOP_SECONDS: Final = 10


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class PgBouncer:
    """A PgBouncer in front of the server that `url` names, for as long as a `with` block.

    password: of the user, where the server asks for none. settings: of the section [pgbouncer]. What is not named is
    PgBouncer's own default.
    """

    def __init__(
        self, url: str, pool_mode: PoolMode = "session", *, password: str | None = None, **settings: str | int
    ) -> None:
        self._server = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        if password is not None:
            self._server["password"] = password
        self._pool_mode = pool_mode
        self._settings = settings
        self.port = 0

    def url(self, password: str | None = None) -> str:
        """Return how to reach the same database through it."""
        of_server = {"host": "127.0.0.1", "port": str(self.port), "sslmode": "disable"}
        return url_with("", **self._client() | of_server | ({"password": password} if password else {}))

    def _client(self) -> dict[str, str]:
        return {name: self._server[name] for name in ("user", "dbname", "password") if name in self._server}

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="rpawatch-pgbouncer-"))
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, on the port that it had before if it had one."""
        for _ in range(5):  # somebody may take the port between our look and its bind
            self.port = self.port or free_port()
            self._write_files()
            self._process = subprocess.Popen(
                [*END_WITH_US, PROGRAM, "-q", self._folder / "pgbouncer.ini"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
                **self._as_another(),
            )
            wait_until(lambda: self._process.poll() is not None or self._listens(), "PgBouncer")
            if self._process.poll() is None:
                return
            self.port = 0
        raise RuntimeError(f"PgBouncer did not start: {(self._folder / 'log').read_text()}")

    def stop(self) -> None:
        """End it at once, and with it every connection through it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue

    def reload(self, pool_mode: PoolMode) -> None:
        """Give it another mode while it goes on."""
        self._pool_mode = pool_mode
        self._write_files()
        log = self._folder / "log"
        before = log.read_text().count("RELOAD") + log.read_text().count("SIGHUP")
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.read_text().count("RELOAD") + log.read_text().count("SIGHUP") > before, "its reload")

    def _as_another(self) -> _As:
        """Where we are root, be whoever may enter the folder of the server's socket: the embedded one's is private."""
        if os.geteuid() != 0:
            return {}
        host = self._server.get("host", "")
        owner = pwd.getpwuid(Path(host).stat().st_uid) if host.startswith("/") else pwd.getpwnam(PACKAGE_USER)
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def _write_files(self) -> None:
        to = f"host='{self._server['host']}' port={self._server['port']}"
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "logfile": self._folder / "log",
            "auth_type": "trust",
            "auth_file": self._folder / "users",
            "pool_mode": self._pool_mode,
            "server_login_retry": 1,
            **self._settings,
        }
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        (self._folder / "pgbouncer.ini").write_text(f"[databases]\n* = {to}\n\n[pgbouncer]\n{lines}\n")
        user = f'"{self._server["user"]}" "{self._server.get("password", "any")}"\n'
        (self._folder / "users").write_text(user)
        if another := self._as_another():
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, another["user"], -1)

    def _listens(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0
