"""What must not be in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINARY_BYTES_MAX = 1024 * 1024

# Put together here, or this file would be the first that breaks the rule.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("registry", "npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("apt", "postgresql", "org"),
    )
)
MACHINES = re.compile(r"(?<![\w.~-])/(?:root\b|(?:home|Users|work|workspace|builds)/[A-Za-z])|[A-Za-z]:[\\]Users\b")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def files_of_the_tree() -> list[Path]:
    """Return what is committed or would be: tracked files, and new ones that .gitignore lets through."""
    # The checkout may belong to another user than the one who runs the tests, as in CI.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({path for name in listing.split("\0") if name and (path := ROOT / name).is_file()})


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Each text file by its path from the root."""
    contents = ((path, path.read_bytes()) for path in files_of_the_tree())
    return {
        path.relative_to(ROOT).as_posix(): data.decode("utf-8", "replace")
        for path, data in contents
        if b"\0" not in data
    }


def lines_that_match(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_the_tree_is_not_empty(texts: dict[str, str]) -> None:
    assert {"pyproject.toml", "Makefile", "requirements.lock", "tests/test_tree.py"} <= texts.keys()


def test_no_file_names_the_host_of_a_package_registry(texts: dict[str, str]) -> None:
    assert lines_that_match(texts, re.compile("|".join(map(re.escape, REGISTRY_HOSTS)), re.IGNORECASE)) == []


def test_no_file_holds_a_path_of_a_developers_machine(texts: dict[str, str]) -> None:
    assert lines_that_match(texts, MACHINES) == []


@pytest.mark.parametrize(
    ("path", "separator"), [("|home|ann", "/"), ("file:|||Users|ann", "/"), ("C:|Users|ann", "\\")]
)
def test_a_path_of_a_developers_machine_is_recognised(path: str, separator: str) -> None:
    assert MACHINES.search(path.replace("|", separator))


@pytest.mark.parametrize("path", ["/var/lib/rpawatch", "/opt/rpawatch", "example.com/home/news", "docs/work/notes"])
def test_other_paths_are_not_taken_for_one(path: str) -> None:
    assert not MACHINES.search(path)


def test_nothing_is_left_to_do_in_a_comment(texts: dict[str, str]) -> None:
    assert lines_that_match(texts, UNFINISHED) == []


def test_no_big_binary_is_in_the_tree() -> None:
    big = [path for path in files_of_the_tree() if path.stat().st_size > BINARY_BYTES_MAX]
    assert [path.relative_to(ROOT).as_posix() for path in big if b"\0" in path.read_bytes()] == []
