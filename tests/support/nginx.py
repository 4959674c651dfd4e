"""Debian's nginx in front of a service, on free ports of this machine, with what docs/operating.md tells to set."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.service import free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATING: Final = Path(__file__).parents[2] / "docs" / "operating.md"
STOP_SECONDS_MAX: Final = 10.0
HOSTS: Final = ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]")
"""What it listens on: the last one sees clients of IPv4 as mapped ones, as does a proxy that listens on [::]."""

_CONFIGURATION: Final = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        {listen}
        {location}
    }}
}}
"""


def documented_location() -> str:
    """Return the block `location` that docs/operating.md shows."""
    found = re.findall(r"^location / \{\n.*?^\}$", OPERATING.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, "docs/operating.md shows one"
    return str(found[0])


def documented_settings() -> dict[str, str]:
    """Return the settings that docs/operating.md shows beside it."""
    text = OPERATING.read_text(encoding="utf-8")
    block = text[: text.index("\nlocation / {")].rpartition("```console\n")[2]
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


@contextmanager
def nginx_before(port: int, location: str | None = None) -> Iterator[dict[str, tuple[str, int]]]:
    """Run nginx before a service on 127.0.0.1, and give the address to connect to for each of HOSTS.

    location: its block, for another one than the documented.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "Debian's nginx is not installed; run tests/support/system_packages.sh nginx-light"
    with tempfile.TemporaryDirectory(prefix="rpawatch-nginx-") as name:
        folder = Path(name)
        places = {host: (host.strip("[]"), free_port()) for host in HOSTS}
        listen = [
            f"listen {host}:{place[1]}{' ipv6only=off' if 'ffff' in host else ''};" for host, place in places.items()
        ]
        block = re.sub(r"http://127\.0\.0\.1:\d+", f"http://127.0.0.1:{port}", location or documented_location())
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(folder=folder, user=user, listen=" ".join(listen), location=block), encoding="utf-8"
        )
        log = folder / "error.log"
        process = subprocess.Popen([program, "-p", folder, "-c", configuration, "-e", log], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: _listens(process, places, log), "nginx listens")
            yield places
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)


def _listens(process: subprocess.Popen[bytes], places: dict[str, tuple[str, int]], log: Path) -> bool:
    assert process.poll() is None, log.read_text(encoding="utf-8") if log.exists() else "nginx did not start"
    for place in places.values():
        with suppress(OSError):
            socket.create_connection(place, timeout=1).close()
            continue
        return False
    return True
