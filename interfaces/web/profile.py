"""Oneself: what one is and where, one's password, and where one is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from domain.errors import HashingBusyError, SignInThrottledError
from interfaces.http.masking import mask
from interfaces.http.parameters import choice_parameter
from interfaces.http.requests import path_uuid
from interfaces.http.sessions import drop_session, set_cookie, set_password
from interfaces.web.clients import client_words
from interfaces.web.form_page import Filled, FormPage, PlainFormPage, S
from interfaces.web.page import ViewPage, go_to, send_page
from interfaces.web.roles import role_names
from interfaces.web.sign_in import refuse_password

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import PageContext

_PROFILE: Final = "/profile"
DONE: Final = {
    "password": "Your password was changed, and all other sessions were ended.",
    "session": "The session was ended.",
    "sessions": "All other sessions were ended.",
}
"""Messages of the forms that lead here when they are done."""
_MEMBERSHIPS_SHOWN: Final = 50
_CURRENT, _NEW, _REPEATED = "current_password", "new_password", "repeated_password"
"""Fields with `password` in their names are not carried over a sign-in, and their values are in no page."""


class ProfilePage(ViewPage):
    path = "/profile"
    template, parameters = "profile.html", ("done",)

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        done = choice_parameter(req, "done", tuple(DONE))
        user = context.session.user
        memberships = self._services.members.memberships(user.user_id, self._services.tenant_id)
        return {
            "done": DONE[done] if done else "",
            "memberships": memberships[:_MEMBERSHIPS_SHOWN],
            "left_out": max(0, len(memberships) - _MEMBERSHIPS_SHOWN),
            "role_names": role_names,
            "client_words": client_words,
            "sessions": self._services.sessions.of_user(user.user_id),
        }


class PasswordPage(PlainFormPage):
    """Changing one's password; or choosing one, for who signed in with a first password."""

    path = "/profile/password"
    for_restricted = True
    template = "password.html"

    def _fresh(self, subject: None) -> dict[str, str]:
        return dict.fromkeys((_CURRENT, _NEW, _REPEATED), "")

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        """Change the password. The browser goes on in a new session; all others end."""
        form, session = filled.form, filled.context.session
        current, new, repeated = form[_CURRENT], form[_NEW], form[_REPEATED]
        # Nothing of them is left for a page; a rule that is broken finds its field by the name.
        form.values |= self._fresh(None)
        # Before the current one is looked at: a slip of the fingers must not count as a guess.
        if new != repeated:
            form.refuse("must be the same as the new password", _REPEATED)
            return
        try:
            changed = set_password(self._services, req, session, current, new)
        except (SignInThrottledError, HashingBusyError) as error:
            refuse_password(resp, form, error)
        else:
            set_cookie(self._services, req, resp, changed)
            go_to(resp, "/" if session.is_restricted else f"{_PROFILE}?done=password")

    def _back(self, filled: Filled[None]) -> str:
        return _PROFILE

    def _show_form(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        session, form = filled.context.session, filled.form
        if session.is_restricted:
            csrf = mask(session.csrf_token)
            send_page(resp, "password_first.html", form.status, form=form, session=session, csrf=csrf)
        else:
            super()._show_form(req, resp, filled)


class _SessionsForm(FormPage[S]):
    """A button beside a session, or below them."""

    def _show_form(self, req: falcon.Request, resp: falcon.Response, filled: Filled[S]) -> None:
        """Lead back: whoever had to sign in again before it was done comes here, and looks again."""
        go_to(resp, _PROFILE)


class EndSession(_SessionsForm[UUID]):
    """One of one's sessions; one that is not there has ended already."""

    path = "/profile/sessions/{session_id}/end"

    def _subject(self, context: PageContext, **ids: str) -> UUID:
        return path_uuid(ids["session_id"])

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[UUID]) -> None:
        session = filled.context.session
        self._services.sessions.end_one(session.user.user_id, filled.subject)
        if filled.subject == session.session_id:
            drop_session(self._services, resp)
            go_to(resp, "/sign-in")
        else:
            go_to(resp, f"{_PROFILE}?done=session")


class EndOtherSessions(_SessionsForm[None]):
    """All of one's sessions but this one."""

    path = "/profile/sessions/end-others"

    def _subject(self, context: PageContext, **ids: str) -> None:
        """Return nothing: they are not told apart."""

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        self._services.sessions.end_others(filled.context.session)
        go_to(resp, f"{_PROFILE}?done=sessions")
