"""Files of web servers and object stores, read range by range: real servers on loopback."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import re
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pytest
from obstore.store import S3Store
from pyarrow import parquet
from tests.servers.serving import Store

import headrace as hr
from headrace.blobs.stores import remote
from headrace.blobs.stores.addresses import addresses
from headrace.blobs.stores.options import options_of
from headrace.blobs.stores.remote import Remote
from headrace.contracts.errors import ArgumentError, StorageError

PIECE_BYTES = 1000
CONTENT = os.urandom(5321)
JSONL = b"".join(b'{"n": %d}\n' % n for n in range(500))
AT_ONCE: dict[str, Any] = {"retry_config": {"max_retries": 0}}


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, by ranges or (`ranges=False`) whole only; notes what it was asked for."""

    def __init__(self, *given: Any, asked: list[tuple[str, str]], ranges: bool, **named: Any):
        self.asked, self.ranges = asked, ranges
        super().__init__(*given, **named)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.asked.append((self.command, self.headers.get("Range", "")))

    def do_GET(self) -> None:
        path, asked = Path(self.translate_path(self.path)), self.headers.get("Range")
        if not (self.ranges and asked and path.is_file()):
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = map(int, re.findall(r"\d+", asked))
        if first >= len(content):
            self.send_error(416)
            return
        part = content[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        last = first + len(part) - 1
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Last-Modified", self.date_time_string(int(path.stat().st_mtime)))
        self.end_headers()
        self.wfile.write(part)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PIECE_BYTES", PIECE_BYTES)
    monkeypatch.setattr(remote, "BUFFER_BYTES", PIECE_BYTES // 10)


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    return []


@pytest.fixture(params=[True, False], ids=["ranges", "whole"])
def server(
    tmp_path: Path, asked: list[tuple[str, str]], request: pytest.FixtureRequest
) -> Iterator[str]:
    for name, content in {"a b.bin": CONTENT, "empty": b"", "a.jsonl": JSONL}.items():
        (tmp_path / name).write_bytes(content)
    handler = partial(Handler, directory=str(tmp_path), asked=asked, ranges=request.param)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def options(s3: Store) -> dict[str, Any]:
    s3.make_bucket("bucket")
    return {**s3.storage_options, **AT_ONCE}


@pytest.fixture(scope="module")
def bucket(options: dict[str, Any]) -> S3Store:
    store = S3Store("bucket", **options)
    for key in ["pre/a.jsonl", "pre/b c.jsonl", "pre/deep/d.jsonl", "pre/x.bin", "pre2/a.jsonl"]:
        obstore.put(store, key, JSONL if key.endswith("l") else CONTENT)
    obstore.put(store, "empty", b"")
    return store


def check_reading(opener: Remote) -> None:
    with opener() as read:
        assert read.read() == CONTENT
        assert (read.seek(100), read.read(10)) == (100, CONTENT[100:110])
        assert (read.seek(-5, io.SEEK_END), read.read()) == (len(CONTENT) - 5, CONTENT[-5:])
        read.seek(10)
        assert (read.seek(3, io.SEEK_CUR), read.read(2)) == (13, CONTENT[13:15])
        assert (read.seek(10_000), read.read(2)) == (10_000, b"")
    assert pickle.loads(pickle.dumps(opener))().read(7) == CONTENT[:7]


def test_a_file_of_a_web_server_is_read_at_any_place(server: str) -> None:
    check_reading(Remote(f"{server}/a%20b.bin"))
    assert Remote(f"{server}/empty")().read() == b""


@pytest.mark.parametrize("server", [True], indirect=True)
def test_ranges_are_asked_for_as_they_are_wanted(server: str, asked: list[tuple[str, str]]) -> None:
    with Remote(f"{server}/a%20b.bin")() as read:
        assert read.read(1500) == CONTENT[:1500]
    assert asked[:2] == [("GET", "bytes=0-999"), ("GET", "bytes=1000-1999")]
    assert all(name == "GET" for name, _ in asked)


def test_files_of_a_web_server_are_parsed(server: str) -> None:
    url = f"{server}/a.jsonl"
    expected = [{"n": n} for n in range(500)]
    assert hr.from_files(url).open().flat_map(hr.parse.jsonl()).collect() == expected
    assert hr.stream([url]).open().flat_map(hr.parse.jsonl()).skip(490).collect() == expected[490:]
    assert hr.from_jsonl(url).collect() == expected
    assert hr.from_files([url]).collect() == [{"path": url, "bytes": JSONL}]


def test_tables_and_tars_of_a_web_server_are_read(server: str, tmp_path: Path) -> None:
    rows = [{"n": n, "text": f"{n}" * 50} for n in range(200)]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=50)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        made.add(tmp_path / "a b.bin", "1.bin")
    (tmp_path / "a.csv").write_text("n\n1\n")
    assert hr.from_parquet(f"{server}/a.parquet").collect() == rows
    assert len(hr.from_parquet(f"{server}/a.parquet", columns=["n"])) == 200
    assert hr.from_tar(f"{server}/a.tar.gz").collect() == [{"__key__": "1", "bin": CONTENT}]
    assert hr.from_csv([f"{server}/a.csv", tmp_path / "a.csv"]).collect() == [{"n": 1}] * 2
    assert hr.from_text(f"{server}/a.csv").collect() == ["n", "1"]


def test_what_a_question_mark_asks_for_is_sent(server: str) -> None:
    (file,) = hr.stream([f"{server}/a.jsonl?token=1%2F2"]).open()
    assert (file.name, file.read()) == ("a.jsonl", JSONL)


def test_a_missing_file_of_a_web_server_is_named(server: str) -> None:
    with pytest.raises(StorageError, match=r"/none was to be read, and nothing is there\. Check"):
        Remote(f"{server}/none", options_of(AT_ONCE))()


def test_a_server_that_does_not_answer_is_named() -> None:
    message = r"^http://127\.0\.0\.1:9/x was to be read, and no answer came from .*: nothing list"
    with pytest.raises(StorageError, match=message):
        Remote("http://127.0.0.1:9/x", options_of(AT_ONCE))()


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("pre/*.jsonl", ["pre/a.jsonl", "pre/b c.jsonl"]),
        ("pre/", ["pre/a.jsonl", "pre/b c.jsonl", "pre/deep/d.jsonl", "pre/x.bin"]),
        ("pre/**", ["pre/a.jsonl", "pre/b c.jsonl", "pre/deep/d.jsonl", "pre/x.bin"]),
        ("**/[ad].jsonl", ["pre/a.jsonl", "pre/deep/d.jsonl", "pre2/a.jsonl"]),
        ("*/?.bin", ["pre/x.bin"]),
        ("*", ["empty"]),
    ],
)
def test_a_pattern_stands_for_the_keys_it_matches(
    bucket: S3Store, options: dict[str, Any], pattern: str, keys: list[str]
) -> None:
    found = addresses(f"s3://bucket/{pattern}", options_of(options))
    assert found == [f"s3://bucket/{key}" for key in keys]


def test_files_of_a_bucket_are_read_and_parsed(bucket: S3Store, options: dict[str, Any]) -> None:
    check_reading(Remote("s3://bucket/pre/x.bin", options_of(options)))
    assert Remote("s3://bucket/empty", options_of(options))().read() == b""
    stream = hr.from_files("s3://bucket/pre/*.jsonl", storage_options=options)
    assert [str(file) for file in stream.open()][1] == "s3://bucket/pre/b c.jsonl"
    numbers = [{"n": n} for n in range(500)]
    assert stream.open().flat_map(hr.parse.jsonl()).collect() == numbers * 2
    named = hr.stream(["s3://bucket/pre/a.jsonl"]).open(storage_options=options)
    assert named.flat_map(hr.parse.jsonl()).collect() == numbers


def test_the_environment_has_the_credentials(
    bucket: S3Store, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from headrace.blobs.stores.addresses import store_of

    store_of.cache_clear()
    names = {"AWS_ENDPOINT_URL": "endpoint", "AWS_ACCESS_KEY_ID": "access_key_id"}
    names |= {"AWS_SECRET_ACCESS_KEY": "secret_access_key", "AWS_REGION": "region"}
    for name, option in names.items():
        monkeypatch.setenv(name, options[option])
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    assert len(hr.from_jsonl("s3://bucket/pre/*.jsonl").collect()) == 1000
    store_of.cache_clear()


def test_a_file_that_changes_while_it_is_read_is_noticed(
    bucket: S3Store, options: dict[str, Any]
) -> None:
    obstore.put(bucket, "changing", CONTENT)
    with Remote("s3://bucket/changing", options_of(options))() as read:
        read.read(10)
        obstore.put(bucket, "changing", CONTENT[::-1])
        with pytest.raises(StorageError, match="changing was to be read, and has changed since"):
            read.read()


@pytest.mark.parametrize(
    ("url", "more", "error", "message"),
    [
        ("s3://bucket/none", {}, StorageError, "none was to be read, and nothing is there"),
        ("s3://other/none", {}, StorageError, "none was to be read, and .*NoSuchBucket.* Make"),
        ("s3://bucket/n*", {}, ArgumentError, r"'s3://bucket/n\*' stands for none\. Check the"),
        ("s3://bucket/a", {"nonsense": 1}, ArgumentError, "options .*'nonsense'.* is not valid"),
        ("az://container/a", {"nonsense": 1}, ArgumentError, "'az://container' cannot be opened"),
    ],
)
def test_what_cannot_be_read_says_why(
    bucket: S3Store, options: dict[str, Any], url: str, more: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        hr.from_files(url, storage_options=options | more).open().map(hr.parse.File.read).collect()


def test_options_of_the_client_may_stand_beside_those_of_the_store(
    bucket: S3Store, options: dict[str, Any]
) -> None:
    # obstore takes them in client_options only, and panics else.
    client = options.get("client_options", {}) | {"timeout": "20s"}
    beside = {name: value for name, value in options.items() if name != "client_options"} | client
    (record,) = hr.from_files("s3://bucket/pre/x.bin", storage_options=beside).collect()
    assert record["path"] == "s3://bucket/pre/x.bin"


def test_what_is_signed_or_logged_in_is_not_shown(server: str) -> None:
    options = options_of({**AT_ONCE, "default_headers": {"authorization": "planted-1"}})
    remote = Remote(f"{server}/none?X-Amz-Signature=planted-2", options)
    with pytest.raises(StorageError, match=r"Signature=\*\*\* was to be read") as caught:
        remote()
    assert "planted" not in f"{remote!r} {caught.value}"


def read_in_child(url: str, answers: Any) -> None:
    try:
        Remote(url)()
    except StorageError as error:
        answers.put(str(error))


@pytest.mark.parametrize("server", [True], indirect=True)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_is_refused_and_does_not_hang(server: str) -> None:
    url = f"{server}/a.jsonl"
    Remote(url)().read()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=read_in_child, args=(url, answers))
    child.start()
    message = answers.get(timeout=30)
    child.join()
    assert re.search(r"a\.jsonl was to be read in a forked process, where it would hang", message)
