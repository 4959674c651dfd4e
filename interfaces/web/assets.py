"""The files that pages load. A file's address holds a digest of it, so a browser may keep it for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from domain.errors import NotFoundError
from interfaces.http.representations import ALWAYS, Kept, send_kept

if TYPE_CHECKING:
    import falcon

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
}
_DIGEST_CHARS = 12


@dataclass(frozen=True, slots=True)
class _Asset:
    address: str
    media_type: str
    kept: Kept


def _load() -> dict[str, _Asset]:
    found = {}
    for file in files("interfaces.web").joinpath("static").iterdir():
        stem, _, suffix = file.name.rpartition(".")
        if suffix in _MEDIA_TYPES:
            data = file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]
            address = f"/assets/{stem}.{digest}.{suffix}"
            found[file.name] = _Asset(address, _MEDIA_TYPES[suffix], Kept.of(data))
    return found


_ASSETS = _load()
_BY_ADDRESS = {asset.address: asset for asset in _ASSETS.values()}


def asset_address(name: str) -> str:
    """Return the address of a file in static/. Raises KeyError for one that is not there."""
    return _ASSETS[name].address


class AssetFile:
    """`GET /assets/{name}`."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with a file; one of another release is not there."""
        del name
        asset = _BY_ADDRESS.get(req.path)
        if asset is None:
            raise NotFoundError
        send_kept(resp, asset.kept, asset.media_type, ALWAYS)
