"""Oneself: what one is and where, one's password, and where one is signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.errors import FieldError, HashingBusyError, InvalidInputError, SignInThrottledError
from interfaces.http.admin import check_parameters
from interfaces.http.masking import mask
from interfaces.http.parameters import choice_parameter
from interfaces.http.requests import path_uuid
from interfaces.http.sessions import drop_session, set_cookie, set_password
from interfaces.web.clients import client_words
from interfaces.web.forms import Form
from interfaces.web.page import Page, go_to, send_page
from interfaces.web.rendering import span_text
from interfaces.web.roles import role_names
from interfaces.web.sign_in import BUSY

if TYPE_CHECKING:
    import falcon

    from application.identity.sessions import Session
    from interfaces.web.page import Visit

_PROFILE: Final = "/profile"
DONE: Final = {
    "password": "Your password was changed, and all other sessions were ended.",
    "session": "The session was ended.",
    "sessions": "All other sessions were ended.",
}
"""What a form led here for, as it is told."""
_MEMBERSHIPS_SHOWN: Final = 50
_CURRENT, _NEW, _REPEATED = "current_password", "new_password", "repeated_password"
"""Fields with `password` in their names are not carried over a sign-in, and their values are in no page."""


class ProfilePage(Page):
    """`/profile`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show it."""
        visit = self._visit(req)
        check_parameters(req, "done")
        done = choice_parameter(req, "done", tuple(DONE))
        user = visit.session.user
        memberships = self._services.lists.memberships(user.user_id, self._services.tenant_id)
        self._show(
            req,
            resp,
            visit,
            "profile.html",
            tab="",
            done=DONE[done] if done else "",
            memberships=memberships[:_MEMBERSHIPS_SHOWN],
            left_out=max(0, len(memberships) - _MEMBERSHIPS_SHOWN),
            role_names=role_names,
            client_words=client_words,
            sessions=self._services.sessions.of_user(user.user_id),
        )


class PasswordPage(Page):
    """`/profile/password`: changing one's password; or choosing one, for who signed in with a first password."""

    for_restricted = True

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the form."""
        self._ask(req, resp, self._visit(req), Form())

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change the password. The browser goes on in a new session; all others end."""
        visit, form = self._form(req)
        session = None if form.resumed else self._changed(req, resp, visit.session, form)
        if session is None:
            self._ask(req, resp, visit, form, status=200 if form.resumed else 422)
            return
        set_cookie(self._services, req, resp, session)
        go_to(resp, "/" if visit.session.is_restricted else f"{_PROFILE}?done=password")

    def _changed(self, req: falcon.Request, resp: falcon.Response, session: Session, form: Form) -> Session | None:
        """Return the session to go on in, or None, and note what is wrong."""
        typed = {name: form[name] for name in (_CURRENT, _NEW, _REPEATED)}
        # Nothing of them is left for a page; a rule that is broken finds its field by the name.
        form.values |= dict.fromkeys(typed, "")
        # Before the current one is looked at: a slip of the fingers must not count as a guess.
        if typed[_NEW] != typed[_REPEATED]:
            form.add_errors([FieldError(_REPEATED, "must be the same as the new password")])
            return None
        try:
            return set_password(self._services, req, session, typed[_CURRENT], typed[_NEW])
        except InvalidInputError as error:
            form.add_errors(error.errors)
        except SignInThrottledError as error:
            wait = span_text(timedelta(seconds=error.retry_after_seconds))
            form.errors[""] = [f"Too many attempts. Wait {wait}, then try again."]
            resp.set_header("Retry-After", str(error.retry_after_seconds))
        except HashingBusyError:
            form.errors[""] = [BUSY]
            resp.set_header("Retry-After", "1")
        return None

    def _ask(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, *, status: int = 200) -> None:
        if visit.session.is_restricted:
            session = visit.session
            send_page(resp, "password_first.html", status, form=form, session=session, csrf=mask(session.csrf_token))
        else:
            self._show(req, resp, visit, "password.html", status=status, tab="", form=form)


class _SessionsForm(Page):
    """A button beside a session, or below them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Lead back: whoever had to sign in again before it was done comes here, and looks again."""
        self._visit(req)
        go_to(resp, _PROFILE)


class EndSession(_SessionsForm):
    """`POST /profile/sessions/{session_id}/end`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, session_id: str) -> None:
        """End one of one's sessions; one that is not there has ended already."""
        visit, form = self._form(req)
        wanted = path_uuid(session_id)
        if form.resumed:
            go_to(resp, _PROFILE)
            return
        self._services.sessions.end_one(visit.session.user.user_id, wanted)
        if wanted == visit.session.session_id:
            drop_session(self._services, resp)
            go_to(resp, "/sign-in")
        else:
            go_to(resp, f"{_PROFILE}?done=session")


class EndOtherSessions(_SessionsForm):
    """`POST /profile/sessions/end-others`."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End all of one's sessions but this one."""
        visit, form = self._form(req)
        if form.resumed:
            go_to(resp, _PROFILE)
            return
        self._services.sessions.end_others(visit.session)
        go_to(resp, f"{_PROFILE}?done=sessions")
