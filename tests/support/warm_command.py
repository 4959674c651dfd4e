"""The command `rpawatch` for whoever runs many of them: each is a fork of a process that has imported all it needs.

Most of the time of a command is Python importing the service. That a command starts by itself, too, is tested where
commands are (tests/interfaces/cli).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interfaces.cli import main
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_ASKED_BYTES_MAX = 1024 * 1024
_COMMAND = """#!{python} -SE
import json, os, signal, socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect({address!r})
asked = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(asking, [len(asked).to_bytes(4, "big")], [0, 1, 2])
asking.sendall(asked)
answers = asking.makefile()
pid = int(answers.readline())
for number in signal.SIGINT, signal.SIGTERM:
    signal.signal(number, lambda number, _: os.kill(pid, number))
sys.exit(int(answers.readline()))
"""


@contextmanager
def warm_command(folder: Path) -> Iterator[Path]:
    """Give a folder with the command in it, for the PATH, for as long as the block. folder: an empty one for it."""
    address = str(folder / "asked")
    command = folder / "rpawatch"
    command.write_text(_COMMAND.format(python=sys.executable, address=address), encoding="utf-8")
    command.chmod(0o755)
    keeper = subprocess.Popen([sys.executable, "-m", "tests.support.warm_command", address], cwd=ROOT)
    try:
        wait_until(lambda: keeper.poll() is not None or Path(address).exists(), "commands are asked for")
        yield folder
    finally:
        keeper.terminate()
        keeper.wait()


def _keep(address: str) -> None:
    """Import what commands need, and fork for each that is asked for."""
    for module, _ in main.COMMANDS.values():
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that none who answers has to be waited for
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}-soon")
        listening.listen(16)
        Path(f"{address}-soon").rename(address)  # now it can be asked
        while True:
            asking, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(asking, main.main)
            asking.close()


def _answer(asking: socket.socket, run: Any) -> None:
    """Run a command in a further process, and tell its exit code. Does not return."""
    size, outputs, _, _ = socket.recv_fds(asking, 4, 3)
    asked = b""
    while len(asked) < int.from_bytes(size, "big"):
        asked += asking.recv(_ASKED_BYTES_MAX)
    arguments, folder, environment = json.loads(asked)
    pid = os.fork()
    if pid == 0:
        asking.close()
        for number, output in enumerate(outputs):
            os.dup2(output, number)
            os.close(output)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - for good
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments
        run()
    for output in outputs:
        os.close(output)
    with suppress(OSError):
        asking.sendall(f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        asking.sendall(f"{code if code >= 0 else 128 - code}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    _keep(sys.argv[1])
