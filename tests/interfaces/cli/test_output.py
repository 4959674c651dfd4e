"""What people and scripts see, in whatever terminal there is, or in none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain import key_secret
from interfaces.cli.output import CommandResult, Group, notify, printable, show
from tests.interfaces.cli.commands import command_line, environment

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "0b9f9a4e-32d2-4f6c-9f0e-1b7f2d7e8c11"
COLUMNS = {"id": "Id", "name": "Name", "made_at": "Made"}


def item(name: str) -> dict[str, str]:
    return {"id": ID, "name": name, "made_at": "2026-03-10T21:48:52.101000Z"}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make standard output a colour terminal of so many columns."""

    def terminal(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)

    return terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[red]x[/red] 日本 é 👩‍🔬", "[red]x[/red] 日本 é 👩‍🔬"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd\x7f\x00", "a\\x0ab\\x09c\\x0dd\\x7f\\x00"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("line\u2028end\ud800", "line\\u2028end\\ud800"),
    ],
)
def test_control_characters_are_spelled_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_hostile_name_steers_no_terminal(capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]) -> None:
    terminal(200)
    show(CommandResult({"items": [item("\x1b]0;owned\x07 [bold]x")]}, COLUMNS), as_json=False)
    out = capsys.readouterr().out
    assert "\\x1b]0;owned\\x07 [bold]x" in out
    assert "\x1b]0" not in out
    assert "\x07" not in out


def test_json_is_one_document_in_ascii_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"items": [item("Zoë \u202e\x1b")]}
    show(CommandResult(document, COLUMNS, note="Take care."), as_json=True)
    out, err = capsys.readouterr()
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == document
    assert err == "Take care.\n"


def test_without_a_terminal_a_row_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    show(CommandResult({"items": [item("x" * 500), item("y")]}, COLUMNS), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "x" * 500 in lines[2]
    assert "\x1b" not in "".join(lines)


def test_in_a_narrow_terminal_ids_stay_whole(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    terminal(40)
    show(CommandResult({"items": [item("Finance"), item("Service")]}, COLUMNS), as_json=False)
    out = capsys.readouterr().out
    assert out.count(ID) == 2
    assert "─" not in out


def test_in_a_wide_terminal_there_is_a_table(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    terminal(120)
    show(CommandResult({"items": [item("Finance")]}, COLUMNS), as_json=False)
    out = capsys.readouterr().out
    assert "─" in out
    assert "2026-03-10 21:48:52Z" in out


def test_no_color_means_no_color(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(120)
    monkeypatch.setenv("NO_COLOR", "1")
    show(CommandResult({"items": [item("Finance")]}, COLUMNS), as_json=False)
    out = capsys.readouterr().out
    assert "\x1b[3" not in out
    assert "\x1b[9" not in out


def test_values_are_shown_as_words(capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"yes": True, "no": False, "none": None, "list": ["a", "b"], "empty": [], "blank": None}
    counts = {"counts": {"total": 3, "failed": 0}}
    show(
        CommandResult(fields | counts, {name: name for name in fields | counts}, blanks={"blank": "(all)"}),
        as_json=False,
    )
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown == {
        "yes": "yes", "no": "no", "none": "-", "list": "a, b", "empty": "-", "blank": "(all)",
        "counts": "total 3, failed 0",
    }  # fmt: skip


def test_groups_are_tables_under_headings_with_a_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    groups = [Group("First \x1b", [item("a"), item("b")]), Group("Second", [item("c")])]
    result = CommandResult({"items": []}, COLUMNS, groups=groups, last_line="3 in all.\x1b")
    show(result, as_json=False)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    shown = [line.split()[1] for line in lines if line.startswith(ID)]
    assert shown == ["a", "b", "c"]
    assert (lines[0], lines[6], lines[-1]) == ("First \\x1b", "Second", "3 in all.\\x1b")
    show(result, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"items": []}


def test_no_groups_are_the_last_line_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show(CommandResult({}, COLUMNS, groups=[], last_line="Nothing."), as_json=False)
    assert capsys.readouterr() == ("Nothing.\n", "")


def test_a_key_in_a_message_is_cut_to_its_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    secret = key_secret.generate()
    notify(f"can't use {secret.text}\nhere")
    assert capsys.readouterr().err == f"can't use rpakey_{secret.prefix}…\nhere\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_answer_that_can_not_be_written_says_that_the_work_was_done(tmp_path: Path, *, as_json: bool) -> None:
    script = f"""
import sys
from interfaces.cli.output import CommandResult, CommandError, show
try:
    show(CommandResult({{"name": "x"}}, {{"name": "Name"}}), as_json={as_json})
except CommandError as error:
    sys.exit(str(error))
"""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "The answer can't be written (No space left on device). What was asked for was done all the same.\n",
    )


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command_line("--help"),
            cwd=tmp_path,
            env=environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
