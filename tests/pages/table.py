"""Every page there is: tests walk this table, and `make screenshots` takes a picture of each line."""

from __future__ import annotations

from dataclasses import dataclass

from interfaces.web.form_page import FormPage
from interfaces.web.routes import PAGES as ROUTES


@dataclass(frozen=True)
class Row:
    """A page. path: with the names of `Office.places` in braces. who: of the cast, or nobody, looks at it."""

    name: str
    path: str
    who: str | None = "alice"
    status: int = 200


_PAGES = (
    Row("sign-in", "/sign-in", who=None),
    Row("problem", "/nowhere", who=None, status=404),
    Row("not-for-you", "/accounts/{a}/keys", who="bob", status=403),
    Row("start", "/accounts/{a}/start"),
    Row("start-in-an-empty-account", "/accounts/{empty}/start", who="tess"),
    Row("keys", "/accounts/{a}/keys"),
    Row("keys-all", "/accounts/{a}/keys?show=all"),
    Row("keys-nothing-matches", "/accounts/{a}/keys?q=no+such+key"),
    Row("keys-of-an-auditor", "/accounts/{a}/keys?show=inactive", who="aud"),
    Row("keys-none", "/accounts/{empty}/keys", who="tess"),
    Row("key-new", "/accounts/{a}/keys/new"),
    Row("key", "/accounts/{a}/keys/{busy}"),
    Row("key-over-a-month", "/accounts/{a}/keys/{busy}?span=month"),
    Row("key-expiring", "/accounts/{a}/keys/{expiring}"),
    Row("key-expired", "/accounts/{a}/keys/{expired}"),
    Row("key-rotated", "/accounts/{a}/keys/{rotated}"),
    Row("key-deactivated", "/accounts/{a}/keys/{deactivated}", who="aud"),
    Row("key-with-a-long-name", "/accounts/{a}/keys/{without_spaces}"),
    Row("key-with-markup-in-its-name", "/accounts/{a}/keys/{markup}"),
    Row("key-then", "/accounts/{a}/keys/{deactivated}/then?version=1"),
    Row("key-then-now", "/accounts/{a}/keys/{busy}/then", who="aud"),
    Row("key-then-before-it-was-made", "/accounts/{a}/keys/{busy}/then?at=2020-02-02T20:02"),
    Row("key-change", "/accounts/{a}/keys/{long}/change"),
    Row("key-rotate", "/accounts/{a}/keys/{without_spaces}/rotate"),
    Row("jobs", "/accounts/{a}/jobs"),
    Row("jobs-of-a-key", "/accounts/{a}/jobs?key_id={busy}&status=failed"),
    Row("jobs-nothing-matches", "/accounts/{a}/jobs?q=nothing"),
    Row("jobs-none", "/accounts/{empty}/jobs", who="tess"),
    Row("job", "/accounts/{a}/jobs/{job}"),
    Row("processes", "/accounts/{a}/processes?show=all"),
    Row("process-new", "/accounts/{a}/processes/new"),
    Row("process-rename", "/accounts/{a}/processes/{process}/rename"),
    Row("process-retire", "/accounts/{a}/processes/{process}/retire"),
    Row("process-restore", "/accounts/{a}/processes/{process}/restore"),
    Row("members", "/accounts/{a}/members", who="tess"),
    Row("members-of-ours", "/accounts/{a}/members"),
    Row("member-new", "/accounts/{a}/members/new"),
    Row("member-role", "/accounts/{a}/members/{member}/role"),
    Row("member-first-password", "/accounts/{a}/members/{waiting}/first-password"),
    Row("member-remove", "/accounts/{a}/members/{member}/remove"),
    Row("audit", "/accounts/{a}/audit"),
    Row("audit-of-a-key", "/accounts/{a}/audit?resource={deactivated}", who="aud"),
    Row("audit-verify", "/accounts/{a}/audit/verify"),
    Row("accounts", "/accounts"),
    Row("account-new", "/accounts/new", who="tess"),
    Row("account-rename", "/accounts/{a}/rename"),
    Row("account-suspend", "/accounts/{a}/suspend", who="tess"),
    Row("account-resume", "/accounts/{a}/resume", who="tess"),
    Row("profile", "/profile"),
    Row("password", "/profile/password"),
    Row("password-first", "/profile/password", who="newcomer"),
)
_OF_A_KEY = "/accounts/{account_id}/keys/{key_id}/"


def _other_forms() -> list[Row]:
    """Return the forms about a key that have no line above, for a key that is active."""
    shown = {row.name for row in _PAGES}
    verbs = [
        path.removeprefix(_OF_A_KEY)
        for path, page in ROUTES.items()
        if path.startswith(_OF_A_KEY) and issubclass(page, FormPage)
    ]
    return [
        Row(f"key-{verb}", f"/accounts/{{a}}/keys/{{scoped}}/{verb}") for verb in verbs if f"key-{verb}" not in shown
    ]


PAGES = (*_PAGES, *_other_forms())
