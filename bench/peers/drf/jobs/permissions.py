"""Who gets in."""

from django.http import HttpRequest
from rest_framework_api_key.permissions import BaseHasAPIKey

from jobs.models import AccountKey


class HasAccountKey(BaseHasAPIKey):
    """The package's permission; it keeps the key that it found, so that nobody has to look it up again."""

    model = AccountKey

    def has_permission(self, request: HttpRequest, view: object) -> bool:
        """Return whether the request came with a key that is neither revoked nor expired."""
        del view
        text = self.get_key(request)
        if not text:
            return False
        try:
            key = AccountKey.objects.get_from_key(text)
        except AccountKey.DoesNotExist:
            return False
        request.account_key = key
        return not key.has_expired
