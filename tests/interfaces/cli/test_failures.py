"""Every expected failure has one line and an exit code; what is not expected is not hidden."""

from __future__ import annotations

import pytest

from application.store.embedded.files import EmbeddedPostgresError
from application.store.errors import ConflictError, StoreSetupError, StoreUnavailableError
from domain import errors
from interfaces.cli.failures import expected_failure
from interfaces.cli.main import run
from interfaces.settings import SettingsError
from tests.support.refusals import EVERY_REFUSAL


@pytest.mark.parametrize("error", EVERY_REFUSAL, ids=lambda error: type(error).__name__)
def test_every_refusal_of_the_domain_has_a_line(error: errors.DomainError) -> None:
    failure = expected_failure(error)
    assert failure is not None
    code, line = failure
    assert code == 1
    assert line[0].isupper() or line.startswith("flow_id")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailableError("x"), 3),
        (ConflictError(), 3),
        (StoreSetupError("the database is old: use a newer one"), 3),
        (EmbeddedPostgresError("the folder is taken: use another"), 3),
        (SettingsError("RPAWATCH_LISTEN must be address:port."), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_trouble_with_store_and_settings_has_its_own_code(error: Exception, code: int) -> None:
    failure = expected_failure(error)
    assert failure is not None
    assert failure[0] == code
    assert failure[1][0].isupper()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "OperationalError: connection failed: ... Connection refused\n\tIs the server running",
            " (connection refused)",
        ),
        (
            'OperationalError: connection failed: FATAL:  password authentication failed for user "x"\n',
            ' (password authentication failed for user "x")',
        ),
        ("OperationalError: failed to resolve host 'ecret@db.example.com'", " (failed to resolve host)"),
        ("PoolTimeout: couldn't get a connection after 2.00 sec", ""),
    ],
)
def test_why_the_store_is_away_is_said_without_a_piece_of_the_password(said: str, reason: str) -> None:
    failure = expected_failure(StoreUnavailableError(said))
    assert failure is not None
    assert f"did not answer in time{reason}. Check" in failure[1]
    assert "ecret" not in failure[1]


def test_broken_rules_are_listed_in_one_line() -> None:
    rules = [errors.FieldError("name", "must not be blank"), errors.FieldError("limit", "must be from 1 to 10000")]
    assert expected_failure(errors.InvalidInputError(rules)) == (
        1,
        "Name must not be blank; limit must be from 1 to 10000.",
    )


def test_what_nobody_expected_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("interfaces.cli.main.build_app", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run(["accounts", "list"])


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("interfaces.cli.operator_context.open_services", interrupted)
    assert run(["accounts", "list"]) == 130
    assert capsys.readouterr() == ("", "")
