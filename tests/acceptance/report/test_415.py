from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/json-seq",
        "application/problem+json",
        "application/xml",
        "*/*",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json, text/plain",
    ],
)
def test_only_json_in_utf_8_is_taken_and_no_form_of_a_web_page(world: World, content_type: str) -> None:
    robot = world.robot()
    answer = robot.send(b"{}", {"Content-Type": content_type})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    assert answer.headers["ratelimit"] == '"per-key";r=59;t=60'


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip;q=1", "*"])
def test_of_content_encodings_only_gzip_is_taken(world: World, encoding: str) -> None:
    answer = world.robot().send(b"x", {"Content-Encoding": encoding})
    assert (answer.status, answer.problem) == (415, "unsupported-media-type")
    assert "gzip" in answer.json["detail"]
