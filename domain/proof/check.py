"""Checking the proof of an event without the service: no database, no network, no packages but cryptography.

`rpawatch audit check` is this. Whoever does not want the rest takes the folder domain/proof, and runs
`python -m domain.proof.check PROOF --public-key FILE [--checkpoint FILE]`. The exit code is 0 when the proof holds, 1
when it does not, 2 when it could not be checked.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from domain.proof.document import DOCUMENT_BYTES_MAX, read_document
from domain.proof.errors import MalformedError, ProofError
from domain.proof.note import NOTE_BYTES_MAX, parse_vkeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.proof.checkpoint import Checkpoint
    from domain.proof.document import EventProof

HOLDS: Final = 0
DOES_NOT_HOLD: Final = 1
NOT_CHECKED: Final = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """A proof that holds, and the signed head that it holds against."""

    proof: EventProof
    checkpoint: Checkpoint

    def as_json(self) -> dict[str, Any]:
        """Return what was proven. event: what the stored bytes say."""
        return {
            "holds": True,
            "log": self.checkpoint.origin,
            "events": self.checkpoint.size,
            "position": self.proof.position,
            "stream": str(self.proof.stream),
            "version": self.proof.version,
            "topic": self.proof.topic,
            "event": _event(self.proof.state),
        }


def check_files(proof: Path, public_key: Path, checkpoint: Path | None) -> Checked:
    """Check the proof in a file with the public keys in another, against the checkpoint that the caller kept, if any.

    Raises ProofError when it does not hold, MalformedError when it could not be checked.
    """
    verifiers = parse_vkeys(read_text(public_key, NOTE_BYTES_MAX))
    kept = None if checkpoint is None else read_text(checkpoint, NOTE_BYTES_MAX)
    found = read_document(_read(proof, DOCUMENT_BYTES_MAX))
    return Checked(found, found.check(verifiers, kept))


def read_text(path: Path, bytes_max: int = NOTE_BYTES_MAX) -> str:
    """Return the text in a file. Raises MalformedError."""
    try:
        return _read(path, bytes_max).decode()
    except UnicodeDecodeError:
        raise MalformedError(f"{path} is no text in UTF-8.") from None


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise MalformedError(f"{path} can't be read ({error.strerror or error}).") from None
    if len(content) > bytes_max:
        raise MalformedError(f"{path} is larger than {bytes_max} bytes.")
    return content


def _event(state: bytes) -> Any:  # noqa: ANN401 - JSON, of whatever was stored
    try:
        return json.loads(state)
    except (ValueError, RecursionError):
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a proof, say what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m domain.proof.check", description="Check the proof of an event.")
    parser.add_argument("proof", type=Path)
    parser.add_argument("--public-key", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    asked = parser.parse_args(arguments)
    try:
        checked = check_files(asked.proof, asked.public_key, asked.checkpoint)
    except ProofError as error:
        sys.stderr.write(f"It does not hold. {error}\n")
        return DOES_NOT_HOLD
    except MalformedError as error:
        sys.stderr.write(f"It could not be checked. {error}\n")
        return NOT_CHECKED
    sys.stdout.write(json.dumps(checked.as_json(), indent=2) + "\n")
    return HOLDS


if __name__ == "__main__":
    sys.exit(main())
