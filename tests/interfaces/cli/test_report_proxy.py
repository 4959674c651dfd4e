"""`rpawatch report` where only a proxy leads out: through a tunnel, and never in the clear."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from interfaces.cli.output import WrongUsageError
from interfaces.cli.report import commands as report
from interfaces.cli.report.proxies import Proxy, proxy_for
from interfaces.cli.report.sender import Patience
from tests.interfaces.cli.bots_service import Scripted, scripted_service
from tests.support.connect_proxy import ConnectProxy, connect_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.interfaces.cli.bots_service import Service
    from tests.interfaces.cli.conftest import Rpawatch

NAME = "rpawatch.test"
"""Which no name server knows: only the proxy leads there."""
URL = f"https://{NAME}:8443"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the key and the certificate of NAME, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "service.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.fixture
def service(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that speaks TLS, and a machine that believes its certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted_service(Scripted(), tls=context) as running:
        yield running


@pytest.fixture
def bot(rpawatch: Rpawatch, secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rpawatch:
    """The command line of a bot with a key and a report in job.json, for which waiting takes no time."""
    del secret
    (tmp_path / "job.json").write_bytes(b"{}\n")
    monkeypatch.setattr(report, "Patience", lambda retries: Patience(retries, sleep=lambda _: None))
    return rpawatch


def test_the_proxy_leads_there_and_sees_neither_key_nor_report(
    bot: Rpawatch, secret: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy(ConnectProxy(service.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
        sent = bot("report", "job.json", "--url", URL, "--retries", "0")
    assert (sent.code, sent.err) == (0, "")
    assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {NAME}:8443"]
    [request] = service.sent
    assert request.headers["x-api-key"] == secret
    assert request.headers["host"] == f"{NAME}:8443"
    assert "proxy-authorization" not in request.headers
    assert proxy.seen
    for private in (secret.encode(), b"X-API-Key", b"/api/v1/ingest"):
        assert private not in proxy.seen


def test_a_proxy_that_asks_for_a_password_gets_it_and_nobody_else_does(
    bot: Rpawatch, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy(ConnectProxy(service.port, password="me:p@ss word")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss%20word@{proxy.place}")
        assert bot("report", "job.json", "--url", URL, "--retries", "0").code == 0
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:wr0ng@{proxy.place}")
        refused = bot("report", "job.json", "--url", URL)
    assert refused.code == 3
    assert f"{NAME} through the proxy {proxy.place} can't be reached (the proxy answered 407)" in refused.err
    assert "set HTTPS_PROXY to http://user:password@host:port" in refused.err
    assert "wr0ng" not in refused.err + refused.out
    assert len(proxy.asked) == 2, "what is wrong stays wrong"
    assert len(service.sent) == 1


def test_a_proxy_that_does_not_allow_it_is_asked_once(
    bot: Rpawatch, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy(ConnectProxy(service.port, refuses=[403], for_ever=True)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
        refused = bot("report", "job.json", "--url", URL)
    assert refused.code == 3
    assert "(the proxy answered 403). Ask who runs it to allow this" in refused.err
    assert len(proxy.asked) == 1
    assert not service.sent


def test_a_proxy_that_is_busy_is_asked_again(bot: Rpawatch, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect_proxy(ConnectProxy(service.port, refuses=[503, 502])) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
        sent = bot("report", "job.json", "--url", URL)
    assert sent.code == 0
    assert "the proxy answered 503; trying again" in sent.err
    assert len(proxy.asked) == 3


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    bot: Rpawatch, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect_proxy(ConnectProxy(service.port)) as gone:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:s3cret@{gone.place}")
    refused = bot("report", "job.json", "--url", URL, "--retries", "0")
    assert refused.code == 3
    assert f"{NAME} through the proxy {gone.place} can't be reached" in refused.err
    assert "Check --url, HTTPS_PROXY and NO_PROXY" in refused.err
    assert "s3cret" not in refused.err
    assert not service.sent


def test_behind_the_proxy_the_certificate_is_looked_at(
    bot: Rpawatch, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    with connect_proxy(ConnectProxy(service.port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
        refused = bot("report", "job.json", "--url", URL)
    assert refused.code == 3
    assert f"The certificate of {NAME} is not valid here" in refused.err
    assert not service.sent


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_without_https_no_proxy_is_asked_since_it_would_read_the_key(
    bot: Rpawatch, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with scripted_service(Scripted()) as plain, connect_proxy(ConnectProxy(plain.port)) as proxy:
        monkeypatch.setenv(name, f"http://{proxy.place}")
        assert bot("report", "job.json", "--url", plain.url, "--retries", "0").code == 0
        bot("report", "job.json", "--url", f"http://{NAME}:1", "--retries", "0")
    assert not proxy.asked
    assert len(plain.sent) == 1


PROXY = "http://proxy.example:3128"
THROUGH = Proxy("proxy.example", 3128, None)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, THROUGH),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, THROUGH),
        ({"ALL_PROXY": PROXY}, THROUGH),
        ({"HTTPS_PROXY": "", "all_proxy": PROXY}, THROUGH),
        ({"HTTP_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, THROUGH),
        ({"HTTPS_PROXY": "HTTP://proxy.example:3128/"}, THROUGH),
        ({"HTTPS_PROXY": "http://proxy.example"}, Proxy("proxy.example", 80, None)),
        ({"HTTPS_PROXY": "http://[2001:db8::7]:3128"}, Proxy("2001:db8::7", 3128, None)),
        ({"HTTPS_PROXY": "http://a:b@proxy.example:3128"}, Proxy("proxy.example", 3128, "Basic YTpi")),
        ({"HTTPS_PROXY": "http://a@proxy.example:3128"}, Proxy("proxy.example", 3128, "Basic YTo=")),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "bots.example.com"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other, EXAMPLE.com"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": ".example.com"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "example.com:443"}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "example.com:8443"}, THROUGH),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "", "NO_PROXY": "*"}, THROUGH),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "ample.com"}, THROUGH),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "bots.example.com.evil"}, THROUGH),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,,("}, THROUGH),
    ],
)
def test_the_variables_are_read_as_other_programs_read_them(environment: dict[str, str], proxy: Proxy | None) -> None:
    found = proxy_for("bots.example.com", 443, environment)
    assert found == proxy
    assert proxy is None or proxy.authorization is None or proxy.authorization not in repr(found)


@pytest.mark.parametrize(
    ("host", "exceptions", "excepted"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("2001:db8::7", "2001:db8::/32", True),
        ("2001:db8::7", "[2001:db8::7]", True),
        ("2001:db9::7", "2001:db8::/32", False),
        ("localhost", "", True),
        ("127.0.0.1", "", True),
        ("::1", "", True),
    ],
)
def test_addresses_and_networks_are_excepted_and_this_machine_always_is(
    host: str, exceptions: str, *, excepted: bool
) -> None:
    found = proxy_for(host, 443, {"HTTPS_PROXY": PROXY, "NO_PROXY": exceptions})
    assert found == (None if excepted else THROUGH)


@pytest.mark.parametrize(
    "url",
    [
        "socks5://a:s3cret@proxy.example:1080",
        "https://proxy.example",
        "http://",
        "http://:80",
        "http://a:s3cret@",
        "http://proxy.example:x",
        "http://proxy.example:99999",
        "http://proxy.example/s3cret",
        "http://pro xy",
    ],
)
def test_a_proxy_that_is_none_is_named_without_what_was_said(url: str) -> None:
    with pytest.raises(WrongUsageError, match=r"HTTPS_PROXY must be the address of an HTTP proxy, as in ") as refused:
        proxy_for("bots.example.com", 443, {"HTTPS_PROXY": url})
    assert "s3cret" not in str(refused.value)
