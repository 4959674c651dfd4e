"""PostgreSQL's own programs: with which settings they are called, as whom, and what they said.

The settings are given at each start and not written to a file of the cluster, so that a new release brings its own.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from application.store.embedded.files import BINARIES, PORT, Account, open_private

if TYPE_CHECKING:
    from pathlib import Path

INITDB_OPTIONS: Final = (
    "--username=postgres",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    # PostgreSQL's own Unicode rules: the same on every machine, whatever locales its operating system has or updates.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    # A default, which an operator may change in postgresql.conf. SETTINGS win over that file.
    "--set=max_connections=100",
)

SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "cluster_name": "rpawatch",
    "timezone": "UTC",
    # A file per day of the week, overwritten a week later: bounded, with nobody who has to tidy up.
    "logging_collector": "on",
    "log_destination": "stderr",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    # Neither statements nor the values of a duplicate key: the log is no place for what accounts send.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

LOG_TAIL_BYTES: Final = 64 * 1024

# What a server says as the last thing before it writes to its own log.
GOES_TO_ITS_LOG: Final = "redirecting log output"

# What the loader of the binaries may need. Nothing else of the environment goes to the server: not the user's own
# PGDATA and PGHOST, and no password of the service, which would stand in /proc for as long as the server runs.
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES")


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs for one cluster, run as `account`. Every method raises OSError.

    start_log: a file for what they say until the server has opened its own log; replaced at each call.
    """

    account: Account
    start_log: Path

    def make_cluster(self, folder: Path, until: float) -> bool:
        """Make a cluster in an empty folder of the server's user; return whether that worked."""
        return self._run("initdb", f"--pgdata={folder}", *INITDB_OPTIONS, folder=folder, until=until)

    def start_server(self, folder: Path, private: Path, until: float) -> bool:
        """Start the server of a cluster with its socket in `private`; return whether it took connections in time."""
        quoted = str(private).replace('"', '""')
        settings = SETTINGS | {"unix_socket_directories": f'"{quoted}"'}
        # pg_ctl hands these to a shell, and would put the folder in plain double quotes there had it got it as -D. So
        # it finds it in PGDATA, and the server gets it from here, well quoted, for those who look at a process list.
        options = shlex.join(["-D", str(folder), *(f"--{name}={value}" for name, value in settings.items())])
        seconds = max(1, math.ceil(until - time.monotonic()))
        arguments = ("start", "--wait", f"--timeout={seconds}", f"--options={options}")
        # pg_ctl keeps its own deadline; ours, a little later, is for a pg_ctl that hangs.
        return self._run("pg_ctl", *arguments, folder=folder, until=until + 5)

    def why_not(self, folder: Path) -> str:
        """Return the line in which the last start first said what was wrong, or else its last line."""
        lines = self._said(folder)
        # The latter is what those hear who came too early.
        wrong = [line for line in lines if re.search(r"\b(FATAL|PANIC|error): +(?!the database system is)", line)]
        return wrong[0] if wrong else lines[-1]

    def last_words(self, folder: Path) -> str:
        """Return the last line that the server or the programs said."""
        return self._said(folder)[-1]

    def _said(self, folder: Path) -> list[str]:
        """Return the lines since the last start, at least one."""
        text = _tail(self.start_log) if self.start_log.exists() else ""
        # A server that got no further has left in its own log only how an earlier one ended.
        if not text or GOES_TO_ITS_LOG in text:
            for log in sorted((folder / "log").glob("postgres-*.log"), key=lambda log: log.stat().st_mtime_ns):
                text += _tail(log)
        # The server's log goes on from one start to the next.
        lines = text.rpartition("starting PostgreSQL")[2].splitlines()
        return [line.strip() for line in lines if line.strip()] or ["(nothing)"]

    def _run(self, program: str, *arguments: str, folder: Path, until: float) -> bool:
        log = open_private(self.start_log, os.O_WRONLY | os.O_TRUNC)
        switch = self.account.switch
        try:
            finished = subprocess.run(
                [BINARIES / program, *arguments],
                cwd=folder,  # and not the caller's, which the server's user may not be allowed to enter
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
                | {"PGDATA": str(folder), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.account.uid if switch else None,
                group=self.account.gid if switch else None,
                extra_groups=[] if switch else None,
                umask=0o077,
                timeout=max(0.1, until - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        finally:
            os.close(log)
        return finished.returncode == 0


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        return log.read().decode(errors="replace")
