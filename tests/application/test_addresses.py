"""An address is one person, in whatever form it is typed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from application.identity.users import normalised_email
from application.store.schema import migrate, migrations
from domain.errors import InvalidInputError
from domain.limits import EMAIL_CHARS_MAX
from projections.schema import create_tables

if TYPE_CHECKING:
    from tests.support.postgres import Server

NAME = "0013_addresses.sql"
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "jörg@müller.example") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    "typed",
    [
        COMPOSED,
        DECOMPOSED,
        " Jo\u0308RG@MÜLLER.example\u3000",
        "jörg@müller.example\u200b",
        "\ufeffJÖRG@müller.example",
    ],
)
def test_an_address_is_the_same_in_every_case_and_normal_form(typed: str) -> None:
    assert normalised_email(typed) == COMPOSED
    assert normalised_email(normalised_email(typed)) == COMPOSED


def test_a_capital_whose_small_letter_has_marks_is_the_same_too() -> None:
    assert normalised_email("İ@b.example") == normalised_email(normalised_email("İ@b.example"))


@pytest.mark.parametrize("text", ["", "\u200b@b.example", "a@\u2060", "a" * EMAIL_CHARS_MAX + "@b.example"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        normalised_email(text)


def test_those_who_were_stored_in_another_form_are_found_by_their_address(postgres: Server) -> None:
    url = postgres.create_database(empty=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("application.store.schema.migrations", lambda: [item for item in migrations() if item[0] != NAME])
        migrate(url, create_tables)
    twice = [unicodedata.normalize(form, "zoë@b.example") for form in ("NFC", "NFD")]
    with psycopg.connect(url, autocommit=True) as connection:
        for address in (DECOMPOSED, *twice):
            connection.execute(
                "INSERT INTO rpawatch.users (user_id, scope_id, email, name, created_at, password_salt)"
                " VALUES (%s, %s, %s, '', now(), %s)",
                (uuid4(), uuid4(), address, bytes(16)),
            )
        assert migrate(url, create_tables) == [NAME]
        found = {row[0] for row in connection.execute("SELECT email FROM rpawatch.users")}
    assert found == {COMPOSED, *twice}
    postgres.drop_database(url)
