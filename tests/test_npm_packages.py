"""What the tests need from npm can't be had, or is another than the pinned one: that is told, and nothing goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import npm_packages
from tests.support.npm_packages import SETS, NpmError, installed, node

ALL = sorted(path.name for path in SETS.iterdir())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the one that keeps the packages, and tries without pauses."""
    monkeypatch.setattr(npm_packages, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(npm_packages, "PAUSES", (0.0, 0.0, 0.0))
    return tmp_path / "kept"


def npm_that(does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a command in place of npm, which writes down each of its calls."""
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\n{does}\n', encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(npm_packages, "NPM", str(npm))


def test_without_npm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm_packages, "NPM", "npm-that-is-not-there")
    with pytest.raises(NpmError, match="apt-get install npm"):
        installed("axe")


def test_a_registry_that_is_away_is_asked_three_times(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that("mkdir node_modules; echo no such host; exit 1", tmp_path, monkeypatch)
    with pytest.raises(NpmError, match=r"in three tries.*\n.*no such host"):
        installed("axe")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[:2] for call in calls] == [["ci", "--ignore-scripts"]] * 3
    assert list(folder.iterdir()) == []


def test_an_npm_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("exec sleep 60", tmp_path, monkeypatch)
    monkeypatch.setattr(npm_packages, "SECONDS_MAX", 0.05)
    with pytest.raises(NpmError, match="nothing for"):
        installed("axe")


def test_another_package_than_the_pinned_one_is_not_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(SETS, tmp_path / "sets"))
    lock = copy / "axe" / "package-lock.json"
    found = json.loads(lock.read_text())["packages"]["node_modules/axe-core"]["integrity"]
    lock.write_text(lock.read_text().replace(found, "sha512-" + "A" * 86 + "=="))
    monkeypatch.setattr(npm_packages, "SETS", copy)
    with pytest.raises(NpmError, match="EINTEGRITY"):
        installed("axe")
    assert list(folder.iterdir()) == []


def test_what_was_installed_once_is_not_installed_again_until_its_lock_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(SETS, tmp_path / "sets"))
    monkeypatch.setattr(npm_packages, "SETS", copy)
    npm_that("mkdir -p node_modules/it", tmp_path, monkeypatch)
    first = installed("axe")
    assert (first / "node_modules" / "it").is_dir()
    assert installed("axe") == first
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    with (copy / "axe" / "package-lock.json").open("a") as lock:
        lock.write("\n")
    assert installed("axe") != first


@pytest.mark.parametrize("name", ALL)
def test_every_package_is_pinned_by_version_and_digest_and_by_no_host(name: str) -> None:
    asked = json.loads((SETS / name / "package.json").read_text())
    locked = json.loads((SETS / name / "package-lock.json").read_text())["packages"]
    own = locked.pop("")
    assert own["dependencies"] == asked["dependencies"], "run make lock"
    for path, package in locked.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path
    for package, version in asked["dependencies"].items():
        assert locked[f"node_modules/{package}"]["version"] == version


def test_the_node_that_runs_them_is_one_that_they_take() -> None:
    said = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout
    assert int(said.removeprefix("v").split(".")[0]) >= 22
