"""What every kind of blobs does: files, memory, and object stores of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest
from tests.servers.serving import Store

from headrace.blobs import LockingBlobs, open_blobs
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    InvalidName,
    NotFound,
    VersionExists,
)
from headrace.testing import check_blobs
from headrace.testing.faults import Script, ScriptedBlobs

# Keys that could leave the root, or mean different things to different stores.
BAD_KEYS = ("", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b")
# Keys that an address must not mistake for more than a name.
KEYS = (
    "a?b=c",
    "a#b",
    "a%b",
    "a%20b",
    "a b",
    "a+b",
    "a&b",
    "a:b",
    "a;b",
    "a'b",
    'a"b',
    "é",
    "日本",
)


@pytest.fixture(
    params=["local", "local, not durable", "leases", "memory", "scripted", "s3", "gcs", "azure"]
)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> LockingBlobs:
    match request.param:
        case "local":
            return open_blobs(tmp_path / "root")
        case "local, not durable":
            return open_blobs(tmp_path / "root", durable=False)
        case "leases":
            return open_blobs(tmp_path / "root", locks="leases")
        case "memory":
            return open_blobs("memory://")
        case "scripted":
            return ScriptedBlobs(open_blobs(tmp_path), Script(at=-1))
        case name:
            server: Store = request.getfixturevalue(name)
            url = f"{server.new_bucket()}/a folder"
            return open_blobs(url, storage_options=server.storage_options)


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


def test_ranges_are_read_as_they_are_asked_for(blobs: LockingBlobs) -> None:
    payload = bytes(range(256)) * 100
    blobs.put("digits/a.bin", payload)
    # In any order, twice, over one another, none of it, up to the end.
    starts, ends = [700, 0, 0, 650, 25_600, 25_000], [800, 10, 10, 750, 25_600, 25_600]
    found = blobs.ranges("digits/a.bin", starts, ends)
    asked = zip(starts, ends, strict=True)
    assert [piece.tobytes() for piece in found] == [payload[start:end] for start, end in asked]
    assert not any(piece.flags.writeable for piece in found)
    assert blobs.ranges("digits/a.bin", [], []) == []


@pytest.mark.parametrize(("start", "end"), [(0, 4), (2, 5), (3, 4), (100, 101)])
def test_ranges_behind_the_end_say_that_the_blob_was_cut_short(
    blobs: LockingBlobs, start: int, end: int
) -> None:
    blobs.put("a", b"ten")
    with pytest.raises(IntegrityError, match=r"a\b.* ends before the bytes that were to be read"):
        blobs.ranges("a", [start], [end])


@pytest.mark.parametrize(("starts", "ends"), [([2], [1]), ([-1], [1]), ([0, 1], [1])])
def test_what_is_no_range_is_refused(
    blobs: LockingBlobs, starts: list[int], ends: list[int]
) -> None:
    blobs.put("a", b"ten")
    with pytest.raises(ArgumentError, match="ranges need as many ends as starts, .* Give the"):
        blobs.ranges("a", starts, ends)


def test_y_b15_keys_of_any_text_are_kept_apart(blobs: LockingBlobs) -> None:
    for key in KEYS:
        blobs.put(f"odd/{key}", key.encode())
    assert {stat.key: stat.size_bytes for stat in blobs.list("odd")} == {
        f"odd/{key}": len(key.encode()) for key in KEYS
    }
    for key in KEYS:
        assert blobs.get(f"odd/{key}") == key.encode()
        assert blobs.stat(f"odd/{key}") is not None
        blobs.delete(f"odd/{key}")
    assert list(blobs.list("odd")) == []


def test_what_is_missing_is_not_found(blobs: LockingBlobs) -> None:
    for read in (blobs.get, blobs.map, lambda key: blobs.ranges(key, [0], [1])):
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
    other = blobs.try_lock("digits/leases/2.0")
    assert other is not None
    release()
    again = blobs.try_lock("digits/leases/1.0")
    assert again is not None
    assert sorted(blobs.locks("digits/leases")) == ["digits/leases/1.0", "digits/leases/2.0"]
    other()
    again()
