"""A storage behind a web server is read; written and listed it is not, and says so."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.blobs.filling import filled
from tests.servers.files import file_server

from headrace.blobs import LockingBlobs
from headrace.blobs.open import open_blobs
from headrace.blobs.stores.fetching import PIECE_BYTES
from headrace.blobs.stores.objects import ObjectBlobs
from headrace.blobs.stores.web import WebBlobs
from headrace.contracts.errors import IntegrityError, NotFound, StorageError
from headrace.storage import Storage

CONTENT = os.urandom(3 * PIECE_BYTES // 2)
REFUSED: dict[str, Callable[[LockingBlobs], object]] = {
    "put": lambda blobs: blobs.put("a", b"1"),
    "write": lambda blobs: blobs.write(lambda: "a", filled(b"1")),
    "delete": lambda blobs: blobs.delete("a"),
    "try_lock": lambda blobs: blobs.try_lock("a"),
}
UNLISTED: dict[str, Callable[[LockingBlobs], object]] = {
    "list": lambda blobs: list(blobs.list("")),
    "folders": lambda blobs: list(blobs.folders("")),
    "locks": lambda blobs: list(blobs.locks("")),
}


class Quiet(SimpleHTTPRequestHandler):
    """Knows no ranges."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


@pytest.fixture(params=["ranges", "whole"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "ranges":
        with file_server(tmp_path) as files:
            yield files.url
        return
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.fixture
def blobs(server: str, tmp_path: Path) -> WebBlobs:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder" / "a#b.bin").write_bytes(CONTENT)
    blobs = open_blobs(f"{server}/a%20folder")
    assert isinstance(blobs, WebBlobs)
    return blobs


def test_blobs_of_a_web_server_are_read(blobs: WebBlobs, tmp_path: Path) -> None:
    assert blobs.get("a#b.bin") == CONTENT
    assert blobs.map("a#b.bin").tobytes() == CONTENT
    stat = blobs.stat("a#b.bin")
    assert stat is not None
    assert stat.size_bytes == len(CONTENT)
    starts, ends = [5, 0, len(CONTENT) - 3], [10, 0, len(CONTENT)]
    found = blobs.ranges("a#b.bin", starts, ends)
    assert [piece.tobytes() for piece in found] == [CONTENT[5:10], b"", CONTENT[-3:]]
    blobs.fetch_to("a#b.bin", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == CONTENT


def test_what_a_web_server_does_not_have_is_absent(blobs: WebBlobs, tmp_path: Path) -> None:
    assert blobs.stat("none") is None
    with pytest.raises(NotFound, match="there is no 'none' in http://127"):
        blobs.get("none")
    with pytest.raises(NotFound):
        blobs.fetch_to("none", tmp_path / "none")
    with pytest.raises(IntegrityError, match="ends before the bytes that were to be read"):
        blobs.ranges("a#b.bin", [0], [len(CONTENT) + 1])


@pytest.mark.parametrize("name", REFUSED)
def test_a_web_server_is_read_only(name: str) -> None:
    blobs = WebBlobs(ObjectBlobs.at("https://host/folder"))
    message = r"was to be .* https://host/folder, which is read only\. Write to the store or folder"
    with pytest.raises(StorageError, match=message):
        REFUSED[name](blobs.aside("~"))


@pytest.mark.parametrize("name", UNLISTED)
def test_a_web_server_is_not_listed(name: str) -> None:
    blobs = WebBlobs(ObjectBlobs.at("https://host/folder"))
    message = r"https://host/folder was to be listed, .* Name the version, as in storage\.fetch"
    with pytest.raises(StorageError, match=message):
        UNLISTED[name](blobs)


def test_a_storage_behind_a_web_server_is_read(server: str, tmp_path: Path) -> None:
    made = Storage(tmp_path / "root", durable=False)
    made.submit(({"n": n, "text": "x" * n} for n in range(100)), "digits", "1.0", shard_bytes=1000)
    storage = Storage(f"{server}/root")
    ref = storage.fetch("digits", "1.0")
    assert ref[7] == {"n": 7, "text": "x" * 7}
    assert [record["n"] for record in ref.stream()] == list(range(100))
    assert storage.verify("digits", "1.0").shard_count == made.verify("digits").shard_count
    with pytest.raises(
        NotFound, match="there is no version '2.0' of digits in http.* Check the name"
    ):
        storage.fetch("digits", "2.0")
    with pytest.raises(StorageError, match="Name the version"):
        storage.fetch("digits")
    with pytest.raises(StorageError, match="is read only"):
        storage.submit([1], "digits", "2.0")
    assert repr(storage) == f"Storage('{server}/root'), not listed (StorageError)"
