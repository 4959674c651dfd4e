"""The walk through one feature in docs/architecture.md: its excerpts stand in the files that it names."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
_EXCERPT = re.compile(r"^```python\n# (\S+)\n(.+?)^```$", re.MULTILINE | re.DOTALL)
EXCERPTS = _EXCERPT.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))


def stripped(text: str) -> str:
    """Return the lines of a text without what they are indented by, each of them."""
    return "\n".join(line.strip() for line in dedent(text).strip().splitlines())


def test_the_walk_goes_through_every_layer() -> None:
    assert {path.rpartition("/")[0] for path, _ in EXCERPTS} == {
        "domain",
        "application",
        "interfaces/http",
        "interfaces/web",
        "interfaces/cli",
    }


@pytest.mark.parametrize(("path", "excerpt"), EXCERPTS, ids=lambda value: value.split("\n")[0][:40])
def test_an_excerpt_stands_in_its_file(path: str, excerpt: str) -> None:
    assert stripped(excerpt) in stripped((ROOT / path).read_text(encoding="utf-8"))
