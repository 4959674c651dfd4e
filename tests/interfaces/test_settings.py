"""Settings: what is wrong is named, and what was said can be said again to another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from interfaces.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RPAWATCH_{name.upper()}", raising=False)


@pytest.mark.parametrize("workers", ["1", "64"])
def test_as_many_web_processes_as_these_can_be_had(monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("RPAWATCH_WORKERS", workers)
    assert load_settings().workers == int(workers)


@pytest.mark.parametrize(
    ("workers", "rule"),
    [("0", "greater than or equal to 1"), ("65", "less than or equal to 64"), ("x", "a valid integer")],
)
def test_another_number_of_web_processes_is_named_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, workers: str, rule: str
) -> None:
    monkeypatch.setenv("RPAWATCH_WORKERS", workers)
    with pytest.raises(SettingsError, match=f"RPAWATCH_WORKERS .*{rule}"):
        load_settings()


@pytest.mark.parametrize("said", ["127.0.0.1", "*", "10.0.0.1, 192.168.0.0/16,2001:db8::/32"])
def test_proxies_can_be_named_by_address_and_network(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("RPAWATCH_TRUSTED_PROXY", said)
    assert load_settings().trusted_proxy == said


@pytest.mark.parametrize("said", ["", " "])
def test_a_proxy_that_is_left_blank_is_none(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("RPAWATCH_TRUSTED_PROXY", said)
    assert load_settings().trusted_proxy is None


@pytest.mark.parametrize("said", ["nginx", "127.0.0.1:80", "10.0.0.7/8", "0.0.0.0/0", "127.0.0.1 ::1", "*,127.0.0.1"])
def test_a_proxy_that_can_be_none_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("RPAWATCH_TRUSTED_PROXY", said)
    with pytest.raises(SettingsError, match=r"RPAWATCH_TRUSTED_PROXY .*\. Write .*\.$"):
        load_settings()


def test_a_process_that_is_started_with_the_settings_as_variables_has_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = load_settings(
        listen="[::1]:0,127.0.0.1:0",
        metrics_listen="127.0.0.1:0",
        base_path="/rpa/watch",
        data_dir=tmp_path,
        signing_key=tmp_path / "key.pem",
        database_url="postgresql://me:s3cret%20@h/x",
        admin_email="ada@example.com",
        admin_password="a long walk in the rain",
        max_body=4096,
        threads=3,
        workers=2,
        trusted_proxy="10.0.0.7",
        log_level="debug",
        log_format="json",
    )
    assert said.model_fields_set == set(Settings.model_fields), "all of them are tried"
    for name, value in said.as_environment().items():
        monkeypatch.setenv(name, value)
    heard = Settings(_env_file=None)
    assert heard.admin_password is None, "it is for the first start only"
    assert heard.model_copy(update={"admin_password": SecretStr("a long walk in the rain")}) == said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RPAWATCH_TRUSTED_PROXIES", "RPAWATCH_TRUSTED_PROXY"),
        ("RPAWATCH_TRUST_PROXY", "RPAWATCH_TRUSTED_PROXY"),
        ("rpawatch_trustedproxy", "RPAWATCH_TRUSTED_PROXY"),
        ("RPAWATCH_LISTENS", "RPAWATCH_LISTEN"),
        ("RPAWATCH_PORT", "RPAWATCH_LISTEN"),
        ("RPAWATCH_HOST", "RPAWATCH_LISTEN"),
        ("RPAWATCH_LOGLEVEL", "RPAWATCH_LOG_LEVEL"),
        ("RPAWATCH_WORKER", "RPAWATCH_WORKERS"),
        ("RPAWATCH_ADMIN_PASS", "RPAWATCH_ADMIN_PASSWORD"),
        ("RPAWATCH_XYZZY", "docs/operating.md"),
        ("RPAWATCH_" + "X" * 5000, "docs/operating.md"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_name_that_is_none_is_refused_with_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, meant: str, place: str
) -> None:
    if place == "environment":
        monkeypatch.setenv(name, "s3cret")
    else:
        (tmp_path / ".env").write_text(f"{name}=s3cret\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    text = str(refused.value)
    assert text.startswith(name[:60])
    assert meant in text
    assert "s3cret" not in text
    assert len(text) < 300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RPAWATCH_API_KEY", "x"),
        ("RPAWATCH_URL", "http://127.0.0.1:8000"),
        ("RPAWATCH_TEST_LONG", "1"),
        ("RPAWATCH_BENCH_ONLY", "x"),
        ("RPAWATCH_SERVICE_HOST", "10.0.0.7"),
        ("RPAWATCH_SERVICE_PORT", "8000"),
        ("RPAWATCH_SERVICE_PORT_HTTP", "8000"),
        ("RPAWATCH_PORT", "tcp://10.0.0.7:8000"),
        ("RPAWATCH_PORT_8000_TCP", "tcp://10.0.0.7:8000"),
        ("RPAWATCH_PORT_8000_TCP_ADDR", "10.0.0.7"),
        ("RPAWATCH_DB_PORT_5432_TCP_PROTO", "tcp"),
        ("RPAWATCH_DB_SERVICE_PORT", "5432"),
    ],
)
def test_what_is_somebody_elses_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert load_settings().listen == "127.0.0.1:8000"


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("RPAWATCH_WORKERS=2\nRPAWATCH_THREADS=3\nrpawatch_max_body=4096\n", encoding="utf-8")
    monkeypatch.setenv("rpawatch_threads", "4")
    monkeypatch.setenv("RPAWATCH_MAX_BODY", "8192")
    said = load_settings(max_body=2048)
    assert (said.workers, said.threads, said.max_body) == (2, 4, 2048)


def test_a_wrong_value_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RPAWATCH_WORKERS=many\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"RPAWATCH_WORKERS .*a valid integer"):
        load_settings()


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("# für uns\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"\.env, line 1: .* Save the file as UTF-8"):
        load_settings()


@pytest.mark.parametrize(
    ("said", "addresses"),
    [
        ("127.0.0.1:8000", [("127.0.0.1", 8000)]),
        ("[::1]:0", [("::1", 0)]),
        ("localhost:80", [("localhost", 80)]),
        ("127.0.0.1:8000,[::1]:8000", [("127.0.0.1", 8000), ("::1", 8000)]),
        (" 0.0.0.0:80 , [::]:80 ", [("0.0.0.0", 80), ("::", 80)]),  # noqa: S104 - it is only read
        ("127.0.0.1:0,127.0.0.1:0", [("127.0.0.1", 0), ("127.0.0.1", 0)]),
        ("[fe80::1%eth0]:80", [("fe80::1%eth0", 80)]),
    ],
)
@pytest.mark.parametrize("setting", ["listen", "metrics_listen"])
def test_one_address_or_several_can_be_listened_on(
    monkeypatch: pytest.MonkeyPatch, setting: str, said: str, addresses: list[tuple[str, int]]
) -> None:
    monkeypatch.setenv(f"RPAWATCH_{setting.upper()}", said)
    found = load_settings()
    assert (found.listen_addresses if setting == "listen" else found.metrics_addresses) == addresses


@pytest.mark.parametrize(
    "said",
    [
        ":8000",
        "8000",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:８０",
        "::1:8000",
        "[::1]",
        "http://127.0.0.1:8000",
        "a b:80",
        "127.0.0.1:80,",
        "127.0.0.1:80;127.0.0.2:80",
        "127.0.0.1:80 127.0.0.2:80",
        "127.0.0.1:80,127.0.0.1:80",
        ",".join(f"127.0.0.{last}:80" for last in range(1, 18)),
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("setting", ["LISTEN", "METRICS_LISTEN"])
def test_an_address_that_is_none_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, setting: str, said: str
) -> None:
    monkeypatch.setenv(f"RPAWATCH_{setting}", said)
    with pytest.raises(SettingsError, match=rf"^RPAWATCH_{setting} (must be address:port, as in |names )") as refused:
        load_settings()
    assert len(str(refused.value)) < 250


def test_metrics_that_are_left_blank_have_no_address_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RPAWATCH_METRICS_LISTEN", " ")
    assert load_settings().metrics_addresses == []


@pytest.mark.parametrize(
    ("said", "base"), [("/rpa", "/rpa"), ("/rpa/", "/rpa"), ("/a/b-c.d_e~f", "/a/b-c.d_e~f"), ("", ""), ("/", "")]
)
def test_a_base_path_is_taken_with_and_without_a_slash_at_its_end(
    monkeypatch: pytest.MonkeyPatch, said: str, base: str
) -> None:
    monkeypatch.setenv("RPAWATCH_BASE_PATH", said)
    assert load_settings().base_path == base


@pytest.mark.parametrize(
    "said", ["rpa", "/a b", "/a//b", "//a", "/..", "/a/./b", "/%61", "/a?b", "/ä", "https://a/b", '/"', "/" + "a" * 200]
)
def test_a_base_path_that_is_none_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("RPAWATCH_BASE_PATH", said)
    with pytest.raises(SettingsError, match=r"^RPAWATCH_BASE_PATH must be a path as in /rpa"):
        load_settings()
