"""The pages, by address."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from interfaces.bootstrap import Services

_ACCOUNT = "/accounts/{account_id}"


def web_routes(services: Services) -> dict[str, object]:
    """Return every page and its resource."""
    return {
        "/": Home(services),
        "/sign-in": SignInPage(services),
        "/sign-out": SignOut(services),
        "/profile": ProfilePage(services),
        "/profile/password": PasswordPage(services),
        "/profile/sessions/end-others": EndOtherSessions(services),
        "/profile/sessions/{session_id}/end": EndSession(services),
        "/accounts": AccountsPage(services),
        "/accounts/new": NewAccountPage(services),
        _ACCOUNT: AccountHome(services),
        f"{_ACCOUNT}/start": StartPage(services),
        f"{_ACCOUNT}/keys": KeysPage(services),
        f"{_ACCOUNT}/keys/new": NewKeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}": KeyPage(services),
        f"{_ACCOUNT}/keys/{{key_id}}/then": KeyThenPage(services),
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
        f"{_ACCOUNT}/members": MembersPage(services),
        f"{_ACCOUNT}/members/new": NewMemberPage(services),
        f"{_ACCOUNT}/members/{{user_id}}/role": MemberRolePage(services),
        f"{_ACCOUNT}/members/{{user_id}}/remove": RemoveMemberPage(services),
        f"{_ACCOUNT}/members/{{user_id}}/first-password": FirstPasswordPage(services),
        f"{_ACCOUNT}/audit": AuditPage(services),
        f"{_ACCOUNT}/audit/verify": VerifyPage(services),
        f"{_ACCOUNT}/rename": RenameAccountPage(services),
        f"{_ACCOUNT}/suspend": SuspendAccountPage(services),
        f"{_ACCOUNT}/resume": ResumeAccountPage(services),
        "/assets/{name}": AssetFile(),
    }
