"""Which methods there are, and how a route's are told from what its resource can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from falcon.routing import CompiledRouter

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"})
"""Those that are known here. An address that does not take one answers 405; any other method is answered 501."""


class Router(CompiledRouter):
    """Falcon's router, with HEAD wherever GET is: the same responder, of whose answer the body is not sent."""

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Callable[..., Any]]:  # noqa: ANN401 - Falcon's
        """Return the responder of each method that a resource takes."""
        found: dict[str, Any] = super().map_http_methods(resource, **kwargs)
        if "GET" in found:
            found.setdefault("HEAD", found["GET"])
        return found
