"""`rpawatch audit checkpoint`, `public-key`, `rotate-key`, `prove`: what an auditor keeps, and proofs of events."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from application.store.errors import StoreUnavailableError
from domain.errors import NotFoundError
from domain.proof.check import read_text
from domain.proof.checkpoint import parse_checkpoint
from domain.proof.errors import MalformedError
from domain.proof.note import text_of
from domain.times import time_text
from interfaces.cli.audit.group import AUDIT
from interfaces.cli.operator_context import OperatorContext, open_context
from interfaces.cli.options import AsJson, DatabaseUrl, DataDir, OutputFile, uuid_of
from interfaces.cli.output import CommandError, CommandResult, WrongUsageError, notify, show, write_bytes
from interfaces.cli.private_file import private_file
from interfaces.cli.store_command import command, store_command
from interfaces.http.answers.proofs import log_keys_resource
from projections.log_tree.growth import TreeBeyondLogError
from projections.log_tree.heads import Head, head_of_size, latest_head, log_keys
from projections.log_tree.proving import NotProvableError, prove_position, prove_version
from projections.log_tree.signing import SigningKeyError, TreeSpoiltError, ensure_signing_key, exchange_key
from projections.log_tree.tiles import TileMissingError

if TYPE_CHECKING:
    from application.store.session import Connection
    from domain.proof.document import EventProof

_KEY_COLUMNS: Final = {"public_key": "Public key", "published_at": "Published", "retired_at": "Retired"}
_WAIT_SECONDS_MAX: Final = 120.0
"""Longest wait for a head: as long as a service that runs takes for two."""
_WAIT_STEP_SECONDS: Final = 1.0
_NO_HEAD: Final = (
    "No head of the log was signed yet. Start the service (`rpawatch serve`), which signs one each minute."
)


@command(
    AUDIT,
    "checkpoint",
    examples="""
        rpawatch audit checkpoint > monday.txt
        rpawatch audit checkpoint --json | jq .events
    """,
)
def checkpoint(
    *,
    size: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The one of the first N events; else the latest."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the signed head of the log, to be kept where the operator can't change it.

    While the service runs, it is at most a minute old. Otherwise the head of what the log has now is signed first.
    """
    with _proofs(data_dir, database_url) as (context, connection):
        if size is None:
            _sign_what_is_there(context, connection)
        head = latest_head(connection) if size is None else head_of_size(connection, size)
        if head is None and size is not None:
            raise CommandError(f"No head of {size} events was signed. Without --size you get the latest.")
        if head is None:
            raise CommandError(_NO_HEAD)
        if as_json:
            show(CommandResult(_head(head), {}), as_json=True)
        else:
            write_bytes(head.note.encode())


@command(
    AUDIT,
    "prove",
    examples="""
        rpawatch audit prove 0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11 --version 3 > proof.json
        rpawatch audit prove --position 4711 --checkpoint monday.txt --output proof.json
    """,
)
def prove(  # noqa: PLR0913 - each is an option
    key_id: Annotated[UUID | None, typer.Argument(metavar="[KEY_ID]", parser=uuid_of, help="As lists show it.")] = None,
    *,
    version: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The event of the key, from 1; `audit replay` shows them."),
    ] = None,
    position: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="In place of a key: any event, by its position in the log."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="For this checkpoint; else for the latest."),
    ] = None,
    output: OutputFile = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="For the head that the service signs next, if the event needs it: a minute.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make the proof that an event is in the log that was signed. `audit check` checks it, anywhere.

    It is a JSON document, with and without --json, and holds the event as it is stored.
    """
    del as_json
    if (key_id is None) == (position is None) or (key_id is None) != (version is None):
        raise WrongUsageError("Name the event: either KEY_ID and --version, or --position.")
    with _proofs(data_dir, database_url) as (context, connection):
        note = None if against is None else read_text(against)
        if note is None:
            _sign_what_is_there(context, connection)
        until = time.monotonic() + (_WAIT_SECONDS_MAX if wait and note is None else 0)
        proof = _proof_until(until, lambda: _proof(connection, key_id, version or 0, position, note))
        text = json.dumps(proof.as_json(), indent=2).encode() + b"\n"
        if output is None:
            write_bytes(text)
            return
        with private_file(output) as file:
            file.write(text)
        notify(f"{output} has the proof of the event at position {proof.position}.")


def _proof_until(until: float, prove_it: Callable[[], EventProof]) -> EventProof:
    while True:
        try:
            return prove_it()
        except NotProvableError:
            if time.monotonic() >= until:
                raise
        time.sleep(_WAIT_STEP_SECONDS)


def _proof(
    connection: Connection, key_id: UUID | None, version: int, position: int | None, note: str | None
) -> EventProof:
    try:
        if key_id is None:
            return prove_position(connection, position or 0, note)
        return prove_version(connection, key_id, version, note)
    except NotFoundError:
        where = f"at position {position}" if key_id is None else f"of version {version} in stream {key_id}"
        raise CommandError(f"The log has no event {where}. `rpawatch audit replay` shows those of a key.") from None


@command(
    AUDIT,
    "public-key",
    examples="""
        rpawatch audit public-key > log.pub
        rpawatch audit public-key --json
    """,
)
def public_key(*, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the public keys of the log, each on a line, with a remark when it was used."""
    with _proofs(data_dir, database_url) as (context, connection):
        _prepare_key(context, connection)
        keys = log_keys(connection)
        if as_json:
            show(CommandResult(dict(log_keys_resource(keys)), _KEY_COLUMNS), as_json=True)
            return
        for key in keys:
            until = "in use" if key.retired_at is None else f"retired {time_text(key.retired_at)}"
            write_bytes(f"# published {time_text(key.published_at)}, {until}\n{key.vkey}\n".encode())


@store_command(AUDIT, "rotate-key", examples="rpawatch audit rotate-key\nrpawatch audit rotate-key --lost")
def rotate_key(
    context: OperatorContext,
    *,
    is_lost: Annotated[
        bool, typer.Option("--lost", help="The old key's file is gone, so that it can't sign that there is a new one.")
    ] = False,
) -> CommandResult:
    """Make another signing key. The old one stays published, as retired, and its file is replaced.

    The head of the log is signed by both, so that whoever trusts the old key comes to trust the new one. Auditors fetch
    `audit public-key` again.
    """
    path = context.settings.signing_key_path
    with closing(context.services.connect_projector()) as connection, _proving():
        if not is_lost:
            _sign_what_is_there(context, connection)
        verifier = exchange_key(path, connection, is_lost=is_lost)
    document = {"public_key": verifier.vkey, "file": str(path)}
    return CommandResult(document, {"public_key": "Public key", "file": "Private key"})


@contextmanager
def _proofs(data_dir: Path | None, database_url: str | None) -> Iterator[tuple[OperatorContext, Connection]]:
    with (
        open_context(data_dir, database_url) as context,
        closing(context.services.connect_projector()) as connection,
        _proving(),
    ):
        yield context, connection


@contextmanager
def _proving() -> Iterator[None]:
    """Turn what keeps a head from being signed, or a proof from being made, into the line that a command ends with."""
    try:
        yield
    except (
        SigningKeyError,
        TreeSpoiltError,
        TreeBeyondLogError,
        TileMissingError,
        NotProvableError,
        MalformedError,
    ) as error:
        raise CommandError(str(error)) from None


def _prepare_key(context: OperatorContext, connection: Connection) -> None:
    try:
        ensure_signing_key(context.settings.signing_key_path, connection)
    except SigningKeyError as error:
        notify(f"Warning: {error}")


def _sign_what_is_there(context: OperatorContext, connection: Connection) -> None:
    """Sign the head of the log if no service does that; where it can't be signed, what was signed before has to do."""
    _prepare_key(context, connection)
    try:
        context.services.tree_follower(context.settings.signing_key_path).catch_up()
    except (SigningKeyError, StoreUnavailableError) as error:
        notify(f"Warning: {error}")


def _head(head: Head) -> dict[str, Any]:
    found = parse_checkpoint(text_of(head.note))
    return {
        "log": found.origin,
        "events": found.size,
        "root": base64.b64encode(found.root).decode(),
        "signed_at": time_text(head.signed_at),
        "note": head.note,
    }
