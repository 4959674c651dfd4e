"""Takes a picture of every page of the table, as `make screenshots` does: python -m tests.pages.screenshots"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pages.browser import NARROW, THEMES, WIDE, open_browser, visiting
from tests.pages.office import open_office
from tests.pages.table import PAGES

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
LOOKS = {"light": (THEMES[0], WIDE), "dark": (THEMES[1], WIDE), "phone": (THEMES[0], NARROW)}


def main() -> None:
    """Write the pictures, in place of those of an earlier time, and print where they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture in FOLDER.glob("*.png"):
        picture.unlink()
    with open_office() as office, open_browser() as browser:
        for row in PAGES:
            with visiting(browser, office, row.who) as visit:
                visit.go(row.path)
                for look, (theme, width) in LOOKS.items():
                    visit.look(theme, width)
                    visit.page.screenshot(path=FOLDER / f"{row.name}-{look}.png", full_page=True)
    sys.stdout.write(f"{len(PAGES) * len(LOOKS)} pictures in {FOLDER}\n")


if __name__ == "__main__":
    main()
