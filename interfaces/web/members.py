"""The members of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.permissions import Action
from interfaces.http.parameters import parameter
from interfaces.web.page import ViewPage
from interfaces.web.roles import role_names
from projections.paging import PageRequest

if TYPE_CHECKING:
    import falcon

    from interfaces.web.page import PageContext


class MembersPage(ViewPage):
    """One page of who has a role in the account itself."""

    path = "/accounts/{account_id}/members"
    template, tab, action = "members.html", "members", Action.READ_MEMBERS
    parameters = ("cursor",)

    def _values(self, req: falcon.Request, context: PageContext, **ids: str) -> dict[str, Any]:
        members, next_cursor = self._services.members.page(
            context.account_id,
            PageRequest(cursor=parameter(req, "cursor")),
            for_tenant=self._speaks_for_tenant(context),
        )
        return {"members": members, "next_cursor": next_cursor, "role_names": role_names}
