"""axe-core, which knows the rules of accessible pages: from its npm package."""

from __future__ import annotations

from tests.support.npm_packages import installed


def axe_script() -> str:
    """Return the script that puts `axe` into a page. Raises NpmError."""
    return (installed("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
