"""A page that is one form: GET shows it, POST carries out what it asks for and goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from application.admin import IdempotentRequest
from domain.errors import (
    DomainError,
    ForbiddenError,
    IdempotencyKeyReuseError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
)
from interfaces.web.forms import ONCE, Form
from interfaces.web.page import Page, go_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    import falcon

    from application.admin import AdminCommand, Outcome
    from interfaces.web.page import PageContext

S = TypeVar("S")

_SENT_BEFORE = (
    "This form was sent before, with something else in it, and that was done. If you want this as well, send it again."
)


@dataclass(frozen=True)
class Filled(Generic[S]):
    """A form about a subject, and who has it before them. body_digest: of the form as it was sent."""

    context: PageContext
    subject: S
    form: Form
    body_digest: str = ""

    @property
    def once(self) -> IdempotentRequest:
        """What makes the same form, sent again, do its work once."""
        return IdempotentRequest(self.form.once, self.body_digest)


class FormPage(Page, Generic[S]):
    """A form about a subject, such as a key or a process. fields: the name in it of what the command calls otherwise.

    A form is shown again with what is wrong with it (422), and with what was typed before one had to sign in (200).
    """

    fields: ClassVar[Mapping[str, str]] = {}

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str | None = None, **ids: str) -> None:
        """Show the form."""
        context = self._context(req, account_id)
        subject = self._subject(context, **ids)
        self._show_form(req, resp, Filled(context, subject, Form(self._fresh(subject) | self._asked_for(req))))

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str | None = None, **ids: str) -> None:
        """Carry out what the form asks for, and go on; or show it again."""
        context, form = self._form(req, account_id)
        filled = Filled(context, self._subject(context, **ids), form, req.context.body_digest)
        for name in self._fresh(filled.subject):
            form.values.setdefault(name, "")
        if not form.resumed:
            try:
                self._carry_out(req, resp, filled)
            except (NotSignedInError, ForbiddenError, NotFoundError):
                raise
            except DomainError as error:
                self._refuse(form, error)
        if form.resumed or form.errors:
            self._show_form(req, resp, filled)

    def _subject(self, context: PageContext, **ids: str) -> S:
        """Return what the form is about. ids: what else stands in the path. Raises NotFoundError."""
        raise NotImplementedError

    def _fresh(self, subject: S) -> dict[str, str]:
        """Return what stands in each field at first."""
        return {}

    def _asked_for(self, req: falcon.Request) -> dict[str, str]:
        """Return what the address says of fields, as a link does that knows something already."""
        return {}

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[S]) -> None:
        """Do what the form asks for, and answer with what follows. What is wrong is raised, or noted in the form."""
        command = self._command(filled)
        if not filled.form.errors:
            go_to(resp, self._next(filled, self._execute(resp, command)))

    def _command(self, filled: Filled[S]) -> AdminCommand:
        """Return what the form asks for. Raises InvalidInputError, or notes in the form what is wrong with it."""
        raise NotImplementedError

    def _back(self, filled: Filled[S]) -> str:
        """Return the path of the page that one came from, and goes back to without sending the form."""
        return f"{filled.context.base}/{self.tab}"

    def _next(self, filled: Filled[S], outcome: Outcome) -> str:
        """Return the path of the page that one goes on to."""
        return self._back(filled)

    def _refuse(self, form: Form, error: DomainError) -> None:
        """Say in a form which rule is against it."""
        match error:
            case InvalidInputError():
                for one in error.errors:
                    form.refuse(one.message, self.fields.get(one.field, one.field))
            case IdempotencyKeyReuseError():
                # Somebody went back to it and typed something else: it may be meant, so it becomes a form of its own.
                form.values[ONCE] = ""
                form.refuse(_SENT_BEFORE)
            case _:
                form.refuse(error.advice)

    def _values(self, filled: Filled[S]) -> dict[str, Any]:
        """Return what the template needs beside the form."""
        return {}

    def _show_form(self, req: falcon.Request, resp: falcon.Response, filled: Filled[S]) -> None:
        form, back = filled.form, self._back(filled)
        self._show(req, resp, filled.context, status=form.status, form=form, back=back, **self._values(filled))


class PlainFormPage(FormPage[None]):
    """A form about nothing that is there already."""

    def _subject(self, context: PageContext, **ids: str) -> None:
        """Return nothing."""
