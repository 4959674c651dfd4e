"""The file `.env`: taken as every editor and shell writes it, or refused with file and line, and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.env_file import BYTES_MAX, EnvFileError, read_env_file

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = {
    "plain": b"RPAWATCH_LISTEN=[::1]:8000\n",
    "without an end": b"RPAWATCH_LISTEN=[::1]:8000",
    "a BOM": b"\xef\xbb\xbfRPAWATCH_LISTEN=[::1]:8000\n",
    "UTF-16 of PowerShell": "RPAWATCH_LISTEN=[::1]:8000\r\n".encode("utf-16"),
    "CR LF": b"# of Windows\r\nRPAWATCH_LISTEN=[::1]:8000\r\n\r\n",
    "CR": b"A=1\rRPAWATCH_LISTEN=[::1]:8000\r",
    "single quotes": b"RPAWATCH_LISTEN='[::1]:8000'\n",
    "double quotes": b'RPAWATCH_LISTEN="[::1]:8000"\n',
    "export": b"export RPAWATCH_LISTEN=[::1]:8000\n",
    "blanks": b"  RPAWATCH_LISTEN = [::1]:8000  \n",
    "a comment behind": b"RPAWATCH_LISTEN=[::1]:8000 # here\n",
    "an umlaut elsewhere": "NAME=Müller\nRPAWATCH_LISTEN=[::1]:8000\n# für uns\n".encode(),
    "small letters": b"rpawatch_listen=[::1]:8000\n",
    "another one's lines": b"this is no line\nOTHER\nA='\nRPAWATCH_LISTEN=[::1]:8000\n",
    "twice": b"RPAWATCH_LISTEN=nowhere\nRPAWATCH_LISTEN=[::1]:8000\n",
    "another variable in it": b"PORT=8000\nRPAWATCH_LISTEN=[::1]:${PORT}\n",
}
REFUSED = {
    "Latin-1": (b"# \xfcber\nRPAWATCH_LISTEN=x\n", 1, "0xfc is not UTF-8"),
    "Latin-1 further down": (b"A=1\r\n\r\nRPAWATCH_ADMIN_EMAIL=j\xf6rg@example.com\r\n", 3, "0xf6 is not UTF-8"),
    "UTF-16 without a mark": ("RPAWATCH_LISTEN=x\n".encode("utf-16-le"), 1, "NUL"),
    "half of UTF-16": (b"\xff\xfeR", 1, "is not UTF-8"),
    "an open quote": (b"A=1\n\n\nRPAWATCH_ADMIN_PASSWORD='s3cret\n", 4, "not NAME=value"),
    "text behind a quote": (b'RPAWATCH_ADMIN_PASSWORD="s3cret" s3cret\n', 1, "not NAME=value"),
    "no value": (b"\nRPAWATCH_WORKERS\n", 2, "RPAWATCH_WORKERS has no value"),
    "a colon": (b"RPAWATCH_ADMIN_PASSWORD: s3cret\n", 1, "not NAME=value"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_read_however_it_is_written(name: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(TAKEN[name])
    ((found, value),) = read_env_file(file, "RPAWATCH_").items()
    assert (found.upper(), value) == ("RPAWATCH_LISTEN", "[::1]:8000")


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_read_is_named_by_file_and_line_and_not_repeated(name: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    data, line, why = REFUSED[name]
    file.write_bytes(data)
    with pytest.raises(EnvFileError) as refused:
        read_env_file(file, "RPAWATCH_")
    text = str(refused.value)
    assert text.startswith(f"{file}, line {line}: ")
    assert why in text
    assert "s3cret" not in text
    assert "\n" not in text


def test_none_and_a_folder_are_no_variables(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env", "RPAWATCH_") == {}
    (tmp_path / ".env").mkdir()
    assert read_env_file(tmp_path / ".env", "RPAWATCH_") == {}


def test_a_file_that_is_no_file_of_settings_is_not_read_on(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"#" * (BYTES_MAX + 1))
    with pytest.raises(EnvFileError, match=f"more than {BYTES_MAX} bytes"):
        read_env_file(file, "RPAWATCH_")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_stands_there_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.env"
    file.write_bytes(before + b"RPAWATCH_LISTEN" + after)
    try:
        found = read_env_file(file, "RPAWATCH_")
    except EnvFileError as refused:
        assert str(refused).startswith(f"{file}, line ")  # noqa: PT017 - either is right
    else:
        assert all(name.upper().startswith("RPAWATCH_") for name in found)


def test_a_file_that_may_not_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    with pytest.raises(EnvFileError, match=r"can't be read \(Not a directory\)"):
        read_env_file(file / ".env", "RPAWATCH_")
