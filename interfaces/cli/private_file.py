"""Writing a file that is there as a whole or not at all, and that only its owner may read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from interfaces.cli.output import CommandError


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Lend a file that takes the place of `path` when the block ends well, and is gone when it does not.

    Raises CommandError when it can't be written.
    """
    try:
        # Where a link leads, so that the link stays; and never a device or a pipe, which others use.
        place = path.resolve()
        if place.exists() and not place.is_file():
            raise CommandError(
                f"{path} is no ordinary file. Name another, or leave --output out and use a redirection."
            )
        # It has mode 0600 from the start, and a name that nobody guesses.
        descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:100]}.", dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise CommandError(
            f"{path} can't be written ({error.strerror or error}). Nothing was left there; check folder and room."
        ) from None
