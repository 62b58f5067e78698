"""The server of files gives their ranges, late, and counts them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import obstore
import pytest
from obstore.store import HTTPStore, from_url
from tests.servers.files import file_server

CONTENT = os.urandom(100_000)


def test_files_are_read_by_ranges_as_http_and_as_s3(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "a b").write_bytes(CONTENT)
    (tmp_path / "bucket" / "empty").write_bytes(b"")
    with file_server(tmp_path) as server:
        web = HTTPStore.from_url(f"{server.url}/bucket", client_options={"allow_http": True})
        for store in (web, from_url("s3://bucket", **server.storage_options)):
            assert bytes(obstore.get(store, "a b").bytes()) == CONTENT
            assert obstore.head(store, "a b")["size"] == len(CONTENT)
            assert bytes(obstore.get_range(store, "a b", start=7, end=1007)) == CONTENT[7:1007]
            assert bytes(obstore.get(store, "empty").bytes()) == b""
            last = obstore.get(store, "a b", options={"range": {"suffix": 5}})
            assert bytes(last.bytes()) == CONTENT[-5:]
            with pytest.raises(FileNotFoundError):
                obstore.get(store, "none")
            each = {"requests": 6, "sent_bytes": len(CONTENT) + 1000 + 5}
            assert server.counts() == each
        assert server.counts() == {"requests": 0, "sent_bytes": 0}


def test_each_request_waits_for_the_latency(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    with file_server(tmp_path, latency_s=0.1) as server:
        store = HTTPStore.from_url(server.url, client_options={"allow_http": True})
        begin = time.monotonic()
        for _ in range(3):
            obstore.get_range(store, "a", start=0, end=10)
        assert time.monotonic() - begin >= 0.3
