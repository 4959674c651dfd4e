"""Whether the log is whole: compared with its signed heads when somebody asks, and how far that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.access import roles_of, turn_of
from domain.errors import FieldError
from domain.permissions import Action, allows
from domain.proof.errors import MalformedError, ProofError
from domain.proof.note import NOTE_BYTES_MAX
from interfaces.web.forms import RESUMED, Form
from interfaces.web.page import Page, go_to

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import Visit

_KEPT = "checkpoint"
_NOT_SIGNED = (
    "is not signed by this log, and so says nothing about it. {} If you did get it here, the keys of the log were"
    " exchanged since: keep it, and have it checked with the public keys that you kept (rpawatch audit verify --since"
    " --public-key)"
)
_WAITING = "Your last comparison has not ended yet, or too many wait in this account. Send it again when it has"


class VerifyPage(Page):
    """`/accounts/{account_id}/audit/verify`."""

    loads_itself = True

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show what is known of the log, what came of the visitor's own comparison, or how far it is."""
        self._show_it(req, resp, self._visit(req, account_id, Action.READ_AUDIT), Form())

    def on_post(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Ask for a comparison: with the heads that were signed here, or with a checkpoint that the visitor kept."""
        visit, form = self._form(req, account_id, Action.READ_AUDIT)
        if not form[RESUMED]:
            self._ask(visit, form)
        if form.errors or form[RESUMED]:
            self._show_it(req, resp, visit, form)
            return
        go_to(resp, f"{visit.base}/audit/verify")

    def _ask(self, visit: Visit, form: Form) -> None:
        proofs, person, kept = self._services.log_proofs, visit.caller.actor, form[_KEPT].strip()
        if not kept:
            proofs.ask_of_log(person)
            return
        services = self._services
        turn = turn_of(services.event_sourcing, visit.session.user.user_id, services.tenant_id, visit.account_id)
        try:
            if not proofs.ask_of_kept(f"{kept}\n", person, turn):
                form.add_errors([FieldError("", _WAITING)])
        except ProofError as error:
            form.add_errors([FieldError(_KEPT, _NOT_SIGNED.format(error))])
        except MalformedError as error:
            form.add_errors([FieldError(_KEPT, f"can't be read as a checkpoint. {error}".rstrip("."))])

    def _watches_tenant(self, visit: Visit) -> bool:
        """Return whether the visitor reads the audit log of the whole tenant."""
        services = self._services
        roles = roles_of(services.event_sourcing, visit.session.user.user_id, services.tenant_id, None)
        return allows(roles, Action.READ_AUDIT)

    def _show_it(self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form) -> None:
        proofs = self._services.log_proofs
        contradictions = proofs.contradictions() if self._watches_tenant(visit) else []
        self._show(
            req,
            resp,
            visit,
            "audit_verify.html",
            status=422 if form.errors else 200,
            tab="audit",
            form=form,
            checks=proofs.checks_for(visit.caller.actor),
            contradictions=contradictions,
            people=self._people(check.asked_by for check in contradictions),
            head=proofs.latest_head(),
            size=proofs.size(),
            keys=[key for key in proofs.public_keys() if key.retired_at is None],
            chars_max=NOTE_BYTES_MAX // 4,
        )
