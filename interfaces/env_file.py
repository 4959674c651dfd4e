"""The file `.env`: read as the shells and editors of all systems write it, or refused with file and line."""

from __future__ import annotations

import codecs
from io import StringIO
from typing import TYPE_CHECKING, Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

if TYPE_CHECKING:
    from pathlib import Path

BYTES_MAX: Final = 1024 * 1024
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The marks that PowerShell's `>` begins a file with."""


class EnvFileError(Exception):
    """The file can't be used. The message names it, the line, and what to do; nothing of what stands there."""


def read_env_file(path: Path, prefix: str) -> dict[str, str]:
    """Return the variables in a file whose names begin with a prefix; none where there is no file.

    Lines as in a shell: NAME=value, with or without `export` and quotes, comments, and ends of any system's. Lines
    without the prefix are others' business. Raises EnvFileError.
    """
    where = path.absolute()
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except (FileNotFoundError, IsADirectoryError):
        # A folder of this name is somebody's Python environment.
        return {}
    except OSError as error:
        raise EnvFileError(f"{where} can't be read ({error.strerror or error}). Check who may read it") from None
    if len(data) > BYTES_MAX:
        raise EnvFileError(f"{where} has more than {BYTES_MAX} bytes. It is for settings alone, one a line")
    text = _text(where, data)
    for binding in parse_stream(StringIO(text)):
        if prefix not in binding.original.string.upper():
            continue
        line = f"{where}, line {binding.original.line + _lines_before(binding.original.string)}"
        if binding.error:
            raise EnvFileError(f"{line}: this is not NAME=value. Put quotes around a value with blanks or quotes in it")
        if binding.key is not None and binding.value is None:
            raise EnvFileError(f"{line}: {binding.key[:60]} has no value. Write {binding.key[:60]}=value")
    # Once more, for what `${NAME}` stands for.
    variables = dotenv_values(stream=StringIO(text))
    return {name: value or "" for name, value in variables.items() if name.upper().startswith(prefix)}


def _text(where: Path, data: bytes) -> str:
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EnvFileError(
            f"{where}, line {line}: byte {data[error.start]:#04x} is not UTF-8. Save the file as UTF-8, not as Latin-1"
            " or another encoding"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise EnvFileError(f"{where}, line {line}: a NUL character stands there. Save the file as UTF-8")
    return text


def _lines_before(original: str) -> int:
    """Return how many empty lines a binding begins with: they are counted as part of it."""
    return original[: len(original) - len(original.lstrip())].count("\n")
