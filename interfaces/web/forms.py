"""What a form sends, and what is wrong with it, field by field.

The rules are the models of the admin API: a form is the same request in other clothes. What was typed comes back with
each error beside its field, and also when one has to sign in again in between.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError

from domain.errors import FieldError, InvalidInputError
from interfaces.http.problems import ProblemError
from interfaces.http.requests import read_plain_body, request_digest
from interfaces.http.validation import field_errors
from interfaces.web.same_site import is_of_this_site

if TYPE_CHECKING:
    import falcon

M = TypeVar("M", bound=BaseModel)

_FIELDS_MAX = 200
_DIGITS_MAX = 9
ONCE = "once"
"""A hidden field that is new on each fresh form, so that a form that is sent twice does its work once."""
CSRF = "csrf"
RESUMED = "resumed"
"""A field that comes with what was typed before a new sign-in: the form is shown with that, and not carried out."""
VISITOR = "visitor"
"""The field in place of CSRF where there is no session yet; see interfaces/web/same_site.py."""
NOT_CARRIED = frozenset({CSRF, RESUMED, VISITOR})
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
"""No browser sends it, and to undo escapes takes ten times as long for each that is none."""


@dataclass
class Form:
    """Fields by name, as they were typed. errors: by field; those under "" are about the form as a whole.

    status: of the answer that shows it. is_ours: False for one that was sent, and may have been made by another site
    for all that the request says.
    """

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    status: int = 200
    is_ours: bool = True

    def __getitem__(self, name: str) -> str:
        """Return what stands in a field; nothing in one that is not there."""
        return self.values.get(name, "")

    @property
    def resumed(self) -> bool:
        """Whether it comes back from signing in, to be looked at and sent."""
        return bool(self[RESUMED])

    @property
    def once(self) -> str:
        """What makes this form this form; see ONCE."""
        if not self[ONCE]:
            self.values[ONCE] = secrets.token_urlsafe(16)
        return self[ONCE]

    def refuse(self, message: str, name: str = "", *, status: int = 422) -> None:
        """Note what is wrong with a field, or with the form as a whole."""
        shown = name if name in self.values else ""
        self.errors.setdefault(shown, []).append(message if shown == name else f"{name} {message}")
        self.status = status


def parse(model: type[M], **body: object) -> M:
    """Return the model of a body. Raises InvalidInputError."""
    try:
        # As JSON, since that is how the models are strict.
        return model.model_validate_json(orjson.dumps(body), strict=True)
    except ValidationError as error:
        rules = field_errors(error)
        raise InvalidInputError(
            [FieldError(rule.pointer[1:].partition("/")[0], rule.message) for rule in rules]
        ) from None


def read_form(req: falcon.Request) -> Form:
    """Return what a browser sent of a form. Raises ProblemError for what no form of ours sends."""
    is_ours = is_of_this_site(req)
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise ProblemError("unsupported-media-type", detail="Use the form on the page.")
    body = read_plain_body(req)
    req.context.body_digest = request_digest(req, body)
    fields = _fields_of(body)
    if fields is None:
        raise ProblemError("malformed-request", detail="This is no form of these pages.")
    values = {name: value.replace("\r\n", "\n").replace("\0", "") for name, value in fields}
    return Form(values, is_ours=is_ours)


def _fields_of(body: bytes) -> list[tuple[str, str]] | None:
    if _BAD_ESCAPE.search(body):
        return None
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:  # also UnicodeError
        return None


def form_to_keep(req: falcon.Request) -> Form | None:
    """Return what somebody without a session has sent; None for what no form of ours sends, or may not have sent.

    There is nobody to ask whether it may be read, as when one signs in. So it is bounded in the same way, and what does
    not say how long it is, as every browser does, is left alone.
    """
    if req.content_length is None:
        return None
    try:
        form = read_form(req)
    except ProblemError:
        return None
    return form if form.is_ours else None


def drop_blank_parameters(req: falcon.Request) -> None:
    """Let a control of a GET form that was left empty ask for nothing: a browser sends it all the same."""
    for name in [name for name in req.params if not "".join(req.get_param_as_list(name) or ()).strip()]:
        del req.params[name]  # type: ignore[attr-defined] # it is a dict, of which Falcon promises less


def whole_number(text: str) -> int | str | None:
    """Return the number that was typed, None for nothing, and what is no number as it is, for the model to refuse."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else text
