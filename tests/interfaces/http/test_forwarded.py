"""Who the client is: every form that proxies send is read right, or refused by name, and nobody can pose as another."""

from __future__ import annotations

import time
from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client_network import canonical_address, network_of
from interfaces.http.forwarded import (
    HOPS_MAX,
    PROXIES_MAX,
    Client,
    ForwardedError,
    Oddity,
    TrustedProxies,
    find_client,
)

PEER = "10.0.0.1"
SETTINGS = ("*", "10.0.0.1", "192.0.2.1, 10.0.0.0/24", "10.0.0.0/255.255.255.0,2001:db8:5::/48")
READ = {
    "203.0.113.7": "203.0.113.7",
    "203.0.113.7:4711": "203.0.113.7",
    "203.0.113.7:0": "203.0.113.7",
    '"203.0.113.7:4711"': "203.0.113.7",
    '"203.0.113.7"': "203.0.113.7",
    '" 203.0.113.7 "': "203.0.113.7",
    "::ffff:203.0.113.7": "203.0.113.7",
    "::FFFF:203.0.113.7": "203.0.113.7",
    "::ffff:cb00:7107": "203.0.113.7",
    "0:0:0:0:0:ffff:203.0.113.7": "203.0.113.7",
    "0000:0000:0000:0000:0000:FFFF:CB00:7107": "203.0.113.7",
    "0000:0000:0000:0000:0000:ffff:203.0.113.7": "203.0.113.7",
    "::ffff:203.0.113.7:4711": "203.0.113.7",
    "::ffff:203.0.113.7%eth0": "203.0.113.7",
    "[::ffff:203.0.113.7]": "203.0.113.7",
    "[::ffff:203.0.113.7]:4711": "203.0.113.7",
    "2001:db8::7": "2001:db8::7",
    "2001:DB8:0:0:0:0:0:7": "2001:db8::7",
    "2001:0db8:0000:0000:0000:0000:0000:0007": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7",
    "[2001:DB8::7]:4711": "2001:db8::7",
    '"[2001:db8::7]:4711"': "2001:db8::7",
    '"[2001:db8::7]"': "2001:db8::7",
    "fe80::1%eth0": "fe80::1",
    "fe80::1%25eth0": "fe80::1",
    "fe80::1%": "fe80::1",
    "fe80::1%" + "x" * 5000: "fe80::1",
    "[fe80::1%eth0]": "fe80::1",
    "[fe80::1%eth0]:4711": "fe80::1",
    "::1": "::1",
    "::": "::",
    "127.0.0.1": "127.0.0.1",
}
"""Forms of an entry, and the address that they stand for."""
REFUSED = {
    "": "an entry is empty",
    '""': "an entry is empty",
    "unknown": 'an entry is "unknown"',
    "Unknown": 'an entry is "unknown"',
    '"unknown"': 'an entry is "unknown"',
    "_hidden": "hides the client",
    "_SEVKISEK": "hides the client",
    "unix:": "a Unix socket",
    "unix:/run/nginx.sock": "a Unix socket",
    **dict.fromkeys(
        (
            "localhost",
            "client.example",
            "client.example:80",
            "203.0.113",
            "203.0.113.7.8",
            "203.0.113.007",
            "0313.0.113.7",
            "0xcb007107",
            "3405803783",
            "203.0.113.256",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7:471111",
            "203.0.113.7:+80",
            "203.0.113.7:8 0",
            "203.0.113.7:\xb2",
            "203.0.113.7%eth0",
            "203.0.113.7/32",
            "203.0.113.7 203.0.113.8",
            "203.0.113.7;203.0.113.8",
            "for=203.0.113.7",
            "[203.0.113.7]",
            "[203.0.113.7]:80",
            "::ffff:203.0.113.007",
            "::ffff:203.0.113.7.8",
            "2001:db8:::7",
            "2001:db8::7::8",
            "2001:db8:0:0:0:0:0:0:7",
            "2001:db8:0:0:0:0:0:7:4711",
            "02001:db8::7",
            "2001:db8::g",
            "[2001:db8::7",
            "2001:db8::7]",
            "[[2001:db8::7]]",
            "[2001:db8::7]4711",
            "[2001:db8::7]:",
            "[2001:db8::7]:65536",
            "[2001:db8::7]:_port",
            "[]",
            "[]:80",
            "%eth0",
            ":",
            ":80",
            '"203.0.113.7',
            '"',
            '\\"203.0.113.7\\"',
            "\xa0203.0.113.7",
            "203.0.113.7\x85",
            "\x1f203.0.113.7",
            "a:b:c",
            "1" * 5000,
            ":" * 5000,
        ),
        "an entry is no IP address",
    ),
}
"""Forms of an entry that stand for no address, or may stand for several, and what is said of them."""
SENT_BEFORE = (
    "",
    "198.51.100.9, ",
    "garbage,",
    ",",
    '", ',
    "unknown, _x , ",
    "198.51.100.9:1, 2001:db8::9,\t",
    "," * 500,
)
"""What a client may have sent itself, to which the proxy then adds what it sees."""
BLANKS = ("", " ", "\t", " \t ")


def client(field: str | None, setting: str = PEER, proto: str | None = None, peer: str = PEER) -> Client:
    return find_client(peer, TrustedProxies(setting), field, proto)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("before", SENT_BEFORE)
def test_what_the_nearest_proxy_says_is_read_in_every_form_whatever_the_client_sent_itself(
    setting: str, before: str
) -> None:
    for form, address in READ.items():
        for blank in BLANKS:
            found = client(f"{before}{blank}{form}{blank}", setting)
            assert found == Client(address), (before, form)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("before", SENT_BEFORE)
def test_what_it_says_and_can_not_be_read_is_refused_with_proxy_field_reason_and_what_to_do(
    setting: str, before: str
) -> None:
    for form, reason in REFUSED.items():
        with pytest.raises(ForwardedError) as refused:
            client(f"{before}{form}", setting)
        text = str(refused.value)
        assert text.startswith(f"The proxy {PEER} sent an X-Forwarded-For that can't be read: "), (before, form)
        assert reason in text, (before, form, text)
        assert "Have the proxy send the client's IP address" in text
        assert len(text) < 400, "nothing of what was sent is repeated"


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7, 10.0.0.3, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7, [::ffff:10.0.0.3]:80, 10.0.0.2:4711", "203.0.113.7"),
        ("10.0.0.9, 203.0.113.7", "203.0.113.7"),
        ("garbage, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("10.0.0.9", "10.0.0.9"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_trusted_proxy_or_the_first_where_all_are(
    field: str, address: str
) -> None:
    assert client(field, "10.0.0.0/24") == Client(address)


@pytest.mark.parametrize("garbage", ["garbage", "", "unknown"])
def test_an_entry_between_trusted_proxies_that_can_not_be_read_is_refused(garbage: str) -> None:
    with pytest.raises(ForwardedError):
        client(f"203.0.113.7, {garbage}, 10.0.0.2", "10.0.0.0/24")


def test_where_any_peer_is_the_proxy_it_is_the_only_one() -> None:
    assert client("203.0.113.7, 10.0.0.2", "*") == Client("10.0.0.2")


def test_so_many_proxies_are_passed_and_one_more_is_refused() -> None:
    proxies = ["10.0.0.2"] * (HOPS_MAX - 1)
    assert client(", ".join(["203.0.113.7", *proxies]), "10.0.0.0/24") == Client("203.0.113.7")
    with pytest.raises(ForwardedError, match=f"more than {HOPS_MAX} proxies"):
        client(", ".join(["203.0.113.7", *proxies, "10.0.0.2"]), "10.0.0.0/24")


@pytest.mark.parametrize("proxies", [None, TrustedProxies("192.0.2.1"), TrustedProxies("10.0.0.0/32")])
def test_what_a_peer_that_is_not_trusted_sends_counts_for_nothing(proxies: TrustedProxies | None) -> None:
    for field in (*READ, *REFUSED):
        assert find_client("198.18.0.1", proxies, field, "https").scheme is None
        assert find_client("198.18.0.1", proxies, field, "nonsense").address == "198.18.0.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [("::ffff:198.51.100.1", "198.51.100.1"), ("fe80::1%eth0", "fe80::1"), ("2001:DB8::1", "2001:db8::1"), ("", "")],
)
def test_the_address_of_the_peer_itself_is_canonical(peer: str, address: str) -> None:
    assert find_client(peer, None, None, None).address == address


@pytest.mark.parametrize("setting", ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.0/120", "10.0.0.0/8"])
@pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"])
def test_a_proxy_is_known_however_its_address_is_written(setting: str, peer: str) -> None:
    assert client("203.0.113.7", setting, peer=peer) == Client("203.0.113.7")


@pytest.mark.parametrize(
    ("field", "scheme"),
    [
        (None, None),
        ("http", "http"),
        ("https", "https"),
        ("HTTPS", "https"),
        ('"https"', "https"),
        (" https ", "https"),
        ("https,http", "https"),
        ("https, http, http", "https"),
        ("http, https", "http"),
        ("https,", "https"),
        ("https," + "x" * 5000, "https"),
    ],
)
def test_the_scheme_is_the_one_that_the_client_has_reached_the_first_proxy_with(
    field: str | None, scheme: str | None
) -> None:
    for setting in SETTINGS:
        assert client("203.0.113.7", setting, field) == Client("203.0.113.7", scheme)


@pytest.mark.parametrize("field", ["", ",https", "on", "httpss", "https http", "https;http", "wss", "x" * 5000])
def test_a_scheme_that_is_none_is_refused_with_proxy_field_and_what_to_do(field: str) -> None:
    with pytest.raises(
        ForwardedError, match=r"The proxy 10\.0\.0\.1 sent an X-Forwarded-Proto .*Have the proxy send http or"
    ):
        client("203.0.113.7", "*", field)


@pytest.mark.parametrize(
    ("peer", "setting", "field", "oddity"),
    [
        ("127.0.0.1", None, "203.0.113.7", Oddity.NOT_BELIEVED),
        ("10.0.0.9", "10.0.0.1", "203.0.113.7", Oddity.NOT_BELIEVED),
        ("fd00::1", "10.0.0.1", "203.0.113.7", Oddity.NOT_BELIEVED),
        ("198.18.0.1", None, None, None),
        ("93.184.215.14", None, "203.0.113.7", None),
        ("10.0.0.1", "10.0.0.1", None, Oddity.MISSING),
        ("10.0.0.1", "10.0.0.1", "203.0.113.7", None),
    ],
)
def test_what_is_probably_set_wrong_is_told(peer: str, setting: str | None, field: str | None, oddity: object) -> None:
    proxies = None if setting is None else TrustedProxies(setting)
    assert find_client(peer, proxies, field, None).oddity is oddity


@given(
    st.one_of(
        st.text(st.characters(max_codepoint=255)),
        st.lists(st.sampled_from([*READ, *REFUSED, "10.0.0.2", "*"]), max_size=2 * HOPS_MAX).map(",".join),
        st.ip_addresses().map(str),
    ),
    st.sampled_from(SETTINGS),
    st.none() | st.text(st.characters(max_codepoint=255)),
)
def test_whatever_is_sent_gives_a_canonical_address_or_the_refusal_and_nothing_else(
    field: str, setting: str, proto: str | None
) -> None:
    try:
        found = client(field, setting, proto)
    except ForwardedError:
        return
    assert str(ip_address(found.address)) == found.address
    assert "%" not in found.address
    assert "::ffff:" not in found.address or ip_address(found.address).version == 6
    assert canonical_address(found.address) == found.address
    assert client(found.address, "*", proto) == found
    assert network_of(found.address)


@pytest.mark.parametrize(
    "piece", [",", " ", "\t", "1", ":", "[", "]", '"', "%", ".", "10.0.0.2,", "\xff", "::1%,", "a,"]
)
def test_the_time_grows_no_faster_than_the_bytes(piece: str) -> None:
    proxies = TrustedProxies("10.0.0.0/24")

    def seconds(size: int) -> float:
        field = piece * (size // len(piece))
        begun = time.process_time()
        for _ in range(20):
            for proto in (None, field):
                with suppress(ForwardedError):
                    find_client(PEER, proxies, field, proto)
        return (time.process_time() - begun) / 20

    small, large = (min(seconds(size) for _ in range(3)) for size in (32 * 1024, 256 * 1024))
    assert small < 0.02
    assert large < 32 * small + 0.001, "eight times the bytes, which would be 64 times were it quadratic"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("localhost", "localhost, which is no IP address"),
        ("proxy.example", "no IP address"),
        ("10.0.0.1:8080", "Write the address alone, 10.0.0.1"),
        ("[::1]", "Write the address alone, ::1"),
        ("[::1]:80", "Write the address alone, ::1"),
        ("fe80::1%eth0", "address with a zone"),
        ("10.0.0.7/8", "Write 10.0.0.0/8, or 10.0.0.7"),
        ("2001:db8::7/32", "Write 2001:db8::/32, or 2001:db8::7"),
        ("10.0.0.0/33", "no network"),
        ("10.0.0.0/x", "no network"),
        ("0.0.0.0/0", "everybody. Write *"),
        ("::/0", "everybody. Write *"),
        ("::ffff:0:0/96", "everybody. Write *"),
        ("0.0.0.0", "nobody connects from"),  # noqa: S104 - nothing is bound
        ("::", "nobody connects from"),
        ("010.0.0.1", "no IP address"),
        ("10.0.0.1 10.0.0.2", "no IP address"),
        ("10.0.0.1;10.0.0.2", "no IP address"),
        ("10.0.0.1,", "an empty entry"),
        (",", "an empty entry"),
        ("*, 10.0.0.1", "Write * alone"),
        ("**", "no IP address"),
        ("unix:/run/proxy.sock", "no network"),
        ("http://10.0.0.1", "no network"),
        ("true", "no IP address"),
        ("x" * 10_000, "no IP address"),
        (", ".join(["10.0.0.1"] * (PROXIES_MAX + 1)), f"more than {PROXIES_MAX} proxies"),
    ],
)
def test_a_setting_that_names_no_proxy_is_refused_with_what_to_write(setting: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^(has|is) ") as refused:
        TrustedProxies(setting)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 300


def test_so_many_proxies_can_be_named() -> None:
    assert TrustedProxies(",".join(["10.0.0.1"] * PROXIES_MAX)).has(ip_address("10.0.0.1"))
