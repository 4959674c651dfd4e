"""Every setting, from the environment (RPAWATCH_*) or a `.env` file; docs/operating.md has the table of them."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.limits import BODY_BYTES_MAX_DEFAULT
from interfaces.env_file import EnvFileError, read_env_file
from interfaces.http.forwarded import TrustedProxies
from interfaces.http.paths import what_is_odd

PREFIX = "RPAWATCH_"
_PORT_MAX = 65535
_ADDRESSES_MAX = 16
_BASE_PATH_CHARS_MAX = 200
_ADDRESS = re.compile(r"(?:\[([0-9A-Za-z:.%_-]+)\]|([^\s:/\[\]@]+)):([0-9]{1,5})")
_ENV_FILE = Path(".env")
_OTHERS = re.compile(rf"{PREFIX}(?:API_KEY|URL|TEST_[A-Z_]+|BENCH_[A-Z_]+)")
"""Variables of `rpawatch report`, and of the tests and measurements of this project, which are no settings."""
_OF_A_CLUSTER = re.compile(
    rf"{PREFIX}(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)\w*)?)"
)
"""Variables that Kubernetes and Docker set in every container beside a service of this name."""
_ADDRESS_OF_A_CLUSTER = re.compile(r"(?:tcp|udp|sctp)://.*")
_SHOWN_CHARS_MAX = 60
_NEAR = 0.6
_MEANT = {"port": "listen", "host": "listen", "address": "listen", "bind": "listen", "proxy": "trusted_proxy"}
"""Our settings by the names that other programs have for them."""


class SettingsError(Exception):
    """A setting that can't be used; the message is one line that names it and says what it should be."""


class Settings(BaseSettings):
    """What this process was told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    listen: str = Field(
        "127.0.0.1:8000",
        description="Address and port to listen on, or several with commas between them; port 0 picks a free one",
    )
    metrics_listen: str | None = Field(
        None, description="Address and port for `/metrics`, which is then to be had there only, and nothing else is"
    )
    base_path: str = Field(
        "",
        description="Path that all addresses of the service begin with, as in `/rpa`, where it shares a host",
    )
    data_dir: Path = Field(Path("rpawatch-data"), description="Folder of the embedded PostgreSQL and its data")
    database_url: SecretStr | None = Field(
        None, description="A PostgreSQL 14 or newer to use instead of the embedded one (postgresql://…)"
    )
    signing_key: Path | None = Field(
        None,
        description="The private key that heads of the log are signed with; made at the first start. Without it,"
        " `signing-key.pem` in the data folder",
    )
    admin_email: str | None = Field(None, description="First start: the first administrator's address")
    admin_password: SecretStr | None = Field(
        None,
        description="First start: their password (15 characters or more); else a first one is made, which works once",
    )
    max_body: Annotated[int, Field(ge=1024, le=1024**3)] = Field(
        BODY_BYTES_MAX_DEFAULT, description="Largest request body, in bytes, also after inflating"
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        16, description="Requests that a web process works on at the same time, beside those of robots"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Web processes that serve on the same addresses")
    trusted_proxy: str | None = Field(
        None,
        description="Addresses or networks of the proxies in front whose X-Forwarded-For and X-Forwarded-Proto are"
        " believed, with commas between them; `*` for whoever connects",
    )
    log_level: str = Field("info", description="debug, info, warning or error")
    log_format: str = Field("auto", description="json, text, or auto: text on a terminal")

    @field_validator("listen")
    @classmethod
    def _listen_is_some(cls, value: str) -> str:
        _addresses(value)
        return value

    @field_validator("metrics_listen")
    @classmethod
    def _metrics_listen_is_some(cls, value: str | None) -> str | None:
        if not value or not value.strip():
            return None
        _addresses(value)
        return value

    @field_validator("base_path")
    @classmethod
    def _base_path_is_one(cls, value: str) -> str:
        base = value.strip().rstrip("/")
        if base and (not base.startswith("/") or len(base) > _BASE_PATH_CHARS_MAX or what_is_odd(base) is not None):
            raise ValueError("must be a path as in /rpa, of letters, digits, -, ., _ and ~ between single slashes")
        return base

    @field_validator("database_url")
    @classmethod
    def _database_url_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("trusted_proxy")
    @classmethod
    def _trusted_proxies_are_some(cls, value: str | None) -> str | None:
        if not value or not value.strip():
            return None
        TrustedProxies(value)
        return value

    @field_validator("log_level")
    @classmethod
    def _log_level_is_known(cls, value: str) -> str:
        return _one_of(value, "debug", "info", "warning", "error")

    @field_validator("log_format")
    @classmethod
    def _log_format_is_known(cls, value: str) -> str:
        return _one_of(value, "json", "text", "auto")

    @property
    def listen_addresses(self) -> list[tuple[str, int]]:
        """Each address, and its port, to listen on."""
        return _addresses(self.listen)

    @property
    def metrics_addresses(self) -> list[tuple[str, int]]:
        """The same for `/metrics`; none where it is to be had with everything else."""
        return [] if self.metrics_listen is None else _addresses(self.metrics_listen)

    @property
    def signing_key_path(self) -> Path:
        """Where the private key of the log is."""
        return self.data_dir / "signing-key.pem" if self.signing_key is None else self.signing_key

    @property
    def first_password_path(self) -> Path:
        """Where the first administrator's first password is until it has been used, unless a terminal showed it."""
        return self.data_dir / "first-password.txt"

    def as_environment(self) -> dict[str, str]:
        """Return the variables that say all this again, to a process that is started with them.

        But for the first administrator's password, which is for the first start only.
        """
        said = {name: getattr(self, name) for name in type(self).model_fields if name != "admin_password"}
        return {
            f"{PREFIX}{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in said.items()
            if value is not None
        }


def _addresses(text: str) -> list[tuple[str, int]]:
    """Return what a list of addresses names. Raises ValueError that says how it is written."""
    entries = [entry.strip() for entry in text.split(",")]
    if len(entries) > _ADDRESSES_MAX:
        raise ValueError(f"names more than {_ADDRESSES_MAX} addresses. Use 0.0.0.0 and [::] for all of them")
    found = []
    for entry in entries:
        address = _ADDRESS.fullmatch(entry)
        if address is None or int(address[3]) > _PORT_MAX:
            shown = entry if len(entry) <= _SHOWN_CHARS_MAX else f"{entry[:_SHOWN_CHARS_MAX]}…"
            example = "[::1]:8000" if entry.count(":") > 1 else "127.0.0.1:8000"
            which = f"; {shown!r} is not" if len(entries) > 1 else ""
            raise ValueError(f"must be address:port, as in {example}{which}")
        found.append((address[1] or address[2], int(address[3])))
    twice = next((one for one in found if one[1] and found.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"names {twice[0]} with port {twice[1]} twice. Write it once")
    return found


def _one_of(value: str, *allowed: str) -> str:
    if value.lower() not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return value.lower()


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Return the settings; an override that is not None wins over the environment, and that over the file `.env`.

    Raises SettingsError that names every setting that is wrong and what it should be, and every name that is none.
    """
    try:
        from_file = read_env_file(_ENV_FILE, PREFIX)
    except EnvFileError as error:
        raise SettingsError(f"{error}.") from None
    said = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    unknown = [_unknown(name) for name, value in (from_file | said).items() if not _is_known(name.upper(), value)]
    if unknown:
        raise SettingsError(" ".join(unknown))
    in_environment = {name.upper() for name in said}
    given = {
        name[len(PREFIX) :].lower(): value for name, value in from_file.items() if name.upper() not in in_environment
    }
    try:
        return Settings(**given | {name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{str(item['loc'][0]).upper()} {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise SettingsError(f"{problems}.") from None


def _is_known(name: str, value: str) -> bool:
    """Tell whether a variable is a setting, or somebody else's."""
    if name.removeprefix(PREFIX).lower() in Settings.model_fields or _OTHERS.fullmatch(name):
        return True
    # Of RPAWATCH_PORT=8000, somebody expects something.
    is_port = name.endswith("_PORT") and not name.endswith("_SERVICE_PORT")
    return bool(_OF_A_CLUSTER.fullmatch(name)) and (not is_port or bool(_ADDRESS_OF_A_CLUSTER.fullmatch(value)))


def _unknown(name: str) -> str:
    """Say that a name is none, and which one may be meant."""
    wanted = name[len(PREFIX) :][:_SHOWN_CHARS_MAX].lower()
    near = [_MEANT[wanted]] if wanted in _MEANT else get_close_matches(wanted, Settings.model_fields, 1, _NEAR)
    shown = name if len(name) <= _SHOWN_CHARS_MAX else f"{name[:_SHOWN_CHARS_MAX]}…"
    advice = f"Did you mean {PREFIX}{near[0].upper()}?" if near else "docs/operating.md has the table of settings."
    return f"{shown} is no setting, and would count for nothing. {advice}"
