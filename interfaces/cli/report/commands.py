"""`rpawatch report`: a finished job, sent as a bot sends it."""

from __future__ import annotations

import codecs
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

import typer

from domain import key_secret
from domain.limits import IDEMPOTENCY_KEY_CHARS_MAX
from interfaces.cli.output import CommandError, CommandResult, UnreachableError, WrongUsageError, notify, show
from interfaces.cli.report.sender import Patience, Target, deliver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interfaces.cli.report.sender import Reply

KEY_VARIABLE: Final = "RPAWATCH_API_KEY"
RETRIES_MAX: Final = 20
REPORT_BYTES_MAX: Final = 1024**3
"""The most that RPAWATCH_MAX_BODY can allow; what is really allowed, the service says."""
_PRINTABLE = re.compile(rf"[\x20-\x7e]{{1,{IDEMPOTENCY_KEY_CHARS_MAX}}}")
_CREATED = 201
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_RULES_SHOWN = 5
_COLUMNS = {
    "job_id": "Job",
    "account_id": "Account",
    "flow_id": "Process",
    "status": "Status",
    "counts": "Records",
    "duration_seconds": "Seconds",
    "received_at": "Received",
    "replayed": "Reported before",
}
_EPILOG = """\b
Examples:
  export RPAWATCH_API_KEY=rpakey_...
  rpawatch report job.json
  my-bot --last-job-as-json | rpawatch report --url https://rpawatch.example.com --json
  rpawatch report job.json --idempotency-key nightly-2026-03-10
"""


def add_to(app: typer.Typer, name: str, help_line: str) -> None:
    app.command(name, short_help=help_line, epilog=_EPILOG)(report)


def report(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="The report as JSON; - or nothing for standard input.")
    ] = Path("-"),
    *,
    url: Annotated[
        str, typer.Option(metavar="URL", envvar="RPAWATCH_URL", help="Where the service is.")
    ] = "http://127.0.0.1:8000",
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Names this report: sent again under the same name, it is counted once. One is made when not given.",
        ),
    ] = None,
    retries: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=RETRIES_MAX,
            help="How often to try again when the service can't be reached, is busy (429), or fails (5xx).",
        ),
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as one JSON document.")] = False,
) -> None:
    """Report a finished job with the key in RPAWATCH_API_KEY.

    The fields of a report are described on the page /docs of the service. The key is taken from the environment only:
    arguments stand in lists of processes and in the history of the shell.
    """
    show(_sent(file, url, idempotency_key, Patience(retries)), as_json=as_json)


def _sent(file: Path, url: str, idempotency_key: str | None, patience: Patience) -> CommandResult:
    target = Target.of(url)
    key = _key_of_environment()
    name = idempotency_key if idempotency_key is not None else str(uuid4())
    if not _PRINTABLE.fullmatch(name):
        raise WrongUsageError(
            f"--idempotency-key must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable characters of ASCII."
        )
    body = _read(file)
    if not target.is_private:
        notify(f"Warning: the key and the report travel to {target.host} unencrypted. Use https:// where you can.")
    headers = {
        "X-API-Key": key,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Idempotency-Key": name,
        "User-Agent": "rpawatch-report",
    }
    try:
        reply = deliver(target, headers, body, patience)
        return _receipt(reply, name)
    except UnreachableError as error:
        raise UnreachableError(
            f"{error} The same report can be sent again with --idempotency-key '{name}': it is counted once."
        ) from None


def _key_of_environment() -> str:
    text = os.environ.get(KEY_VARIABLE, "").strip()
    if not text:
        raise WrongUsageError(
            f"{KEY_VARIABLE} is not set. Set it to an API key, which `rpawatch keys create` makes; a key is never"
            " given as an argument."
        )
    if key_secret.parse(text) is None:
        raise WrongUsageError(f"{KEY_VARIABLE} does not hold a whole API key. Nothing was sent. Copy the key again.")
    return text


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            if sys.stdin.isatty():
                notify("Reading the report from the terminal; end it with Ctrl+D.")
            body = sys.stdin.buffer.read(REPORT_BYTES_MAX + 1)
        else:
            with file.open("rb") as opened:
                body = opened.read(REPORT_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"Can't read {file} ({reason}). Check its name and who may read it.") from None
    # Windows programs like to begin a file with this mark, which JSON does not have.
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body.strip() or len(body) > REPORT_BYTES_MAX:
        raise CommandError(f"The report is {'too large' if body.strip() else 'empty'}. Nothing was sent.")
    return body


def _receipt(reply: Reply, idempotency_key: str) -> CommandResult:
    """Return what the service said of the job. Raises UnreachableError, CommandError."""
    document = reply.document
    if reply.status == _CREATED and "job_id" in document:
        replayed = reply.headers.get("idempotent-replayed", "") == "true"
        return CommandResult({**document, "replayed": replayed, "idempotency_key": idempotency_key}, _COLUMNS)
    if reply.status in _REDIRECTS:
        raise CommandError(
            f"The service redirects to {reply.headers.get('location', 'another address')}, where the key is not sent."
            " Give the right address with --url."
        )
    if "detail" not in document:
        raise _error_of(reply.status)(
            f"The answer ({reply.status}) is not one of RPA Watch. Check that --url leads to it."
        )
    raise _error_of(reply.status)(f"{reply.status} {document.get('title', '')}: {_with_rules(document)}")


def _error_of(status: int) -> type[CommandError]:
    return UnreachableError if status in _SERVER_ERRORS else CommandError


def _with_rules(problem: Mapping[str, Any]) -> str:
    """Return the detail of a problem, and the rules that the report broke, as one line."""
    rules = problem.get("errors")
    if not isinstance(rules, list) or not rules:
        return str(problem["detail"])
    texts = [f"{rule.get('pointer') or 'the report'} {rule.get('message')}" for rule in rules if isinstance(rule, dict)]
    hidden = len(rules) - _RULES_SHOWN
    more = f"; and {'at least ' if problem.get('more_errors') else ''}{hidden} more" if hidden > 0 else ""
    return f"{problem['detail']} {'; '.join(texts[:_RULES_SHOWN])}{more}."
