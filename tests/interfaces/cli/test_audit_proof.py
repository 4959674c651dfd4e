"""`rpawatch audit checkpoint`, `verify`, `prove`, `check`, `public-key`, `rotate-key`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from application.store.database import connect
from interfaces.bootstrap import Services
from projections.paging import PageRequest
from projections.tracking import wait_for
from tests.interfaces.cli.commands import environment
from tests.interfaces.cli.set_up import create_key, end_key
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.interfaces.cli.commands import Ran
    from tests.interfaces.cli.conftest import Rpawatch
    from tests.support.postgres import Server

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("key")
HOLDS, DOES_NOT_HOLD, NOT_CHECKED = 0, 1, 2


@pytest.fixture(scope="module")
def installation(postgres: Server) -> tuple[str, UUID]:
    """A database with an installation, and the id of a key that was made and ended in it."""
    url = postgres.create_database()
    with Services(url, threads=2) as services:
        services.begin().follow()
        wait_until(lambda: lists_are_current(services), "the lists show the first account")
        [account] = services.accounts.page(services.tenant_id, PageRequest(limit=2)).items
        key_id = create_key(services, account.id, "Nightly run")
        end_key(services, account.id, key_id)
        wait_until(lambda: lists_are_current(services), "the lists show the key")
    return url, key_id


def lists_are_current(services: Services) -> bool:
    return wait_for(services.database, services.event_sourcing.recorder.last_position())


@pytest.fixture
def url(postgres: Server, installation: tuple[str, UUID]) -> Iterator[str]:
    """The URL of a copy of it for one test, which no service uses."""
    url = postgres.create_database(like=installation[0])
    yield url
    postgres.drop_database(url)


@pytest.fixture
def store(rpawatch: Rpawatch, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rpawatch:
    """The command line on it, with a signing key of its own."""
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", url)
    monkeypatch.setenv("RPAWATCH_SIGNING_KEY", str(tmp_path / "signing-key.pem"))
    return rpawatch


@pytest.fixture
def key(installation: tuple[str, UUID]) -> str:
    return str(installation[1])


def save(ran: Ran, name: str) -> str:
    """Keep what a command printed, as a shell does with `>`."""
    assert ran.code == 0, ran.err
    Path(name).write_text(ran.out, encoding="utf-8")
    return name


def attack(url: str, sql: str, *parameters: int) -> None:
    with connect(url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(sql.encode(), parameters or None)


def test_a_log_that_nobody_touched_holds_against_what_an_auditor_kept(store: Rpawatch) -> None:
    monday = save(store("audit", "checkpoint"), "monday.txt")
    public = save(store("audit", "public-key"), "log.pub")
    store("keys", "create", "Another")
    shown = store("audit", "verify", "--since", monday, "--public-key", public)
    assert shown.code == HOLDS
    assert shown.out.startswith("It holds: ")
    assert "Not signed yet: 1." in shown.out
    found = store("audit", "verify", "--since", monday, "--json").json
    assert (found["holds"], found["items"], len(found["kept"])) == (True, [], 1)


def test_what_the_database_has_alone_is_said_to_prove_little(store: Rpawatch) -> None:
    store("audit", "checkpoint")
    shown = store("audit", "verify")
    assert shown.code == HOLDS
    assert "Keep a checkpoint elsewhere" in shown.err


def test_an_event_that_was_changed_is_named(store: Rpawatch, url: str) -> None:
    monday = save(store("audit", "checkpoint"), "monday.txt")
    attack(url, "UPDATE rpawatch.events SET state = state || 'x'::bytea WHERE notification_id = 3")
    shown = store("audit", "verify", "--since", monday)
    assert shown.code == DOES_NOT_HOLD
    assert "The event at position 3 is not the one" in shown.out
    assert "It does not hold" in shown.err
    [item] = store("audit", "verify", "--since", monday, "--json").json["items"]
    assert (item["kind"], item["position"]) == ("changed", 3)


def test_several_kept_checkpoints_narrow_down_what_was_forged_with_its_tree(store: Rpawatch, url: str) -> None:
    monday = save(store("audit", "checkpoint"), "monday.txt")
    signed = store("audit", "checkpoint", "--json").json["events"]
    store("keys", "create", "Another")
    tuesday = save(store("audit", "checkpoint"), "tuesday.txt")
    attack(url, "UPDATE rpawatch.events SET state = state || 'x'::bytea WHERE notification_id > %s", signed)
    attack(url, "TRUNCATE rpawatch.tree_tiles, rpawatch.checkpoints")
    [item] = store("audit", "verify", "--since", tuesday, "--json").json["items"]
    assert (item["kind"], item["position"]) == ("unknown", 1)
    [item] = store("audit", "verify", "--since", monday, "--since", tuesday, "--json").json["items"]
    assert (item["kind"], item["position"]) == ("unknown", signed + 1)


def test_a_proof_is_checked_in_a_folder_with_nothing_else(store: Rpawatch, key: str, tmp_path: Path) -> None:
    save(store("audit", "checkpoint"), "monday.txt")
    save(store("audit", "public-key"), "log.pub")
    save(store("audit", "prove", key, "--version", "2", "--checkpoint", "monday.txt"), "proof.json")
    away = tmp_path / "away"
    away.mkdir()
    for name in ("monday.txt", "log.pub", "proof.json"):
        shutil.copy(name, away)
    arguments = ["check", "proof.json", "--checkpoint", "monday.txt", "--public-key", "log.pub"]
    shown = offline([str(Path(sys.executable).with_name("rpawatch")), "audit", *arguments], away)
    assert (shown.returncode, shown.stderr) == (HOLDS, "")
    assert "It holds." in shown.stdout
    assert key in shown.stdout
    assert "api_key.deactivated" in shown.stdout
    document = json.loads((away / "proof.json").read_text(encoding="utf-8"))
    (away / "proof.json").write_text(json.dumps(document | {"version": 1}), encoding="utf-8")
    assert offline([str(Path(sys.executable).with_name("rpawatch")), "audit", *arguments], away).returncode == 1


def test_a_proof_is_checked_with_one_folder_of_the_sources_alone(store: Rpawatch, key: str, tmp_path: Path) -> None:
    save(store("audit", "public-key"), "log.pub")
    save(store("audit", "prove", key, "--version", "1"), "proof.json")
    away = tmp_path / "away"
    shutil.copytree(ROOT / "domain" / "proof", away / "domain" / "proof")
    for name in ("log.pub", "proof.json"):
        shutil.copy(name, away)
    # A namespace package in this folder, and of what is installed nothing but cryptography and what that needs.
    program = (
        "import sys; sys.path.insert(0, '.'); from domain.proof.check import main; code = main();"
        "ours = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names;"
        "assert not ours & {'pydantic', 'eventsourcing', 'psycopg', 'falcon', 'typer', 'application', 'projections'};"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "proof.json", "--public-key", "log.pub"]
    shown = offline(command, away)
    assert shown.returncode == HOLDS, shown.stderr
    assert json.loads(shown.stdout)["stream"] == key
    (away / "log.pub").write_text("nothing\n", encoding="utf-8")
    assert offline(command, away).returncode == NOT_CHECKED


def offline(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where there is no database, and no setting that names one."""
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )


def test_what_was_changed_in_a_proof_does_not_hold(store: Rpawatch, key: str) -> None:
    save(store("audit", "public-key"), "log.pub")
    document = json.loads(store("audit", "prove", key, "--version", "1").out)
    changes: list[dict[str, Any]] = [{"version": 2}, {"position": 1}, {"topic": "api_key.renamed"}, {"hashes": []}]
    for change in changes:
        Path("proof.json").write_text(json.dumps(document | change), encoding="utf-8")
        shown = store("audit", "check", "proof.json", "--public-key", "log.pub")
        assert shown.code == DOES_NOT_HOLD, change
        assert shown.err.startswith("It does not hold.")


@pytest.mark.parametrize(
    ("proof", "public", "kept", "words"),
    [
        ("none.json", "log.pub", None, "none.json can't be read"),
        ("proof.json", "none.pub", None, "none.pub can't be read"),
        ("proof.json", "log.pub", "none.txt", "none.txt can't be read"),
        ("log.pub", "log.pub", None, "no proof of an event"),
        ("proof.json", "proof.json", None, "no public key"),
        ("proof.json", "log.pub", "log.pub", "no signed note"),
        ("proof.json", "log.pub", "later.txt", "Have a proof made for this checkpoint"),
    ],
)
def test_what_can_not_be_read_could_not_be_checked(
    store: Rpawatch, key: str, proof: str, public: str, kept: str | None, words: str
) -> None:
    save(store("audit", "public-key"), "log.pub")
    save(store("audit", "prove", key, "--version", "1"), "proof.json")
    store("keys", "create", "Another")
    save(store("audit", "checkpoint"), "later.txt")
    more = [] if kept is None else ["--checkpoint", kept]
    shown = store("audit", "check", proof, "--public-key", public, *more)
    assert shown.code == NOT_CHECKED
    assert words in shown.err


def test_a_database_that_is_away_is_no_answer(rpawatch: Rpawatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPAWATCH_DATABASE_URL", "postgresql://127.0.0.1:1/nothing")
    shown = rpawatch("audit", "verify")
    assert shown.code == NOT_CHECKED
    assert "could not be checked" in shown.err
    assert "store can't be reached" in shown.err


def test_a_checkpoint_of_another_log_or_of_nobody_is_none_of_this_one(store: Rpawatch) -> None:
    monday = save(store("audit", "checkpoint"), "monday.txt")
    text = Path(monday).read_text(encoding="utf-8")
    Path("forged.txt").write_text(text.replace("\n4\n", "\n3\n").replace("\n5\n", "\n3\n"), encoding="utf-8")
    assert store("audit", "verify", "--since", "forged.txt").code == DOES_NOT_HOLD
    Path("other.txt").write_text(text.replace("rpawatch/", "rpawatch/x"), encoding="utf-8")
    assert store("audit", "verify", "--since", "other.txt").code == DOES_NOT_HOLD
    Path("none.txt").write_text("no note\n", encoding="utf-8")
    assert store("audit", "verify", "--since", "none.txt").code == NOT_CHECKED


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("{key}",),
        ("--version", "1"),
        ("{key}", "--position", "1"),
        ("{key}", "--version", "1", "--position", "1"),
        ("--position", "0"),
        ("{key}", "--version", "0"),
    ],
)
def test_a_proof_needs_one_event_to_be_named(store: Rpawatch, key: str, arguments: tuple[str, ...]) -> None:
    assert store("audit", "prove", *(part.format(key=key) for part in arguments)).code == 2


def test_any_event_can_be_named_by_its_position(store: Rpawatch, key: str) -> None:
    assert json.loads(store("audit", "prove", "--position", "1").out)["position"] == 1
    for arguments in (("--position", "999999"), (key, "--version", "99")):
        shown = store("audit", "prove", *arguments)
        assert shown.code == 1
        assert "has no event" in shown.err


def test_an_event_that_came_later_has_no_proof_for_an_older_checkpoint(store: Rpawatch) -> None:
    save(store("audit", "checkpoint"), "monday.txt")
    later = store("keys", "create", "Another", "--json").json["id"]
    shown = store("audit", "prove", later, "--version", "1", "--checkpoint", "monday.txt")
    assert shown.code == 1
    assert "came after the checkpoint" in shown.err


def test_a_proof_can_be_written_to_a_file(store: Rpawatch, key: str) -> None:
    shown = store("audit", "prove", key, "--version", "1", "--output", "proof.json")
    assert (shown.code, shown.out) == (0, "")
    assert Path("proof.json").stat().st_mode & 0o077 == 0
    assert json.loads(Path("proof.json").read_text(encoding="utf-8"))["stream"] == key


def test_a_key_that_was_exchanged_leaves_both_published_and_a_head_signed_by_both(store: Rpawatch) -> None:
    monday = save(store("audit", "checkpoint"), "monday.txt")
    old = save(store("audit", "public-key"), "old.pub")
    made = store("audit", "rotate-key", "--json").json
    keys = store("audit", "public-key", "--json").json["items"]
    assert [item["retired_at"] is None for item in keys] == [False, True]
    assert keys[1]["public_key"] == made["public_key"]
    both = store("audit", "checkpoint").out
    assert both.count("\u2014 rpawatch/") == 2
    Path("both.txt").write_text(both, encoding="utf-8")
    # Whoever has the old key alone still checks what was signed with it, and the head that hands over.
    for kept in (monday, "both.txt"):
        assert store("audit", "verify", "--since", kept, "--public-key", old).code == HOLDS
    store("keys", "create", "Another")
    save(store("audit", "checkpoint"), "new.txt")
    assert store("audit", "verify", "--since", "new.txt", "--public-key", old).code == DOES_NOT_HOLD
    assert store("audit", "verify", "--since", "new.txt", "--since", monday).code == HOLDS


def test_a_key_that_was_lost_is_exchanged_without_it(store: Rpawatch, tmp_path: Path) -> None:
    store("audit", "checkpoint")
    (tmp_path / "signing-key.pem").unlink()
    shown = store("audit", "checkpoint")
    assert shown.code == 0
    assert "--lost" in shown.err
    assert store("audit", "rotate-key").code == 1
    assert store("audit", "rotate-key", "--lost").code == 0
    assert (tmp_path / "signing-key.pem").stat().st_mode & 0o777 == 0o600
    store("keys", "create", "Another")
    assert store("audit", "checkpoint").err == ""


def test_an_exchange_that_was_cut_short_is_finished(store: Rpawatch, tmp_path: Path) -> None:
    store("audit", "checkpoint")
    path = tmp_path / "signing-key.pem"
    before = path.read_bytes()
    made: Any = store("audit", "rotate-key", "--json").json
    # As it is when the machine stops between the database and the file.
    path.rename(tmp_path / "signing-key.pem.next")
    path.write_bytes(before)
    path.chmod(0o600)
    assert store("audit", "rotate-key", "--json").json["public_key"] == made["public_key"]
    assert not (tmp_path / "signing-key.pem.next").exists()
    assert store("audit", "checkpoint").err == ""


def test_a_head_of_an_earlier_size_can_be_had_again(store: Rpawatch) -> None:
    first = store("audit", "checkpoint")
    size = store("audit", "checkpoint", "--json").json["events"]
    store("keys", "create", "Another")
    store("audit", "checkpoint")
    assert store("audit", "checkpoint", "--size", str(size)).out == first.out
    shown = store("audit", "checkpoint", "--size", "999")
    assert shown.code == 1
    assert "No head of 999 events" in shown.err
