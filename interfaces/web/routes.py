"""The pages, by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from interfaces.web.accounts import (
    AccountsPage,
    NewAccountPage,
    RenameAccountPage,
    ResumeAccountPage,
    SuspendAccountPage,
)
from interfaces.web.assets import AssetFile
from interfaces.web.audit import AuditPage
from interfaces.web.audit_verify import VerifyPage
from interfaces.web.home import AccountHome, Home, StartPage
from interfaces.web.job import JobPage
from interfaces.web.jobs import JobsPage
from interfaces.web.key import KeyPage
from interfaces.web.key_forms import ChangeKeyPage, DeactivateKeyPage, NewKeyPage, RotateKeyPage
from interfaces.web.key_then import KeyThenPage
from interfaces.web.keys import KeysPage
from interfaces.web.member_forms import FirstPasswordPage, MemberRolePage, NewMemberPage, RemoveMemberPage
from interfaces.web.members import MembersPage
from interfaces.web.process_forms import NewProcessPage, RenameProcessPage, RestoreProcessPage, RetireProcessPage
from interfaces.web.processes import ProcessesPage
from interfaces.web.profile import EndOtherSessions, EndSession, PasswordPage, ProfilePage
from interfaces.web.sign_in import SignInPage, SignOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interfaces.bootstrap import Services
    from interfaces.web.page import Page

_PAGES_OF_ACCOUNT: Final[Mapping[str, type[Page]]] = {
    "": AccountHome,
    "/start": StartPage,
    "/keys": KeysPage,
    "/keys/new": NewKeyPage,
    "/keys/{key_id}": KeyPage,
    "/keys/{key_id}/then": KeyThenPage,
    "/keys/{key_id}/change": ChangeKeyPage,
    "/keys/{key_id}/rotate": RotateKeyPage,
    "/keys/{key_id}/deactivate": DeactivateKeyPage,
    "/jobs": JobsPage,
    "/jobs/{job_id}": JobPage,
    "/processes": ProcessesPage,
    "/processes/new": NewProcessPage,
    "/processes/{flow_id}/rename": RenameProcessPage,
    "/processes/{flow_id}/retire": RetireProcessPage,
    "/processes/{flow_id}/restore": RestoreProcessPage,
    "/members": MembersPage,
    "/members/new": NewMemberPage,
    "/members/{user_id}/role": MemberRolePage,
    "/members/{user_id}/remove": RemoveMemberPage,
    "/members/{user_id}/first-password": FirstPasswordPage,
    "/audit": AuditPage,
    "/audit/verify": VerifyPage,
    "/rename": RenameAccountPage,
    "/suspend": SuspendAccountPage,
    "/resume": ResumeAccountPage,
}
"""Pages by what follows the address of the account."""
PAGES: Final[Mapping[str, type[Page]]] = {
    "/": Home,
    "/sign-in": SignInPage,
    "/sign-out": SignOut,
    "/profile": ProfilePage,
    "/profile/password": PasswordPage,
    "/profile/sessions/end-others": EndOtherSessions,
    "/profile/sessions/{session_id}/end": EndSession,
    "/accounts": AccountsPage,
    "/accounts/new": NewAccountPage,
    **{f"/accounts/{{account_id}}{path}": page for path, page in _PAGES_OF_ACCOUNT.items()},
}


def web_routes(services: Services) -> dict[str, object]:
    """Return every page and its resource."""
    return {**{path: page(services) for path, page in PAGES.items()}, "/assets/{name}": AssetFile()}
