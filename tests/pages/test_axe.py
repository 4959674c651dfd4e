"""axe-core can't be had, or is another than the pinned one: that is told, and no test goes on without it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import axe
from tests.support.axe import AxeError, axe_script

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the one that keeps the package, and tries without pauses."""
    monkeypatch.setattr(axe, "FOLDER", tmp_path / "axe")
    monkeypatch.setattr(axe, "PAUSES", (0.0, 0.0, 0.0))
    return tmp_path / "axe"


def npm_that(does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a command in place of npm, which writes down each of its calls."""
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/calls"\n{does}\n', encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(axe, "NPM", str(npm))


def test_without_npm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axe, "NPM", "npm-that-is-not-there")
    with pytest.raises(AxeError, match="apt-get install npm"):
        axe_script()


def test_a_registry_that_is_away_is_asked_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("echo no such host; exit 1", tmp_path, monkeypatch)
    with pytest.raises(AxeError, match=r"in three tries.*\n.*no such host"):
        axe_script()
    assert (tmp_path / "calls").read_text().split("\n")[0].startswith(f"pack axe-core@{axe.VERSION}")
    assert len((tmp_path / "calls").read_text().splitlines()) == 3


def test_an_npm_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that("exec sleep 60", tmp_path, monkeypatch)
    monkeypatch.setattr(axe, "SECONDS_MAX", 0.05)
    with pytest.raises(AxeError, match="nothing for"):
        axe_script()


def test_another_package_is_thrown_away(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that(f"echo something else >axe-core-{axe.VERSION}.tgz", tmp_path, monkeypatch)
    with pytest.raises(AxeError, match="not the pinned one"):
        axe_script()
    assert list(folder.iterdir()) == []


def test_what_was_fetched_once_is_not_fetched_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    kept = axe.FOLDER / f"axe-core-{axe.VERSION}.tgz"
    script = axe_script()
    folder.mkdir()
    shutil.copy(kept, folder)
    monkeypatch.setattr(axe, "FOLDER", folder)
    npm_that("exit 1", tmp_path, monkeypatch)
    assert axe_script() == script
