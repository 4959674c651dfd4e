"""The proxy that HTTPS_PROXY names, as other programs read it: a tunnel, in which nobody sees key or report."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # missing in the stubs

from interfaces.cli.output import WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

PORT_DEFAULT: Final = 80
_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""The first that is set counts."""
_EXCEPTIONS: Final = ("no_proxy", "NO_PROXY")
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|::1")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. authorization: the header with user and password; never printed."""

    host: str
    port: int
    authorization: str | None = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header fields for the proxy alone."""
        return {} if self.authorization is None else {"Proxy-Authorization": self.authorization}


def proxy_for(host: str, port: int, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy on the way to a host over https; None for the direct way. Raises WrongUsageError."""
    variable = next((name for name in _VARIABLES if environment.get(name, "").strip()), None)
    if variable is None or is_loopback(host) or _is_excepted(host, port, environment):
        return None
    return _proxy(variable, environment[variable].strip())


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, to which no proxy leads."""
    return bool(_LOOPBACK.fullmatch(host))


def _is_excepted(host: str, port: int, environment: Mapping[str, str]) -> bool:
    exceptions = next((environment[name] for name in _EXCEPTIONS if name in environment), "")
    # Names and their domains, with or without a port. The library has no networks.
    names = {"no": exceptions}
    if proxy_bypass_environment(host, names) or proxy_bypass_environment(f"{host}:{port}", names):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(_has(entry.strip(), address) for entry in exceptions.split(","))


def _has(entry: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _proxy(variable: str, url: str) -> Proxy:
    advice = f"{variable} must be the address of an HTTP proxy, as in http://proxy.example.com:3128"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        raise WrongUsageError(f"{advice}.") from None
    if parts.scheme != "http":
        raise WrongUsageError(f"{advice}. Others, such as SOCKS and https:// proxies, are not spoken to.")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or parts.path not in {"", "/"}:
        raise WrongUsageError(f"{advice}.")
    authorization = None
    if parts.username is not None:
        user = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
        authorization = f"Basic {base64.b64encode(user).decode()}"
    return Proxy(parts.hostname, PORT_DEFAULT if port is None else port, authorization)
