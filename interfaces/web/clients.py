"""What somebody signs in with, in a few words."""

from __future__ import annotations

from typing import Final

_PROGRAMS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""The word for each browser in a User-Agent; many also hold the words of those below theirs."""
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def client_words(client: str | None) -> str:
    """Return the browser and system that a User-Agent tells of; all of it where it is of none that we know."""
    if not client:
        return "An unknown program"
    program = next((name for mark, name in _PROGRAMS if mark in client), None)
    system = next((name for mark, name in _SYSTEMS if mark in client), None)
    return f"{program} on {system}" if program and system else client
