"""Blobs that come as files: as long as was said, by no more requests than pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.serving import FileServer
from tests.servers.files import file_server

from headrace.blobs import open_blobs
from headrace.blobs.stores.web import WebBlobs
from headrace.contracts.errors import IntegrityError, NotFound

PIECE_BYTES = 1000
CONTENT = os.urandom(20 * PIECE_BYTES + 1)
# Ends when the first pieces have come.
ENDING = """
import sys, threading
from pathlib import Path
from headrace.blobs import open_blobs
from headrace.blobs.stores import fetching

fetching.PIECE_BYTES = 10
url, path, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
blobs = open_blobs(url)
for number in range(60):
    arguments = ("a", path.with_name(f"{path.name}{number or ''}"), size)
    threading.Thread(target=blobs.fetch_to, args=arguments, daemon=True).start()
while not (path.exists() and path.stat().st_size):
    pass
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr("headrace.blobs.stores.fetching.PIECE_BYTES", PIECE_BYTES)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a").write_bytes(CONTENT)
    with file_server(tmp_path / "far", latency_s=0.02) as server:
        yield server


@pytest.fixture
def blobs(server: FileServer) -> WebBlobs:
    blobs = open_blobs(server.url)
    assert isinstance(blobs, WebBlobs)
    return blobs


def test_who_knows_the_size_asks_for_pieces_alone(
    server: FileServer, blobs: WebBlobs, tmp_path: Path
) -> None:
    server.counts()
    blobs.fetch_to("a", tmp_path / "a", len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.counts() == {"requests": 21, "sent_bytes": len(CONTENT)}


def test_what_was_in_the_file_is_gone(blobs: WebBlobs, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before" * PIECE_BYTES * 10)
    blobs.fetch_to("a", tmp_path / "a", len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("more_bytes", [1, PIECE_BYTES, 2**50])
def test_a_blob_that_is_shorter_is_told(blobs: WebBlobs, tmp_path: Path, more_bytes: int) -> None:
    with pytest.raises(IntegrityError, match="'a' in http.* ends before the bytes"):
        blobs.fetch_to("a", tmp_path / "a", len(CONTENT) + more_bytes)


def test_of_a_longer_blob_comes_what_was_asked_for(blobs: WebBlobs, tmp_path: Path) -> None:
    blobs.fetch_to("a", tmp_path / "a", 2500)
    assert (tmp_path / "a").read_bytes() == CONTENT[:2500]


def test_an_absent_blob_of_a_known_size_is_absent(blobs: WebBlobs, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no 'none' in http"):
        blobs.fetch_to("none", tmp_path / "a", 2500)


@pytest.mark.slow
def test_a_process_that_ends_begins_no_further_piece(server: FileServer, tmp_path: Path) -> None:
    server.counts()
    command = [sys.executable, "-c", ENDING, server.url, str(tmp_path / "a"), str(len(CONTENT))]
    ended = subprocess.run(command, timeout=60, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    # Of each blob sixteen pieces wait for a thread.
    assert 0 < server.counts()["requests"] < 800
