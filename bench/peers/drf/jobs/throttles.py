"""How often a key may be used."""

from django.http import HttpRequest
from rest_framework.throttling import SimpleRateThrottle


class KeyThrottle(SimpleRateThrottle):
    """REST framework's throttle, counting by API key."""

    scope = "key"

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        """Return where the uses of the key are counted."""
        del view
        return f"throttle_key_{request.account_key.prefix}"
