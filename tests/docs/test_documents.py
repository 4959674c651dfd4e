"""The documents are run: every `sh` block, in order, in an empty folder, against a service that listens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain import limits
from interfaces.http.operations import OPERATIONS
from interfaces.http.problems import PROBLEMS
from interfaces.settings import Settings
from tests.support.api import without_names
from tests.support.effort import in_time
from tests.support.service import free_port
from tests.support.waiting import wait_until
from tests.support.warm_command import warm_command

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ADMIN = {"RPAWATCH_ADMIN_EMAIL": "ada@example.com", "RPAWATCH_ADMIN_PASSWORD": "a long walk in the rain"}
WRITTEN_ADDRESS = "http://127.0.0.1:8000"
TELL_MODES = r"""rm() { find "${@: -1}" -name key.json -printf '%m %f\n'; command rm "$@"; }"""
"""Whatever removes a key first tells who could read it."""
WITHOUT_SERVICE = {"make run"}
"""Blocks that the fixture stands for: it has set up and serves."""
SIGNS_SOON = """
from projections.log_tree.follower import TreeFollower
TreeFollower.SIGN_SECONDS_MIN = 0.5
"""
"""What each process of the service begins with: a head of the log is signed soon, and not in up to a minute."""


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path) -> list[str]:
    found = re.findall(r"^```sh\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block.strip() for block in found if block.strip() not in WITHOUT_SERVICE]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the command `rpawatch`."""
    with warm_command(tmp_path_factory.mktemp("commands")) as folder:
        yield folder


@pytest.fixture(scope="module")
def signs_soon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the PYTHONPATH."""
    folder = tmp_path_factory.mktemp("signs")
    (folder / "sitecustomize.py").write_text(SIGNS_SOON, encoding="utf-8")
    return folder


@pytest.fixture
def service(tmp_path: Path, commands: Path, signs_soon: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A service as `make run` starts it, in an empty folder."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RPAWATCH_")} | ADMIN
    environment["PATH"] = f"{commands}:{BIN}:{environment['PATH']}"
    log = (tmp_path / "serve.log").open("wb")
    process = subprocess.Popen(
        [BIN / "rpawatch", "serve"],
        cwd=tmp_path,
        env=environment | {"RPAWATCH_LISTEN": f"127.0.0.1:{port}", "PYTHONPATH": str(signs_soon)},
        stdout=log,
        stderr=log,
    )
    try:

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "serve.log").read_text(encoding="utf-8")
            return _answers(port)

        wait_until(answers, "the service answers", seconds_max=in_time(60))
        yield f"http://127.0.0.1:{port}", environment
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=in_time(30)) == 0
        log.close()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("document", [d for d in documents() if blocks(d)], ids=lambda d: d.name)
def test_every_shell_block_of_a_document_runs(
    document: Path, service: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    address, environment = service
    script = "\n".join([TELL_MODES, *blocks(document)]).replace(WRITTEN_ADDRESS, address)
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment | {"RPAWATCH_URL": address, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=in_time(120),
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if document.name == "README.md":
        assert '"counts":{"total":3,"success":1,"failed":2,"skipped":0}' in done.stdout
        checkout = {path.name for path in tmp_path.iterdir()} - {"home", "serve.log", "rpawatch-data"}
        assert not checkout, "what `git add` would take"
        assert "600 key.json" in done.stdout
        assert not list(home.iterdir()), "the key is gone with the trial"


@pytest.mark.parametrize("document", documents(), ids=lambda d: d.name)
def test_links_in_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_setting_is_in_the_table_of_settings() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `RPAWATCH_{name.upper()}`"))
        assert field.description is not None
        assert field.description in row


def test_every_problem_of_the_ingest_api_is_in_its_document() -> None:
    text = (ROOT / "docs" / "ingest-api.md").read_text(encoding="utf-8")
    elsewhere = {
        "not-signed-in", "sign-in-failed", "csrf-token", "forbidden", "not-found", "method-not-allowed", "job-finished",
        "already-created", "invalid-request", "headers-too-large", "not-implemented",
        "key-ended", "no-proof-yet", "password-change-required",
    }  # fmt: skip
    for slug, kind in PROBLEMS.items():
        assert slug in elsewhere or f"| {kind.status} | `/problems/{slug}` |" in text, slug


def test_every_request_of_the_admin_api_is_in_its_document() -> None:
    text = (ROOT / "docs" / "admin-api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([A-Z]+ /[^`]+)` \|", text, re.MULTILINE)
    requests = set()
    for one in OPERATIONS:
        request = f"{one.method.upper()} {one.path.removeprefix('/api/v1')}"
        if one.tag == "Session":
            assert f"{request}`" in text
        elif one.tag not in {"Ingest", "Operation", "Documents"}:
            requests.add("GET /audit/…" if one.tag == "Proof" else without_names(request))
    assert sorted(map(without_names, shown)) == sorted(requests)


def test_the_limits_in_their_document_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    for number in (
        limits.DETAILS_MAX, limits.SUMMARY_CHARS_MAX, limits.TEXT_CHARS_MAX, limits.SEQUENCE_NO_MAX,
        limits.RATE_LIMIT_MAX, limits.PASSWORD_CHARS_MIN, limits.PASSWORD_CHARS_MAX, limits.EMAIL_CHARS_MAX,
        limits.IDEMPOTENCY_KEY_CHARS_MAX, limits.BAD_KEYS_PER_MINUTE_MAX, limits.JSON_DEPTH_MAX, limits.TAGS_MAX,
        limits.NUMBER_DIGITS_MAX,
    ):  # fmt: skip
        assert re.search(rf"\b{number:,}\b", text), number
