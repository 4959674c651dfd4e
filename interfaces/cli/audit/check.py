"""`rpawatch audit verify` and `check`: whether the log is the one that was signed, and whether a proof holds."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.proof.check import DOES_NOT_HOLD, HOLDS, check_files, read_text
from domain.proof.checkpoint import Checkpoint, open_checkpoint
from domain.proof.errors import MalformedError, UnknownKeyError
from domain.proof.note import Verifier, parse_vkeys
from interfaces.cli.audit.group import AUDIT, checks
from interfaces.cli.operator_context import open_context
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir
from interfaces.cli.output import CommandResult, show
from interfaces.cli.progress_line import ProgressBar
from interfaces.cli.store_command import command
from projections.log_tree.comparing import LogComparison, compare
from projections.log_tree.heads import log_keys, origin

if TYPE_CHECKING:
    from application.store.session import Connection

_FINDING_COLUMNS: Final = {"position": "Position", "kind": "What was done", "text": "Details"}
_PROOF_COLUMNS: Final = {
    "answer": "Answer",
    "log": "Log",
    "events": "Events in the checkpoint",
    "position": "Position",
    "stream": "Stream",
    "version": "Version",
    "topic": "Event",
    "at": "Time",
    "actor": "By",
}

PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        help="Public keys of the log, from `audit public-key`; without it, those that the database publishes.",
    ),
]


@command(
    AUDIT,
    "verify",
    examples="""
        rpawatch audit verify --since monday.txt --public-key log.pub
        rpawatch audit verify --since monday.txt --since tuesday.txt --json
    """,
)
@checks
def verify(
    *,
    since: Annotated[
        list[Path] | None,
        typer.Option(
            "--since",
            metavar="FILE",
            help="A checkpoint that you kept, from `audit checkpoint`. May be given several times: more narrow down"
            " what was changed.",
        ),
    ] = None,
    public_key: PublicKey = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Read the whole log, and check that it is the one that was signed.

    Without --since it is compared with what the database has alone, which whoever owns it could have made up. The exit
    code is 0 when it holds, 1 when it does not, 2 when it could not be checked.
    """
    with open_context(data_dir, database_url) as context, closing(context.services.connect_projector()) as connection:
        verifiers = _verifiers(connection, public_key)
        kept = [_kept(path, verifiers, origin(connection)) for path in since or ()]
        with ProgressBar("Reading the log") as progress:
            compared = compare(connection, kept, verifiers, progress.update)
        show(_answer(compared, kept), as_json=as_json)
    return DOES_NOT_HOLD if compared.findings else HOLDS


@command(
    AUDIT,
    "check",
    examples="""
        rpawatch audit check proof.json --public-key log.pub
        rpawatch audit check proof.json --public-key log.pub --checkpoint monday.txt
    """,
)
@checks
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="From `audit prove`.")],
    *,
    public_key: Annotated[
        Path,
        typer.Option(
            "--public-key", metavar="FILE", help="Public keys of the log, which you have from elsewhere than the proof."
        ),
    ],
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="The checkpoint that you kept; else the proof's."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check the proof of an event. Needs neither a database nor a network.

    The exit code is 0 when it holds, 1 when it does not, 2 when it could not be checked.
    """
    found = check_files(proof, public_key, checkpoint).as_json()
    if as_json:
        show(CommandResult(found, {}), as_json=True)
        return HOLDS
    event = found["event"] if isinstance(found["event"], dict) else {}
    shown = {"answer": "It holds.", **found, "at": event.get("timestamp"), "actor": event.get("actor")}
    show(CommandResult(shown, _PROOF_COLUMNS), as_json=False)
    return HOLDS


def _verifiers(connection: Connection, public_key: Path | None) -> list[Verifier]:
    if public_key is not None:
        return parse_vkeys(read_text(public_key))
    keys = [key.verifier for key in log_keys(connection)]
    if not keys:
        raise MalformedError("No public key of the log was published yet. Start the service once: `rpawatch serve`.")
    return keys


def _kept(path: Path, verifiers: Sequence[Verifier], name: str | None) -> Checkpoint:
    """Return the checkpoint in a file. Raises ProofError, MalformedError."""
    try:
        checkpoint = open_checkpoint(read_text(path), verifiers)
    except UnknownKeyError:
        raise UnknownKeyError(
            f"None of the public keys signed {path}. Were they exchanged, or is it of another log?"
        ) from None
    if checkpoint.origin != name:
        raise MalformedError(f"{path} is of the log {checkpoint.origin}, and this is {name}.")
    if checkpoint.size == 0:
        raise MalformedError(f"{path} is of a log without events, which proves nothing.")
    return checkpoint


def _answer(compared: LogComparison, kept: Sequence[Checkpoint]) -> CommandResult:
    document: dict[str, Any] = {
        "holds": not compared.findings,
        "events": compared.events,
        "root": base64.b64encode(compared.root).decode(),
        "signed_events": compared.signed,
        "heads": compared.heads,
        "strange_heads": compared.strange_heads,
        "kept": [checkpoint.size for checkpoint in kept],
        "items": [asdict(finding) for finding in compared.findings],
    }
    if compared.findings:
        note = "It does not hold. Keep this output and the checkpoint; docs/auditing.md says what to do next."
        return CommandResult(document, _FINDING_COLUMNS, note=note)
    line = f"It holds: {compared.events:,} events, {compared.heads:,} signed heads."
    if compared.events > compared.signed:
        line += f" Not signed yet: {compared.events - compared.signed:,}."
    notes = []
    if not kept:
        notes.append(
            "It was compared with what the database has alone. Keep a checkpoint elsewhere: rpawatch audit checkpoint"
        )
    if compared.strange_heads:
        notes.append(f"{compared.strange_heads:,} heads were left out: none of the public keys signed them.")
    return CommandResult(document, _FINDING_COLUMNS, groups=[], last_line=line, note="\n".join(notes) or None)
