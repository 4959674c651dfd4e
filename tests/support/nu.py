"""The Nu HTML checker, which knows the rules of HTML, CSS and SVG: from its npm package, pinned by version and digest.

Asked for when the tests run, as axe-core is (tests/support/axe.py), and kept in build/nu. It runs on Java, Debian's
default-jre-headless, which is started once for all files that are to be checked: a start takes longer than a page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.axe import PAUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "26.9.27"
SHA512 = "TkQd5DFfOaWC9ebtvozTsrH2Vaod3jYg+vrOeREzIXxBexLz9+rS2DNtjn7+RPUiZhgli0SghgBX6RJRNea0KA=="
"""Of the package, as `npm view vnu-jar@VERSION dist.integrity` has it."""
FOLDER = Path(__file__).parents[2] / "build" / "nu"
NPM = "npm"
JAVA = "java"
_JAR = "package/build/dist/vnu.jar"
SECONDS_MAX = 180
"""For the package, which has 30 MB; and for all files together."""


class NuError(Exception):
    """The checker can't be had, or is not the one that was pinned, or could not check; says what to do."""


def findings(files: Mapping[str, str]) -> list[str]:
    """Return what is wrong with files, whose names end with .html, .css or .svg; warnings and hints too.

    Raises NuError, also where there is nothing to check.
    """
    if not files:
        raise NuError("there is nothing to check")
    java = shutil.which(JAVA)
    if java is None:
        raise NuError(
            "Java, on which the checker runs, is not installed; on Debian: apt-get install default-jre-headless"
        )
    jar = _jar()
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


def _jar() -> Path:
    """Return the checker, unpacked. Raises NuError."""
    jar = FOLDER / f"vnu-{VERSION}.jar"
    if jar.exists():
        return jar
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        package = _fetched(Path(scratch))
        found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if found != SHA512:
            raise NuError(
                f"vnu-jar {VERSION} has the digest {found}, not the pinned one; it was thrown away: run it again"
            )
        unpacked = Path(scratch, "vnu.jar")
        with tarfile.open(package) as files, unpacked.open("wb") as target:
            source = files.extractfile(_JAR)
            if source is None:
                raise NuError(f"vnu-jar {VERSION} has no {_JAR}")
            shutil.copyfileobj(source, target)
        unpacked.replace(jar)  # whole or not at all, also when two runs ask at the same time
    return jar


def _fetched(folder: Path) -> Path:
    npm = shutil.which(NPM)
    if npm is None:
        raise NuError("npm, which the checker comes from, is not installed; on Debian: apt-get install npm")
    package, said = folder / f"vnu-jar-{VERSION}.tgz", ""
    for pause in PAUSES:
        try:
            packed = subprocess.run(
                [npm, "pack", f"vnu-jar@{VERSION}", "--loglevel=error"],
                cwd=folder,
                env=os.environ | {"npm_config_update_notifier": "false"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            said = f"nothing for {SECONDS_MAX} s"
        else:
            said = packed.stdout
            if package.exists():
                return package
        time.sleep(pause)
    raise NuError(f"npm could not get vnu-jar {VERSION} in three tries; what it said last:\n{said}")
