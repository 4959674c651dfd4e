from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from application.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, files
from application.store.embedded.files import Account, let_run
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 30.0
NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")

# Another process. Each line that it reads is something to do, each line that it writes is what came of it.
USER = """
import os, sys
from pathlib import Path
import structlog
from application.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, files

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
files.SYSTEM_USER = sys.argv[2]
if len(sys.argv) > 3:
    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
embedded = EmbeddedPostgres(Path(sys.argv[1]), deadline_seconds=20)

def fork():
    reading, writing = os.pipe()
    if child := os.fork():
        return child
    os.close(writing)
    os.read(reading, 1)  # returns when the parent, who alone could write, has ended
    os._exit(0)

actions = {"start": embedded.start, "stop": embedded.stop, "ensure": embedded.ensure_running, "fork": fork}
for line in sys.stdin:
    try:
        print(actions[line.strip()](), flush=True)
    except EmbeddedPostgresError as error:
        print("error:", error, flush=True)
"""


class User:
    """Another process that uses the data directory."""

    def __init__(self, data_dir: Path, *, uid: int | None = None, system_user: str = files.SYSTEM_USER) -> None:
        command = [sys.executable, "-c", USER, str(data_dir), system_user, *([] if uid is None else [str(uid)])]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, action: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{action}\n")
        self.process.stdin.flush()

    def result(self) -> str:
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], SECONDS_MAX)[0], "no answer in time"
        return self.process.stdout.readline().strip()

    def do(self, action: str) -> str:
        self.begin(action)
        return self.result()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS_MAX)


# Not pytest's own temporary folders: each pytest that starts closes them to others, also under a server that runs.
@pytest.fixture
def new_dir() -> Iterator[Path]:
    """Where a data directory may be made. Nothing may run on it when the test is over."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "data")
        assert_nothing_runs_on(Path(folder))


@pytest.fixture(scope="module")
def used_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        with EmbeddedPostgres(Path(folder) / "data"):
            pass
        yield Path(folder) / "data"


@pytest.fixture
def data_dir(used_dir: Path, new_dir: Path) -> Path:
    """A data directory that was used before: a copy, as making one takes ten times as long as starting on it."""
    subprocess.run(["cp", "-a", used_dir, new_dir], check=True)
    return new_dir


@pytest.fixture(scope="module")
def running(used_dir: Path) -> Iterator[tuple[Path, str]]:
    """The data directory of a server that no test changes, and how to connect to it."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        subprocess.run(["cp", "-a", used_dir, folder], check=True)
        environment.setenv("RPAWATCH_ADMIN_PASSWORD", "canary")
        with EmbeddedPostgres(Path(folder, used_dir.name)) as embedded:
            yield Path(folder, used_dir.name), embedded.conninfo
        assert_nothing_runs_on(Path(folder))


Users = Callable[..., User]


@pytest.fixture
def user() -> Iterator[Users]:
    """Make other processes, which end with the test."""
    users = []

    def make(data_dir: Path, *, uid: int | None = None, system_user: str = files.SYSTEM_USER) -> User:
        users.append(User(data_dir, uid=uid, system_user=system_user))
        return users[-1]

    yield make
    for one in users:
        one.kill()


def servers_on(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and Path(process.cwd()).is_relative_to(data_dir):
                found.append(process)
    return found


def assert_nothing_runs_on(data_dir: Path) -> None:
    try:
        wait_until(lambda: not servers_on(data_dir), "the end of the server", seconds_max=5)
    finally:
        for process in servers_on(data_dir):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def pid_of(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def kill_server(data_dir: Path) -> None:
    """Kill the server's main process alone, as an operator or the kernel would; its children leave by themselves."""
    process = psutil.Process(pid_of(data_dir))
    process.kill()
    wait_until(lambda: not is_running(process.pid), "the end of the killed server")


def is_running(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def write(conninfo: str, text: str) -> None:
    with psycopg.connect(conninfo, cursor_factory=psycopg.ClientCursor) as connection:  # the text in the statement
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text UNIQUE)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def read(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY text")]


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be an ordinary user for a moment, where we are root."""
    ourselves = os.geteuid()
    os.seteuid(ourselves or NOBODY)
    try:
        yield
    finally:
        os.seteuid(ourselves)


def error_of(action: Callable[[], object]) -> str:
    with pytest.raises(EmbeddedPostgresError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert "Error" not in message
    return message


def test_it_starts_from_nothing_and_keeps_data_across_a_stop_and_a_start(new_dir: Path) -> None:
    with EmbeddedPostgres(new_dir) as embedded:
        assert conninfo_to_dict(embedded.conninfo)["dbname"] == "rpawatch"
        write(embedded.conninfo, "kept")
        first = embedded.postmaster_pid
    assert first
    assert not is_running(first)
    with EmbeddedPostgres(new_dir) as embedded:
        assert embedded.postmaster_pid != first
        assert read(embedded.conninfo) == ["kept"]


def test_starting_and_stopping_twice_is_the_same_as_once(data_dir: Path) -> None:
    embedded = EmbeddedPostgres(data_dir)
    embedded.stop()
    assert embedded.ensure_running() is False
    assert embedded.start() == embedded.start() == embedded.conninfo
    embedded.stop()
    embedded.stop()
    assert embedded.ensure_running() is False
    assert "start()" in error_of(lambda: embedded.conninfo)


def test_the_server_is_set_up_to_lose_nothing_and_to_listen_to_nobody_else(running: tuple[Path, str]) -> None:
    wanted = {"fsync": "on", "data_checksums": "on", "listen_addresses": "", "server_encoding": "UTF8"}
    with psycopg.connect(running[1]) as connection:
        settings: dict[str, str] = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    assert {name: settings[name] for name in wanted} == wanted
    assert settings["max_connections"] == "100"
    assert settings["server_version"].startswith("18.")


def test_the_log_is_overwritten_after_a_week_and_holds_no_data(running: tuple[Path, str]) -> None:
    data_dir, conninfo = running
    write(conninfo, "canary")
    with pytest.raises(psycopg.errors.UniqueViolation):
        write(conninfo, "canary")
    log = max((data_dir / "postgres" / "log").iterdir(), key=os.path.getmtime)
    wait_until(lambda: "duplicate key" in log.read_text(), "the error in the log")
    assert "canary" not in log.read_text()
    assert log.name in {f"postgres-{day}.log" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def test_only_the_servers_user_and_root_can_reach_the_socket(running: tuple[Path, str]) -> None:
    assert (running[0] / "postgres").stat().st_mode & 0o777 == 0o700
    assert running[0].stat().st_mode & 0o666 == 0o600
    if os.geteuid() == 0:
        with closing(socket.socket(socket.AF_UNIX)) as stranger, somebody_else(), pytest.raises(PermissionError):
            stranger.connect(str(running[0] / "postgres" / ".s.PGSQL.5432"))


def test_the_server_holds_none_of_our_locks_and_knows_none_of_our_passwords(running: tuple[Path, str]) -> None:
    found = []
    for process in servers_on(running[0]):
        with suppress(psutil.NoSuchProcess):  # an autovacuum worker comes and goes
            found += [*process.environ().values(), *(file.path for file in process.open_files())]
    assert {text == "canary" or text.endswith(".lock") for text in found} == {False}


@as_root
def test_root_opens_the_folders_above_for_passing_only_and_reports_each(data_dir: Path) -> None:
    above = data_dir.parent / "a" / "b"
    above.mkdir(parents=True)
    data_dir.rename(above / "data").chmod(0o700)
    above.chmod(0o750)
    above.parent.chmod(0o755)
    with capture_logs() as logs, EmbeddedPostgres(above / "data"):
        pass
    assert above.stat().st_mode & 0o777 == 0o751
    assert above.parent.stat().st_mode & 0o777 == 0o755
    opened = [Path(log["folder"]) for log in logs if log["event"] == "embedded_postgres_folder_opened"]
    assert opened[-2:] == [above, above / "data"]
    assert above.parent not in opened
    with capture_logs() as logs, EmbeddedPostgres(above / "data"):
        assert "embedded_postgres_folder_opened" not in [log["event"] for log in logs]


@pytest.fixture
def new_user() -> Iterator[str]:
    """The name of a system user that is not there, and is gone again at the end."""
    name = f"rpawatch-{secrets.token_hex(4)}"
    yield name
    with suppress(KeyError):
        pwd.getpwnam(name)
        subprocess.run(["/usr/sbin/userdel", name], check=True, capture_output=True)


@as_root
@pytest.mark.parametrize("path", ["/usr/bin", "/nowhere", "", None])
def test_root_makes_the_servers_user_whatever_the_path_is(
    new_dir: Path, new_user: str, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    monkeypatch.setattr(files, "SYSTEM_USER", new_user)
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)
    new_dir.mkdir()
    for _ in range(2):
        account = files.server_account(new_dir, new_dir / "postgres")
        made = pwd.getpwnam(new_user)
        assert (account.uid, account.gid, account.switch) == (made.pw_uid, made.pw_gid, True)


@as_root
def test_the_server_runs_as_a_user_that_was_made_just_now_by_a_root_without_a_path(
    new_dir: Path, new_user: str, user: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PATH")
    other = user(new_dir, system_user=new_user)
    assert other.do("start").startswith("host=")
    assert psutil.Process(pid_of(new_dir)).username() == new_user
    assert other.do("stop") == "None"


@as_root
def test_what_keeps_root_from_making_the_servers_user_is_told_in_one_line(
    new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_dir.mkdir()
    monkeypatch.setattr(files, "SYSTEM_USER", "no:name")
    assert "(useradd: invalid user name" in error_of(EmbeddedPostgres(new_dir).start)
    monkeypatch.setattr(files, "ADMIN_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    assert "(there is no program useradd)" in error_of(EmbeddedPostgres(new_dir).start)


@as_root
def test_a_data_directory_of_an_ordinary_user_stays_theirs_when_root_uses_it(data_dir: Path, user: Users) -> None:
    let_run(Account(NOBODY, NOBODY, switch=True))
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", data_dir.parent], check=True)
    data_dir.chmod(0o700)
    with EmbeddedPostgres(data_dir) as roots:
        assert psutil.Process(roots.postmaster_pid).uids().real == NOBODY
    theirs = user(data_dir, uid=NOBODY)
    assert theirs.do("start").startswith("host=")
    with EmbeddedPostgres(data_dir) as roots:
        assert theirs.do("stop") == "None"
        write(roots.conninfo, "by root")
    assert theirs.do("start").startswith("host=")
    assert theirs.do("stop") == "None"
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_another_process_joins_and_the_last_to_leave_stops_the_server(data_dir: Path, user: Users) -> None:
    first, second = user(data_dir), user(data_dir)
    conninfo, pid = first.do("start"), pid_of(data_dir)
    assert second.do("start") == conninfo
    assert first.do("stop") == "None"
    write(conninfo, "still here")
    assert pid_of(data_dir) == pid
    assert second.do("stop") == "None"
    assert not is_running(pid)


def test_users_that_were_killed_do_not_count(data_dir: Path, user: Users) -> None:
    before, meanwhile = user(data_dir), user(data_dir)
    before.do("start")
    meanwhile.do("start")
    before.kill()
    pid = pid_of(data_dir)
    with EmbeddedPostgres(data_dir) as embedded:
        meanwhile.kill()
        assert embedded.postmaster_pid == pid
    assert not is_running(pid)


def test_a_fork_counts_as_a_user_until_it_ends(data_dir: Path, user: Users) -> None:
    parent = user(data_dir)
    parent.do("start")
    pid, child = pid_of(data_dir), int(parent.do("fork"))
    assert parent.do("stop") == "None"
    assert is_running(pid)
    parent.kill()
    wait_until(lambda: not is_running(child), "the end of the fork")
    with EmbeddedPostgres(data_dir) as embedded:
        assert embedded.postmaster_pid == pid
    assert not is_running(pid)


def test_two_processes_that_start_on_an_empty_directory_at_once_share_one_server(new_dir: Path, user: Users) -> None:
    users = [user(new_dir), user(new_dir)]
    for one in users:
        one.begin("start")
    assert len({one.result() for one in users}) == 1
    pid = pid_of(new_dir)
    for one in users:
        assert is_running(pid)
        assert one.do("stop") == "None"
    assert not is_running(pid)


def test_a_killed_server_comes_back_with_all_that_was_committed(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as embedded:
        write(embedded.conninfo, "committed")
        assert embedded.ensure_running() is False
        kill_server(data_dir)
        data_dir.parent.chmod(0o700)  # closed to the server's user, as somebody's clean-up may do
        assert embedded.postmaster_pid is None
        assert embedded.ensure_running() is True
        assert embedded.ensure_running() is False
        assert read(embedded.conninfo) == ["committed"]


def test_a_child_of_a_killed_server_that_computes_for_ever_does_not_keep_it_down(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as embedded, closing(psycopg.connect(embedded.conninfo)) as busy:
        child = psutil.Process(busy.info.backend_pid)
        busy.pgconn.send_query(b"DO 'BEGIN LOOP END LOOP; END'")
        wait_until(lambda: child.cpu_times().user > 0.05, "work of the child")
        kill_server(data_dir)
        assert is_running(child.pid)
        assert embedded.ensure_running() is True
        wait_until(lambda: not is_running(child.pid), "the end of the child")


def test_several_processes_that_miss_the_server_at_once_start_it_once(data_dir: Path, user: Users) -> None:
    users = [user(data_dir) for _ in range(3)]
    for one in users:
        one.do("start")
    kill_server(data_dir)
    for one in users:
        one.begin("ensure")
    assert sorted(one.result() for one in users) == ["False", "False", "True"]
    assert [one.do("stop") for one in users] == ["None"] * 3


@pytest.mark.parametrize("kind", ["living", "zombie"])
def test_a_pid_file_from_before_a_reset_that_names_another_program_does_not_block(data_dir: Path, kind: str) -> None:
    embedded = EmbeddedPostgres(data_dir)
    write(embedded.start(), "kept")
    cluster = data_dir / "postgres"
    owner = cluster.stat().st_uid if os.geteuid() == 0 else None
    kill_server(data_dir)
    wait_until(lambda: not servers_on(data_dir), "the end of its children")
    # PostgreSQL itself would start beside a process of another user, and refuse to beside one of its own.
    command = ["sleep", "20"] if kind == "living" else ["true"]
    with subprocess.Popen(command, user=owner, cwd=cluster) as foreign:
        wait_until(lambda: is_running(foreign.pid) == (kind == "living"), f"a process that is {kind}")
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            path = cluster / name
            path.write_text("\n".join([str(foreign.pid), *path.read_text().splitlines()[1:], ""]))
        assert embedded.ensure_running() is True
        assert read(embedded.conninfo) == ["kept"]
        embedded.stop()
        assert kind == "zombie" or foreign.poll() is None, "the foreign process was touched"
        foreign.kill()


def test_a_path_too_long_for_a_socket_gets_a_private_folder_which_nobody_can_plant(data_dir: Path) -> None:
    embedded = EmbeddedPostgres(data_dir.rename(data_dir.with_name("long" * 25)))
    private = Path(str(conninfo_to_dict(embedded.start())["host"]))
    assert private.parent == Path("/tmp")  # noqa: S108
    assert private.stat().st_mode & 0o777 == 0o700
    write(embedded.conninfo, "reached")
    embedded.stop()
    assert not private.exists()
    private.mkdir()
    private.chmod(0o777)
    try:
        assert "not private" in error_of(embedded.start)
    finally:
        private.rmdir()


def test_a_path_that_a_shell_or_libpq_would_take_apart_is_taken_whole(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir.rename(data_dir.with_name('it\'s "odd", $HOME `x`'))) as embedded:
        write(embedded.conninfo, "reached")


def test_the_users_own_settings_for_postgresql_and_a_missing_home_change_nothing(
    new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = new_dir.with_name("elsewhere")
    theirs = {"PGHOST": "nowhere.invalid", "PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGUSER": "somebody"}
    theirs |= {"PGDATA": str(elsewhere), "PGOPTIONS": "-c default_transaction_read_only=on", "PGSSLMODE": "verify-full"}
    theirs |= {"PGREQUIREAUTH": "scram-sha-256", "PGTARGETSESSIONATTRS": "standby", "HOME": ""}
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(new_dir) as embedded:
        write(embedded.conninfo, "kept")
    monkeypatch.delenv("HOME")
    with EmbeddedPostgres(new_dir) as embedded:
        assert read(embedded.conninfo) == ["kept"]
    assert not elsewhere.exists()


def test_a_first_start_that_was_interrupted_is_begun_anew(new_dir: Path) -> None:
    half_made = new_dir / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(new_dir) as embedded:
        write(embedded.conninfo, "reached")
    assert not half_made.exists()


def test_data_that_went_away_under_a_running_service_is_not_replaced_by_an_empty_store(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as embedded:
        kill_server(data_dir)
        wait_until(lambda: not servers_on(data_dir), "the end of its children")
        (data_dir / "postgres").rename(data_dir / "away")
        assert "is gone" in error_of(embedded.ensure_running)
        assert not (data_dir / "postgres").exists()


def test_a_data_directory_that_is_a_file_or_may_not_be_written_to_is_refused_in_one_line(new_dir: Path) -> None:
    new_dir.mkdir(mode=0o500)
    file = new_dir.with_name("file")
    file.touch()
    for refused in (file, file / "below"):
        assert "set RPAWATCH_DATA_DIR to a folder" in error_of(EmbeddedPostgres(refused).start)
    with somebody_else():
        for refused in (new_dir, new_dir / "below"):
            assert "give the data directory to the user" in error_of(EmbeddedPostgres(refused).start)


def test_files_that_are_no_cluster_are_left_alone(new_dir: Path) -> None:
    mine = new_dir / "postgres" / "letter.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("dear")
    assert "move them away" in error_of(EmbeddedPostgres(new_dir).start)
    assert mine.read_text() == "dear"


def test_a_cluster_of_another_version_or_with_a_broken_configuration_is_refused_in_one_line(data_dir: Path) -> None:
    with (data_dir / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    # What an earlier server said, at its end or before: no reason of this start.
    (data_dir / "postgres" / "log" / "postgres-Mon.log").write_text("FATAL:  terminating connection\n")
    assert "contains errors" in error_of(EmbeddedPostgres(data_dir).start)
    (data_dir / "postgres" / "PG_VERSION").write_text("16\n")
    assert "PostgreSQL 16" in error_of(EmbeddedPostgres(data_dir).start)


def test_nobody_waits_for_ever_for_a_process_that_hangs_in_a_start_or_for_a_server_that_hangs(data_dir: Path) -> None:
    hasty = EmbeddedPostgres(data_dir, deadline_seconds=0.1)
    with (data_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another process" in error_of(hasty.start)
    with EmbeddedPostgres(data_dir) as embedded:
        (server := psutil.Process(embedded.postmaster_pid)).send_signal(signal.SIGSTOP)
        try:
            assert "takes no connections" in error_of(hasty.start)
            assert embedded.ensure_running() is False
        finally:
            server.send_signal(signal.SIGCONT)
