"""The import arrows hold, and would be seen to break: each contract of pyproject.toml is broken here on purpose."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("domain", "application", "projections", "interfaces")
KNOWN_TO_THE_DOMAIN = {"eventsourcing", "pydantic"}


def contracts_of(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages and the pyproject.toml of `folder`."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    return subprocess.run(
        [*command, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def a_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in CODE:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_every_import_follows_the_arrows() -> None:
    result = contracts_of(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("package", "imports"),
    [
        ("domain", "application"),
        ("domain", "projections"),
        ("domain", "interfaces"),
        ("application", "projections"),
        ("application", "interfaces"),
        ("application/store", "application.command_queue"),
        ("application/store/log", "application.event_sourcing"),
        ("projections", "application"),
        ("projections", "interfaces"),
        ("domain", "eventsourcing.persistence"),
        ("domain", "eventsourcing.postgres"),
        ("domain", "psycopg.rows"),
        ("domain", "socket"),
        ("domain", "cryptography.x509"),
        ("domain/proof", "domain.model"),
        ("domain/proof", "pydantic"),
        ("application", "falcon.asgi"),
        ("projections", "rich.progress"),
        ("interfaces/queries", "interfaces.http.answers.keys"),
        ("interfaces/web", "interfaces.http.answers.keys"),
    ],
)
def test_an_import_against_the_arrows_is_found_and_named(a_copy: Path, package: str, imports: str) -> None:
    planted = a_copy / package / "planted.py"
    planted.write_text(f"import {imports}\n", encoding="utf-8")
    try:
        result = contracts_of(a_copy)
    finally:
        planted.unlink()
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{package.replace('/', '.')}.planted -> {imports.partition('.')[0]}" in re.sub(r"\s+", " ", result.stdout)


@pytest.mark.parametrize(
    ("package", "imports"),
    [
        ("domain", "eventsourcing.domain, eventsourcing.utils, pydantic"),
        ("projections", "application.store.log.reading"),
    ],
)
def test_a_package_may_import_what_it_is_built_on(a_copy: Path, package: str, imports: str) -> None:
    planted = a_copy / package / "planted.py"
    planted.write_text(f"import {imports}\n", encoding="utf-8")
    try:
        result = contracts_of(a_copy)
    finally:
        planted.unlink()
    assert result.returncode == 0, result.stdout + result.stderr


def test_nobody_but_the_log_knows_its_table() -> None:
    knows = [
        path.relative_to(ROOT).as_posix()
        for package in CODE
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"rpawatch\.(events|snapshots)|rpawatch_events|notification_id", path.read_text(encoding="utf-8"))
    ]
    assert {str(Path(name).parent) for name in knows} == {"application/store/log"}, knows


def test_no_runtime_dependency_was_forgotten_among_those_that_the_domain_must_not_import() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in config["tool"]["importlinter"]["contracts"]}
    forbidden = set(contracts["domain-pure"]["forbidden_modules"])
    dependencies = {canonical(re.split(r"[\[<>=!~; ]", text)[0]) for text in config["project"]["dependencies"]}
    modules = {
        module
        for module, distributions in packages_distributions().items()
        if dependencies & {canonical(name) for name in distributions}
    }
    importable = {module for module in modules if re.fullmatch(r"[a-z]\w*", module)}
    assert importable - KNOWN_TO_THE_DOMAIN - forbidden == set()


def canonical(name: str) -> str:
    """PEP 503's form of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()
