"""Files of web servers, on loopback, and of object stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.servers.serving import Store

from headrace.compat.torchdata.datapipes.iter import (
    FSSpecFileLister,
    HttpReader,
    IterableWrapper,
    S3FileLister,
    S3FileLoader,
)
from headrace.contracts.errors import ArgumentError, StorageError

# Any, in this file: options of stores.


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and notes the headers that it was sent."""

    def __init__(self, *args: Any, seen: list[str], **kwargs: Any) -> None:
        self.seen = seen
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("X-Who", ""))
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base has it
        """Says nothing."""


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def server(tmp_path: Path, seen: list[str]) -> Iterator[str]:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    handler = partial(Handler, directory=str(tmp_path), seen=seen)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.mark.parametrize("method", ["read_from_http", "read_from_remote"])
def test_files_are_read_from_a_web_server(server: str, seen: list[str], method: str) -> None:
    urls = IterableWrapper([f"{server}/a.csv"])
    opened = getattr(urls, method)(timeout=10, headers={"X-Who": "me"})

    assert list(opened.parse_csv(return_path=True)) == [
        (f"{server}/a.csv", ["x", "y"]),
        (f"{server}/a.csv", ["1", "2"]),
    ]
    assert len(opened) == 1
    assert set(seen) == {"me"}


def test_an_address_that_cannot_be_read_is_an_error_or_skipped(server: str) -> None:
    urls = IterableWrapper([f"{server}/none", f"{server}/a.csv"])

    with pytest.raises(StorageError, match="nothing is there"):
        list(urls.read_from_http())
    with pytest.warns(UserWarning, match="nothing is there.*skipping"):
        assert [url for url, _ in HttpReader(urls, skip_on_error=True)] == [f"{server}/a.csv"]


def test_downloads_are_cached(server: str, seen: list[str], tmp_path: Path) -> None:
    def kept(url: str) -> str:
        return str(tmp_path / "kept" / url.rpartition("/")[2])

    begun = IterableWrapper([f"{server}/a.csv"]).on_disk_cache(filepath_fn=kept)
    rows = begun.read_from_http().end_caching(same_filepath_fn=True).open_files().parse_csv()

    assert list(rows) == [["x", "y"], ["1", "2"]]
    asked = len(seen)
    assert asked > 0
    assert list(rows) == [["x", "y"], ["1", "2"]]
    assert len(seen) == asked


@pytest.mark.slow
def test_files_of_a_store_are_listed_read_and_written(
    s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.new_bucket()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(s3.options.get("access_key_id", "test")))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(s3.options.get("secret_access_key", "test")))
    options = s3.storage_options
    names = ["a.txt", "b.bin", "deep/c.txt"]

    pairs = IterableWrapper([(f"{bucket}/pre/{name}", name.encode()) for name in names])
    assert list(pairs.save_by_fsspec(mode="wb", **options)) == [f"{bucket}/pre/{n}" for n in names]
    folder = IterableWrapper([f"{bucket}/pre"])
    listed = FSSpecFileLister(f"{bucket}/pre/", masks="*.txt", **options)
    assert list(listed) == [f"{bucket}/pre/a.txt"]
    opened = listed.open_files_by_fsspec(mode="rb", **options)
    assert [file.read() for _, file in opened] == [b"a.txt"]

    region = "us-east-1"
    found = S3FileLister(folder, masks="*.txt", region=region)
    assert list(found) == [f"{bucket}/pre/a.txt", f"{bucket}/pre/deep/c.txt"]
    loaded = S3FileLoader(found, request_timeout_ms=5000, region=region, buffer_size=256)
    assert list(loaded.readlines(return_path=False)) == [b"a.txt", b"deep/c.txt"]
    assert list(folder.list_files_by_s3(region=region).header(1)) == [f"{bucket}/pre/a.txt"]


def test_addresses_of_another_kind_are_refused() -> None:
    with pytest.raises(ArgumentError, match="no file can be read from hdfs://"):
        list(IterableWrapper(["hdfs://host/x"]).open_files_by_fsspec())
    with pytest.raises(ArgumentError, match="headers are known, got auth"):
        HttpReader(IterableWrapper(["http://x"]), auth=("me", "secret"))
