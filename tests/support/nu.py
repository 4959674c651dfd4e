"""The Nu HTML checker, which knows the rules of HTML, CSS and SVG: from its npm package.

It runs on Java, Debian's default-jdk-headless, which is started once for all files that are to be checked: a start
takes longer than a page.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.npm_packages import installed

if TYPE_CHECKING:
    from collections.abc import Mapping

JAVA = "java"
SECONDS_MAX = 180
"""For all files together."""


class NuError(Exception):
    """The checker could not check; says what to do."""


def findings(files: Mapping[str, str]) -> list[str]:
    """Return what is wrong with files, whose names end with .html, .css or .svg; warnings and hints too.

    Raises NuError, also where there is nothing to check, and NpmError.
    """
    if not files:
        raise NuError("there is nothing to check")
    java = shutil.which(JAVA)
    if java is None:
        raise NuError(
            "Java, on which the checker runs, is not installed; on Debian: apt-get install default-jdk-headless"
        )
    jar = installed("nu") / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        checked = subprocess.run(
            [
                java,
                "-jar",
                jar,
                "--format",
                "json",
                "--exit-zero-always",
                "--also-check-css",
                "--also-check-svg",
                folder,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    try:
        messages = json.loads(checked.stderr)["messages"]
    except (ValueError, KeyError):
        raise NuError(f"the checker ended with {checked.returncode} and said: {checked.stderr[:2000]}") from None
    return [_finding(message) for message in messages]


def _finding(message: Mapping[str, object]) -> str:
    name = str(message.get("url", "")).rpartition("/")[2]
    kind = message.get("subType") or message["type"]
    return f"{name}:{message.get('lastLine', '-')}: {kind}: {message['message']} {str(message.get('extract', ''))!r}"
