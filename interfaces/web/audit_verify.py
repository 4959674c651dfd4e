"""Whether the log is whole: compared with its signed heads when somebody asks, and how far that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import FieldError
from domain.permissions import Action
from domain.proof.checkpoint import parse_checkpoint
from domain.proof.errors import MalformedError
from domain.proof.note import NOTE_BYTES_MAX, text_of
from interfaces.web.forms import RESUMED, Form
from interfaces.web.page import Page, go_to

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import Visit

_KEPT = "checkpoint"


class VerifyPage(Page):
    """`/accounts/{account_id}/audit/verify`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show what came of the last comparison, or how far it is."""
        self._show_it(req, resp, self._visit(req, account_id, Action.READ_AUDIT), Form())

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Ask for a comparison. One that is under way is shown in its place."""
        visit, form = self._form(req, account_id, Action.READ_AUDIT)
        kept = form[_KEPT].strip()
        if kept:
            try:
                parse_checkpoint(text_of(f"{kept}\n"))
            except MalformedError as error:
                form.add_errors([FieldError(f"/{_KEPT}", f"can't be read as a checkpoint. {error}".rstrip("."))])
        if form.errors or form[RESUMED]:
            self._show_it(req, resp, visit, form)
            return
        self._services.log_proofs.ask_for_check(f"{kept}\n" if kept else None)
        go_to(resp, f"{visit.base}/audit/verify")

    def _show_it(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form) -> None:
        proofs = self._services.log_proofs
        self._show(
            req,
            resp,
            visit,
            "audit_verify.html",
            status=422 if form.errors else 200,
            tab="audit",
            form=form,
            check=proofs.latest_check(),
            head=proofs.latest_head(),
            size=proofs.size(),
            keys=[key for key in proofs.public_keys() if key.retired_at is None],
            chars_max=NOTE_BYTES_MAX // 4,
        )
