"""Signing in and out; and going on where one was, also in the middle of a form."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from domain import limits
from domain.errors import HashingBusyError, SignInFailedError, SignInThrottledError
from interfaces.http.masking import mask
from interfaces.http.parameters import parameter
from interfaces.http.problems import PROBLEMS, ProblemError
from interfaces.http.sessions import drop_session, find_session, set_cookie, sign_in
from interfaces.web.forms import NOT_CARRIED, RESUMED, VISITOR, Form, form_to_keep, read_form
from interfaces.web.page import CHOOSE_PATH, Page, go_to, send_page
from interfaces.web.rendering import span_text
from interfaces.web.same_site import is_of_visitor, visitor_of

if TYPE_CHECKING:
    import falcon

CARRIED = "carried."
"""Prefix of the names of fields that were typed into another form."""
_OF_ANOTHER_SESSION = (
    "This page is of a session that is over, and you are signed in anew. Go to the first page, and sign out there."
)
_UNPROVEN = (
    "The browser did not tell that this form came from this site. Send it once more; if that does not help, let the"
    " browser keep cookies of this site."
)
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-~]{0,1000}", re.ASCII)
_ACCOUNT = re.compile(r"/accounts/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![^/?])")
_HOME = "/"


class SignInPage(Page):
    path = "/sign-in"

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the form; who is signed in goes on at once."""
        goal = _goal(parameter(req, "next"))
        if find_session(self._services, req) is not None:
            go_to(resp, goal)
            return
        self._show_form(req, resp, Form({"next": goal, "email": ""}))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign in, and go on."""
        form = read_form(req)
        if not form.is_ours and not is_of_visitor(req, self._services.tenant_id, form[VISITOR]):
            self._refuse_unproven(req, resp, _goal(form["next"]))
            return
        email, password = form["email"].strip(), form.values.pop("password", "")
        try:
            session = sign_in(
                self._services, req, email[: limits.EMAIL_CHARS_MAX + 1], password, _account_of(_goal(form["next"]))
            )
        except (SignInFailedError, SignInThrottledError, HashingBusyError) as error:
            refuse_password(resp, form, error, PROBLEMS[error.slug].status)
            self._show_form(req, resp, form)
            return
        set_cookie(self._services, req, resp, session)
        goal = _goal(form["next"])
        carried = _carried(form)
        if session.is_restricted:
            go_to(resp, CHOOSE_PATH)
        elif carried:
            send_page(resp, "resume.html", goal=goal, csrf=mask(session.csrf_token), carried=carried, resumed=RESUMED)
        else:
            go_to(resp, goal)

    def _refuse_unproven(self, req: falcon.Request, resp: falcon.Response, goal: str) -> None:
        """Answer a form that another site may have made: it would sign people in as somebody else."""
        resp.context.problem = "csrf-token"
        form = Form({"next": goal, "email": ""})
        form.refuse(_UNPROVEN, status=403)
        self._show_form(req, resp, form)

    def _show_form(self, req: falcon.Request, resp: falcon.Response, form: Form) -> None:
        form.values[VISITOR] = visitor_of(req, resp, self._services.tenant_id)
        show_sign_in(resp, form)


class SignOut(Page):
    path = "/sign-out"
    for_restricted = True

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End the session. Raises ProblemError csrf-token for a form that another session made."""
        context, form = self._form(req)
        if form.resumed:
            raise ProblemError("csrf-token", detail=_OF_ANOTHER_SESSION)
        self._services.sessions.end(context.session.token)
        drop_session(self._services, resp)
        go_to(resp, "/sign-in")


def refuse_password(
    resp: falcon.Response,
    form: Form,
    error: SignInFailedError | SignInThrottledError | HashingBusyError,
    status: int = 422,
) -> None:
    """Say in a form why a password opens nothing; where none is checked for now, also when it can be sent again."""
    if isinstance(error, SignInFailedError):
        form.refuse("The address or the password is wrong. Check both; capital letters matter.", status=status)
        return
    seconds, message = 1, "Too many people are signing in. Wait a second, then try again."
    if isinstance(error, SignInThrottledError):
        seconds = error.retry_after_seconds
        message = f"Too many attempts. Wait {span_text(timedelta(seconds=seconds))}, then try again."
    form.refuse(message, status=status)
    resp.set_header("Retry-After", str(seconds))


def show_sign_in(resp: falcon.Response, form: Form) -> None:
    """Answer with the page to sign in. It keeps where one wanted to go, and what one had typed there."""
    send_page(resp, "sign_in.html", form.status, form=form, carried=_carried(form), prefix=CARRIED, limits=limits)


def request_sign_in(req: falcon.Request, resp: falcon.Response) -> None:
    """Answer a request without a session: a form that was sent is kept until it can be sent again."""
    form = form_to_keep(req)
    if form is None:
        goal = req.relative_uri if req.method in {"GET", "HEAD"} else _HOME
        resp.set_header("Location", "/sign-in" if goal == _HOME else f"/sign-in?next={quote(goal, safe='/')}")
        resp.status = 303
        return
    kept: dict[str, Any] = {CARRIED + name: value for name, value in form.values.items() if _is_carried(name)}
    show = Form({"next": req.path, "email": "", **kept})
    show.refuse("Your session has ended. Sign in to go on: what you typed is kept.", status=401)
    show_sign_in(resp, show)


def _is_carried(name: str) -> bool:
    return name not in NOT_CARRIED and "password" not in name


def _carried(form: Form) -> dict[str, str]:
    """Return what was typed before. Whoever made the form may have put anything there, so it is looked at again."""
    carried = {name.removeprefix(CARRIED): value for name, value in form.values.items() if name.startswith(CARRIED)}
    return {name: value for name, value in carried.items() if _is_carried(name)}


def _goal(text: str | None) -> str:
    """Return the path to go on to: one of this site's, whatever was asked for."""
    return text if text and _LOCAL_PATH.fullmatch(text) and not text.startswith("/sign-") else _HOME


def _account_of(goal: str) -> UUID | None:
    """Return the account that a path is in: where a password opens several identities, one of that account is meant."""
    found = _ACCOUNT.match(goal)
    return None if found is None else UUID(found[1])
