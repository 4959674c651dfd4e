"""Nothing that looks like a key gets into a log line, wherever it comes from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from domain import key_secret

SECRET = key_secret.generate()

_PROGRAM = """
import logging, sys
import structlog
from interfaces.logs import configure_logs

configure_logs("info", sys.argv[1])
key = sys.stdin.read()
for log in (structlog.get_logger(), logging.getLogger("a library")):
    log.info("told " + key)
    try:
        try:
            raise KeyError(key)
        except KeyError as error:
            raise ValueError("caused by " + key) from error
    except ValueError:
        log.exception("failed")
structlog.get_logger().info("nested", body={"headers": [("X-API-Key", key)]})
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_key_in_a_message_a_field_or_a_traceback_is_cut_down_to_its_prefix(log_format: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM, log_format], input=SECRET.text, capture_output=True, text=True, check=True
    )
    assert said.stdout == ""
    assert SECRET.text not in said.stderr
    assert said.stderr.count(f"rpakey_{SECRET.prefix}…") == 7
    assert "Traceback" in said.stderr or '"exception"' in said.stderr
