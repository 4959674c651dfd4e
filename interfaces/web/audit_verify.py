"""Whether the log is whole: compared with its signed heads when somebody asks, and how far that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from application.access import roles_of, turn_of
from domain.permissions import Action, allows
from domain.proof.errors import MalformedError, ProofError
from domain.proof.note import NOTE_BYTES_MAX
from interfaces.web.form_page import Filled, PlainFormPage
from interfaces.web.page import go_to

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import PageContext

_KEPT = "checkpoint"
_NOT_SIGNED = (
    "is not signed by this log, and so says nothing about it. {} If you did get it here, the keys of the log were"
    " exchanged since: keep it, and have it checked with the public keys that you kept (rpawatch audit verify --since"
    " --public-key)"
)
_WAITING = "Your last comparison has not ended yet, or too many wait in this account. Send it again when it has"


class VerifyPage(PlainFormPage):
    """What is known of the log, and of the visitor's own comparison.

    The form asks for another one: with the heads that were signed here, or with a checkpoint that the visitor kept.
    """

    path = "/accounts/{account_id}/audit/verify"
    loads_itself = True
    template, tab, action = "audit_verify.html", "audit", Action.READ_AUDIT

    def _fresh(self, subject: None) -> dict[str, str]:
        return {_KEPT: ""}

    def _carry_out(self, req: falcon.Request, resp: falcon.Response, filled: Filled[None]) -> None:
        context, form, services = filled.context, filled.form, self._services
        proofs, person, kept = services.log_proofs, context.caller.actor, form[_KEPT].strip()
        if kept:
            turn = turn_of(
                services.event_sourcing, context.session.user.user_id, services.tenant_id, context.account_id
            )
            try:
                if not proofs.request_kept_check(f"{kept}\n", person, turn):
                    form.refuse(_WAITING)
            except ProofError as error:
                form.refuse(_NOT_SIGNED.format(error), _KEPT)
            except MalformedError as error:
                form.refuse(f"can't be read as a checkpoint. {error}".rstrip("."), _KEPT)
        else:
            proofs.request_log_check(person)
        if not form.errors:
            go_to(resp, f"{context.base}/audit/verify")

    def _values(self, filled: Filled[None]) -> dict[str, Any]:
        proofs, context = self._services.log_proofs, filled.context
        contradictions = proofs.contradictions() if self._watches_tenant(context) else []
        return {
            "checks": proofs.checks_for(context.caller.actor),
            "contradictions": contradictions,
            "people": self._services.users.names(check.asked_by for check in contradictions),
            "head": proofs.latest_head(),
            "size": proofs.size(),
            "keys": [key for key in proofs.public_keys() if key.retired_at is None],
            "chars_max": NOTE_BYTES_MAX // 4,
        }

    def _watches_tenant(self, context: PageContext) -> bool:
        """Return whether the visitor reads the audit log of the whole tenant."""
        services = self._services
        roles = roles_of(services.event_sourcing, context.session.user.user_id, services.tenant_id, None)
        return allows(roles, Action.READ_AUDIT)
