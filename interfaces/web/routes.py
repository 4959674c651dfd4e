"""The pages, by address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interfaces.web.assets import AssetFile
from interfaces.web.home import AccountHome, Home, StartPage
from interfaces.web.job import JobPage
from interfaces.web.jobs import JobsPage
from interfaces.web.key import KeyPage
from interfaces.web.key_forms import ChangeKeyPage, DeactivateKeyPage, RotateKeyPage
from interfaces.web.keys import KeysPage
from interfaces.web.new_key import NewKeyPage
from interfaces.web.process_forms import NewProcessPage, RenameProcessPage, RestoreProcessPage, RetireProcessPage
from interfaces.web.processes import ProcessesPage
from interfaces.web.sign_in import SignInPage, SignOut

if TYPE_CHECKING:
    from interfaces.bootstrap import Services

_ACCOUNT = "/accounts/{account_id}"


def web_routes(services: Services) -> dict[str, object]:
    """Return every page and its resource."""
    return {
        "/": Home(services),
        "/sign-in": SignInPage(services),
        "/sign-out": SignOut(services),
        _ACCOUNT: AccountHome(services),
        f"{_ACCOUNT}/start": StartPage(services),
        f"{_ACCOUNT}/keys": KeysPage(services),
        f"{_ACCOUNT}/keys/new": NewKeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}": KeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}/change": ChangeKeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}/rotate": RotateKeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}/deactivate": DeactivateKeyPage(services),
        f"{_ACCOUNT}/jobs": JobsPage(services),
        f"{_ACCOUNT}/jobs/{{job_id}}": JobPage(services),
        f"{_ACCOUNT}/processes": ProcessesPage(services),
        f"{_ACCOUNT}/processes/new": NewProcessPage(services),
        f"{_ACCOUNT}/processes/{{flow_id}}/rename": RenameProcessPage(services),
        f"{_ACCOUNT}/processes/{{flow_id}}/retire": RetireProcessPage(services),
        f"{_ACCOUNT}/processes/{{flow_id}}/restore": RestoreProcessPage(services),
        "/assets/{name}": AssetFile(),
    }
