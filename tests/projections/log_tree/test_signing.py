"""The file of the signing key: made once, for its owner alone, and never replaced by itself."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from application.store.database import PROJECTOR_ROLE, connect
from projections.log_tree.heads import log_keys, origin
from projections.log_tree.signing import SigningKeyError, ensure_signing_key, load_signer, new_signer, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from application.store.session import Connection
    from tests.support.postgres import Server


@pytest.fixture
def connection(postgres: Server) -> Iterator[Connection]:
    """An installation that was just set up, as whoever signs sees it."""
    url = postgres.create_database()
    with connect(url) as owner:
        owner.execute("INSERT INTO rpawatch.installation (tenant_id, created_at) VALUES (%s, now())", (uuid4(),))
    with closing(connect(url, role=PROJECTOR_ROLE)) as connection:
        yield connection
    postgres.drop_database(url)


def published(connection: Connection) -> list[str]:
    return [key.vkey for key in log_keys(connection)]


def test_the_first_start_makes_it_for_its_owner_alone_and_publishes_it(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "signing-key.pem"
    ensure_signing_key(path, connection)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    name = origin(connection)
    assert name is not None
    assert published(connection) == [load_signer(path, name).verifier.vkey]
    before = path.read_bytes()
    ensure_signing_key(path, connection)
    assert path.read_bytes() == before
    assert len(published(connection)) == 1


def test_a_lost_key_is_not_replaced_by_itself(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    ensure_signing_key(path, connection)
    path.unlink()
    with pytest.raises(SigningKeyError, match="--lost"):
        ensure_signing_key(path, connection)
    assert not path.exists()


def test_a_file_that_was_made_before_the_first_start_is_taken(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    signer = new_signer(str(origin(connection)))
    write_key(path, signer)
    ensure_signing_key(path, connection)
    assert published(connection) == [signer.verifier.vkey]


def test_another_key_than_the_published_one_is_not_taken(connection: Connection, tmp_path: Path) -> None:
    ensure_signing_key(tmp_path / "signing-key.pem", connection)
    other = tmp_path / "other.pem"
    write_key(other, new_signer("rpawatch/another"))
    with pytest.raises(SigningKeyError, match="another signing key"):
        ensure_signing_key(other, connection)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    write_key(path, new_signer("rpawatch/log"))
    path.chmod(0o640)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        load_signer(path, "rpawatch/log")


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", elliptic, os.urandom(99)):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(SigningKeyError, match="no private key"):
            load_signer(path, "rpawatch/log")
    path.unlink()
    with pytest.raises(SigningKeyError, match="can't be read"):
        load_signer(path, "rpawatch/log")


def test_a_key_is_never_written_over_another(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    write_key(path, new_signer("rpawatch/log"))
    with pytest.raises(SigningKeyError, match="can't be written"):
        write_key(path, new_signer("rpawatch/log"))
