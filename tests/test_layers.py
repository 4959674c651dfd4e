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


@pytest.fixture
def a_copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in CODE:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def plant(copy: Path, imports: tuple[tuple[str, str], ...]) -> list[str]:
    """Write a module for each of these imports, which nobody imports in turn; return what each has to be called."""
    for number, (package, imported) in enumerate(imports):
        (copy / package / f"planted_{number}.py").write_text(f"import {imported}\n", encoding="utf-8")
    return [
        f"{package.replace('/', '.')}.planted_{number} -> {imported.partition('.')[0]}"
        for number, (package, imported) in enumerate(imports)
    ]


AGAINST_THE_ARROWS = (
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
)
ALLOWED = (
    ("domain", "eventsourcing.domain, eventsourcing.utils, pydantic"),
    ("projections", "application.store.log.reading"),
)
"""What a package is built on."""


def test_every_import_follows_the_arrows_and_a_package_may_import_what_it_is_built_on(a_copy: Path) -> None:
    plant(a_copy, ALLOWED)
    result = contracts_of(a_copy)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_import_against_the_arrows_is_found_and_named(a_copy: Path) -> None:
    planted = plant(a_copy, AGAINST_THE_ARROWS)
    result = contracts_of(a_copy)
    assert result.returncode == 1, result.stdout + result.stderr
    said = re.sub(r"\s+", " ", result.stdout)
    assert [one for one in planted if f"{one} " not in said and f"{one}." not in said] == [], said
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [contract["name"] for contract in config["tool"]["importlinter"]["contracts"]]
    assert [name for name in names if f"{name} BROKEN" not in said] == [], said


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
