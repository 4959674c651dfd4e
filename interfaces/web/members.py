"""The members of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain import limits
from domain.permissions import Action
from interfaces.http.admin import check_parameters
from interfaces.http.parameters import parameter
from interfaces.http.presenters import account_resource
from interfaces.web.page import Page
from interfaces.web.roles import role_names

if TYPE_CHECKING:
    import falcon


class MembersPage(Page):
    """`/accounts/{account_id}/members`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Show one page of who has a role in the account itself."""
        visit = self._visit(req, account_id, Action.READ_MEMBERS)
        check_parameters(req, "cursor")
        cursor = parameter(req, "cursor") or None
        members, next_cursor = self._services.lists.members(
            visit.account_id, limits.PAGE_ITEMS_DEFAULT, cursor, for_tenant=self._speaks_for_tenant(visit)
        )
        self._show(
            req,
            resp,
            visit,
            "members.html",
            tab="members",
            account=account_resource(visit.account) if visit.account else None,
            members=members,
            role_names=role_names,
            next_cursor=next_cursor,
            is_first=cursor is None,
        )
