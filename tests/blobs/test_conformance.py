"""What every kind of blobs does, files and memory alike."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from headrace.blobs import LockingBlobs, open_blobs
from headrace.contracts.errors import InvalidName, NotFound, VersionExists
from headrace.testing import check_blobs
from headrace.testing.faults import Script, ScriptedBlobs

# Keys that could leave the root, or mean different things to different stores.
BAD_KEYS = ("", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b")


@pytest.fixture(params=["local", "local, not durable", "memory", "scripted"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> LockingBlobs:
    match request.param:
        case "local":
            return open_blobs(tmp_path / "root")
        case "local, not durable":
            return open_blobs(tmp_path / "root", durable=False)
        case "memory":
            return open_blobs("memory://")
        case _:
            return ScriptedBlobs(open_blobs(tmp_path), Script(at=-1))


def ten(file: BinaryIO) -> None:
    file.write(b"te")
    file.write(b"n")


def test_blobs_keep_the_contract(blobs: LockingBlobs) -> None:
    check_blobs(blobs)
    assert isinstance(blobs, LockingBlobs)


@pytest.mark.parametrize("payload", [b"", b"ten", bytes(range(256)) * 300], ids=len)
def test_what_is_put_is_read(blobs: LockingBlobs, payload: bytes) -> None:
    blobs.put("digits/a.bin", payload)
    assert blobs.get("digits/a.bin") == payload
    assert blobs.map("digits/a.bin").tobytes() == payload


def test_a_second_put_changes_nothing_unless_it_replaces(blobs: LockingBlobs) -> None:
    blobs.put("a", b"1")
    with pytest.raises(VersionExists, match="already, and is written once. .* replace=True"):
        blobs.put("a", b"2")
    assert blobs.get("a") == b"1"
    blobs.put("a", b"3", replace=True)
    assert blobs.get("a") == b"3"


def test_a_write_that_raises_leaves_nothing(blobs: LockingBlobs) -> None:
    def fill(file: BinaryIO) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.write(lambda: "shards/1", fill)
    assert list(blobs.list("")) == []


def test_a_written_blob_is_kept(blobs: LockingBlobs) -> None:
    assert blobs.write(lambda: "shards/1", ten) == "shards/1"
    assert blobs.write(lambda: "shards/1", ten) == "shards/1"
    assert [(stat.key, stat.size_bytes) for stat in blobs.list("")] == [("shards/1", 3)]


def test_what_is_missing_is_not_found(blobs: LockingBlobs) -> None:
    for read in (blobs.get, blobs.map):
        with pytest.raises(NotFound, match="there is no .*a/b"):
            read("a/b")
    assert blobs.stat("a/b") is None
    blobs.delete("a/b")
    assert list(blobs.list("a")) == []
    assert list(blobs.folders("a")) == []


def test_listings_say_key_and_size(blobs: LockingBlobs) -> None:
    for key in ("a/x/1", "a/2", "ab/3"):
        blobs.put(key, key.encode())
    assert {(stat.key, stat.size_bytes) for stat in blobs.list("a")} == {("a/x/1", 5), ("a/2", 3)}
    assert len(list(blobs.list(""))) == 3
    assert sorted(blobs.folders("")) == ["a", "ab"]
    assert list(blobs.folders("a")) == ["x"]


def test_times_do_not_run_backwards(blobs: LockingBlobs) -> None:
    for number in range(3):
        blobs.put(f"a/{number}", b"")
    times = [stat.modified_ns for stat in sorted(blobs.list("a"), key=lambda stat: stat.key)]
    assert times == sorted(times)
    assert times[0] > 10**18


def test_a_deleted_key_is_free_again(blobs: LockingBlobs) -> None:
    blobs.put("a", b"1")
    blobs.delete("a")
    assert blobs.stat("a") is None
    blobs.put("a", b"2")


@pytest.mark.parametrize("key", BAD_KEYS)
def test_y_b16_no_key_leaves_the_root(blobs: LockingBlobs, key: str) -> None:
    for call in (blobs.get, blobs.map, blobs.stat, blobs.delete, lambda key: blobs.put(key, b"")):
        with pytest.raises(InvalidName, match="a key must be plain names joined by '/', got"):
            call(key)
    with pytest.raises(InvalidName):
        blobs.write(lambda: key, ten)
    assert list(blobs.list("")) == []


def test_a_lock_has_one_holder(blobs: LockingBlobs) -> None:
    release = blobs.try_lock("digits/leases/1.0")
    assert release is not None
    assert blobs.try_lock("digits/leases/1.0") is None
    assert blobs.try_lock("digits/leases/2.0") is not None
    release()
    assert blobs.try_lock("digits/leases/1.0") is not None
    assert sorted(blobs.locks("digits/leases")) == ["digits/leases/1.0", "digits/leases/2.0"]
