"""Asks axe-core what is wrong with a page for those who can't see it, or use no mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.axe import axe_script

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(node => node.html).join("\\n  ")}`);
}"""


class Axe:
    """The rules of axe-core, all of them. Raises NpmError when they can't be had."""

    def __init__(self) -> None:
        self._script = axe_script()

    def violations(self, page: Page) -> list[str]:
        """Return which rules the page breaks, as it stands, and where."""
        if not page.evaluate("'axe' in window"):
            page.evaluate(self._script)
        found: list[str] = page.evaluate(_RUN)
        return found
