"""Servers end with what started them, however it ends."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.servers.files import file_server
from tests.servers.serving import ROOT, server_process

LIMIT_S = 20
STARTS_AND_HANGS = """
import sys, time
from pathlib import Path
from tests.servers.files import file_server
with file_server(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


def is_listening(url: str) -> bool:
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=LIMIT_S)
    with suppress(ConnectionRefusedError):
        connection.connect()
        connection.close()
        return True
    return False


def test_a_server_listens_inside_its_block_only(tmp_path: Path) -> None:
    with file_server(tmp_path) as server:
        assert is_listening(server.url)
    assert not is_listening(server.url)


def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_AND_HANGS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        url = run.stdout.readline().strip()
        assert is_listening(url)
        run.kill()
    deadline = time.monotonic() + LIMIT_S
    while is_listening(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_that_does_not_start_says_so() -> None:
    with (
        pytest.raises(RuntimeError, match="did not say its port within .* only b'no port"),
        server_process(sys.executable, "-c", "print('no port')"),
    ):
        pass
