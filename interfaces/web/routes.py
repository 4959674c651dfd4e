"""The pages, by address: each page says its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.web import (
    accounts,
    audit,
    audit_verify,
    home,
    job,
    jobs,
    key,
    key_forms,
    key_then,
    keys,
    member_forms,
    members,
    process_forms,
    processes,
    profile,
    sign_in,
)
from interfaces.web.assets import AssetFile
from interfaces.web.page import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from interfaces.bootstrap import Services

_MODULES: Final = (
    accounts,
    audit,
    audit_verify,
    home,
    job,
    jobs,
    key,
    key_forms,
    key_then,
    keys,
    member_forms,
    members,
    process_forms,
    processes,
    profile,
    sign_in,
)


def _pages_in(module: ModuleType) -> list[type[Page]]:
    """Return the pages that a module declares; those without an address are what others have in common."""
    return [
        page
        for page in vars(module).values()
        if isinstance(page, type) and issubclass(page, Page) and "path" in vars(page)
    ]


PAGES: Final[Mapping[str, type[Page]]] = {page.path: page for module in _MODULES for page in _pages_in(module)}


def web_routes(services: Services) -> dict[str, object]:
    """Return every page and its resource."""
    return {**{path: page(services) for path, page in PAGES.items()}, "/assets/{name}": AssetFile()}
