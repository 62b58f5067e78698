"""Blobs in object stores: how they are sent and read; those in memory live in one process."""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.request import urlopen

import pytest
from obstore.exceptions import BaseError
from tests.blobs.filling import filled
from tests.servers.faults import Answer, Drop
from tests.servers.proxy import Proxy
from tests.servers.serving import Place, Store

from headrace.blobs import ObjectBlobs, open_blobs
from headrace.blobs.stores.fetching import PIECE_BYTES
from headrace.blobs.stores.gathering import PART_BYTES
from headrace.contracts.errors import (
    InvalidName,
    NotFound,
    StorageError,
    Unreachable,
    VersionExists,
)


def test_pickling_memory_says_to_use_a_path() -> None:
    with pytest.raises(StorageError, match="memory:// lives in one process: use a path"):
        pickle.dumps(ObjectBlobs.in_memory())


def test_use_in_a_forked_child_is_an_error_and_no_hang() -> None:
    blobs = ObjectBlobs.in_memory()
    blobs.put("a", b"1")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answers = [_answer(blobs), _answer(ObjectBlobs.in_memory())]
        os.write(writer, "\n".join(answers).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answers = pipe.read().splitlines()
    os.waitpid(child, 0)
    assert len(answers) == 2
    for answer in answers:
        assert "cannot use memory:// in a forked process: it would hang" in answer
        assert 'use a path, such as Storage("/tmp/headrace")' in answer
        assert 'multiprocessing_context="forkserver" or "spawn"' in answer
    assert blobs.get("a") == b"1"


def test_a_missing_blob_and_a_second_write_are_named() -> None:
    blobs = ObjectBlobs.in_memory()
    with pytest.raises(NotFound, match="there is no 'a' in memory://"):
        blobs.get("a")
    blobs.put("a", b"1")
    with pytest.raises(VersionExists, match="'a' is in memory:// already, and is written once"):
        blobs.put("a", b"2")


def _answer(blobs: ObjectBlobs) -> str:
    try:
        return repr(blobs.get("a"))
    except StorageError as error:
        return str(error)


def test_a_failing_store_names_the_key_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise BaseError("the store is away\n\nDebug source: ...")

    monkeypatch.setattr("obstore.delete", fail)
    with pytest.raises(StorageError) as caught:
        ObjectBlobs.in_memory().delete("a")
    assert str(caught.value) == (
        "'a' of memory:// was to be removed, and the store said: the store is away. "
        "Check the address and storage_options, such as region and endpoint."
    )


@pytest.mark.parametrize("prefix", ["", "/a", "/a b/c", "/a%20b", "/a?b", "/a#b", "/é"])
def test_y_b15_prefixes_of_any_text_are_kept_apart(s3: Store, bucket: str, prefix: str) -> None:
    at_root, blobs = (
        open_blobs(url, storage_options=s3.storage_options) for url in (bucket, bucket + prefix)
    )
    blobs.put("digits/a", b"1")
    assert [stat.key for stat in at_root.list("")] == [f"{prefix}/digits/a".lstrip("/")]
    assert [stat.key for stat in blobs.list("")] == ["digits/a"]


def test_a_key_that_no_store_takes_is_named(bucket: str, s3: Store) -> None:
    blobs = open_blobs(bucket, storage_options=s3.storage_options)
    with pytest.raises(
        InvalidName, match=r"text without control characters, got 'a\\nb': .*Choose"
    ):
        blobs.put("a\nb", b"1")


def test_a_large_blob_is_sent_in_parts_and_seen_when_all_are_there(proxy: Proxy) -> None:
    blobs = open_blobs(proxy.new_bucket(), storage_options=proxy.storage_options)
    part = os.urandom(PART_BYTES // 2)
    seen: list[object] = []

    def fill(file: BinaryIO) -> None:
        for _ in range(5):
            file.write(part)
            seen.append(blobs.stat("big"))

    blobs.write(lambda: "big", fill)
    assert seen == [None] * 5
    assert proxy.count("PUT", "partNumber") == 3
    assert blobs.get("big") == part * 5


def test_a_small_blob_is_sent_by_one_request(proxy: Proxy) -> None:
    blobs = open_blobs(proxy.new_bucket(), storage_options=proxy.storage_options)
    blobs.write(lambda: "small", filled(b"abc"))
    blobs.put("commit", b"x" * PART_BYTES * 2)
    assert [(one.method, one.path.rsplit("/")[-1]) for one in proxy.log] == [
        ("PUT", "small"),
        ("PUT", "commit"),
    ]


def test_parts_of_a_failed_write_are_taken_away(s3: Store, proxy: Proxy) -> None:
    url = proxy.new_bucket()
    blobs = open_blobs(url, storage_options={**proxy.storage_options, "max_retries": 0})
    proxy.fail(Answer(503), method="PUT", path="partNumber=2")
    with pytest.raises(Unreachable, match="'big' of .* was to be written, .* 503"):
        blobs.write(lambda: "big", filled(bytes(3 * PART_BYTES)))
    assert list(blobs.list("")) == []
    with urlopen(f"{s3.endpoint}/{url.partition('://')[2]}?uploads", timeout=30) as answer:
        assert b"<Upload>" not in answer.read()


def test_parts_that_were_joined_without_an_answer_are_a_blob(proxy: Proxy) -> None:
    blobs = open_blobs(proxy.new_bucket(), storage_options=proxy.storage_options)
    content = os.urandom(PART_BYTES + 1)
    gone = b"<Error><Code>NoSuchUpload</Code></Error>"
    proxy.fail(Drop(after=True), method="POST", path="uploadId", times=1)
    # As MinIO answers the second try; S3 and moto remember the first one.
    proxy.fail(Answer(404, gone), method="POST", path="uploadId")
    blobs.write(lambda: "big", filled(content))
    assert blobs.get("big") == content
    # Parts that are gone and were not joined are a failure.
    with pytest.raises(StorageError, match=r"'other' of .* was to be written, .*NoSuchUpload"):
        blobs.write(lambda: "other", filled(content))


@pytest.mark.parametrize("size", [0, 100])
def test_what_is_gathered_on_a_full_disk_says_so(
    store: Place, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    blobs = open_blobs(store.url, storage_options=store.options)
    # What waits in a buffer is refused when it is read back, and once more when it is closed.
    monkeypatch.setattr("tempfile.TemporaryFile", partial(open, "/dev/full", "wb", buffering=size))
    with pytest.raises(
        StorageError, match="the disk is full after . bytes of this file. Free some"
    ):
        blobs.write(lambda: "a", filled(b"ten"))
    assert blobs.stat("a") is None


def test_ranges_near_each_other_are_asked_for_together(proxy: Proxy) -> None:
    blobs = open_blobs(proxy.new_bucket(), storage_options=proxy.storage_options)
    payload = os.urandom(4 * 2**20)
    blobs.put("a", payload)
    starts = [0, 500_000, 1_000_000, 3_000_000]
    found = blobs.ranges("a", starts, [start + 100 for start in starts])
    assert [piece.tobytes() for piece in found] == [payload[at : at + 100] for at in starts]
    assert sorted(one.range for one in proxy.matching("GET")) == [
        "bytes=0-1000099",
        "bytes=3000000-3000099",
    ]


@pytest.mark.parametrize("size_bytes", [0, 1, PIECE_BYTES, 10 * PIECE_BYTES + 1])
def test_a_blob_is_fetched_into_a_file(store: Place, tmp_path: Path, size_bytes: int) -> None:
    blobs = open_blobs(store.url, storage_options=store.options)
    assert isinstance(blobs, ObjectBlobs)
    content = os.urandom(size_bytes)
    blobs.put("a", content)
    (tmp_path / "a").write_bytes(b"what was there" * 10)
    blobs.fetch_to("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == content


def test_what_cannot_be_fetched_or_kept_says_why(store: Place, tmp_path: Path) -> None:
    blobs = open_blobs(store.url, storage_options=store.options)
    assert isinstance(blobs, ObjectBlobs)
    with pytest.raises(NotFound, match="there is no 'a' in "):
        blobs.fetch_to("a", tmp_path / "a")
    blobs.put("a", bytes(2 * PIECE_BYTES))
    with pytest.raises(
        StorageError, match="cannot write /dev/full: the disk is full after 0 bytes"
    ):
        blobs.fetch_to("a", Path("/dev/full"))
    with pytest.raises(StorageError, match="cannot write .*/none/a: No such file"):
        blobs.fetch_to("a", tmp_path / "none" / "a")


def test_blobs_of_a_store_travel_by_address_and_options(s3: Store, bucket: str) -> None:
    blobs = open_blobs(bucket, storage_options=s3.storage_options)
    blobs.put("a", b"1")
    there = pickle.loads(pickle.dumps(blobs))
    assert there.get("a") == b"1"
    assert (there, hash(there)) == (blobs, hash(blobs))
    assert there != open_blobs(f"{bucket}/b", storage_options=s3.storage_options)
