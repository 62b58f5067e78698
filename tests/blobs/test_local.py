"""Local files: durable, without open descriptors, and exact about what goes wrong."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from headrace.blobs import LocalBlobs
from headrace.blobs import files as files_module
from headrace.contracts.errors import NotFound, StorageError, VersionExists


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "a" / "b")
    assert blobs.stat("x") is None
    assert list(blobs.list("")) == []
    assert not (tmp_path / "a").exists()
    blobs.put("x", b"")
    assert (tmp_path / "a" / "b" / "x").exists()


def test_two_hundred_maps_keep_a_handful_of_descriptors(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path, durable=False)
    for number in range(200):
        blobs.put(f"shards/{number}", bytes([number]) * 5000)
    before = len(os.listdir("/proc/self/fd"))
    maps = [blobs.map(f"shards/{number}") for number in range(200)]
    assert len(os.listdir("/proc/self/fd")) - before < 5
    assert [int(mapped[4999]) for mapped in maps] == list(range(200))


def test_a_dropped_map_gives_its_memory_back(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path, durable=False)
    blobs.put("shard", b"x" * 10_000)

    def mapped() -> bool:
        return str(tmp_path / "shard") in Path("/proc/self/maps").read_text()

    view = blobs.map("shard")[100:200]
    assert mapped()
    del view
    assert not mapped()


def test_a_map_outlives_its_deleted_file(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("shard", b"ten")
    mapped = blobs.map("shard")
    blobs.delete("shard")
    assert mapped.tobytes() == b"ten"
    assert np.shares_memory(mapped, mapped[1:])


def test_local_blobs_pickle(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("a", b"1")
    assert pickle.loads(pickle.dumps(blobs)).get("a") == b"1"


def test_a_link_whose_answer_was_lost_is_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, link = LocalBlobs(tmp_path), os.link

    def asked_twice(*paths: Path) -> None:
        # As NFS does where no answer came.
        with suppress(FileExistsError):
            link(*paths)
        link(*paths)

    monkeypatch.setattr(os, "link", asked_twice)
    blobs.put("a", b"1")
    assert blobs.get("a") == b"1"
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(VersionExists):
        blobs.put("a", b"2")


def test_a_write_past_the_file_size_limit_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)

    def fill(file: BinaryIO) -> None:
        for _ in range(10):
            file.write(b"x" * 60_000)

    with (
        file_size_limit(100_000),
        pytest.raises(StorageError, match=r"cannot write .*limit of a file's size.*shard_bytes"),
    ):
        blobs.write(lambda: "shards/1", fill)
    assert files_under(tmp_path) == []


def test_a_put_past_the_file_size_limit_keeps_the_old_blob(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("a", b"old")
    with file_size_limit(1000), pytest.raises(StorageError, match="limit of a file's size"):
        blobs.put("a", b"x" * 2000, replace=True)
    assert blobs.get("a") == b"old"
    assert files_under(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "disk is full after 1,000 bytes of this file. Free some space"),
        (errno.EROFS, "Read-only file system. Choose a folder that this user may write to"),
        (errno.EIO, "Input/output error. Nothing was published; check the disk"),
    ],
    ids=["full", "read-only", "broken"],
)
def test_an_error_of_the_system_says_what_to_do(tmp_path: Path, code: int, says: str) -> None:
    with (
        pytest.raises(StorageError, match=says) as caught,
        files_module.writing(tmp_path / "x", 1000),
    ):
        raise OSError(code, os.strerror(code))
    assert caught.value.errno == code
    assert str(tmp_path / "x") in str(caught.value)


def test_an_os_error_of_the_writer_keeps_its_type(tmp_path: Path) -> None:
    def fill(file: BinaryIO) -> None:
        raise FileNotFoundError(errno.ENOENT, "the user's own file")

    with pytest.raises(FileNotFoundError, match="the user's own file"):
        LocalBlobs(tmp_path).write(lambda: "a", fill)


def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no .*digits/a"):
        LocalBlobs(tmp_path).get("digits/a")


def test_a_blob_without_permission_is_no_missing_blob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StorageError, match=r"cannot read .*Permission denied. Check"):
        LocalBlobs(tmp_path).get("a")


def test_create_only_holds_on_a_file_system_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    blobs = LocalBlobs(tmp_path)
    blobs.put("a", b"1")
    with pytest.raises(VersionExists, match="is there already, and is written once"):
        blobs.put("a", b"2")
    assert blobs.get("a") == b"1"


def test_of_racing_creates_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = LocalBlobs(tmp_path)
    link = os.link

    def late_link(source: Path, target: Path) -> None:
        # The other one comes after the look and before the link.
        if not target.exists():
            target.write_bytes(b"other")
        link(source, target)

    monkeypatch.setattr(os, "link", late_link)
    with pytest.raises(VersionExists):
        blobs.put("a", b"mine")
    assert blobs.get("a") == b"other"
    assert files_under(tmp_path) == ["a"]


def test_a_damaged_blob_is_written_anew(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)

    def fill(file: BinaryIO) -> None:
        file.write(b"good")

    blobs.write(lambda: "shards/1", fill)
    (tmp_path / "shards" / "1").write_bytes(b"gooX")
    blobs.write(lambda: "shards/1", fill)
    assert blobs.get("shards/1") == b"good"


def test_every_write_reaches_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else "file")
        fsync(descriptor)

    def noted_link(source: Path, target: Path) -> None:
        steps.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    LocalBlobs(tmp_path).put("a", b"1")
    assert steps == ["file", "link", "folder"]
    LocalBlobs(tmp_path, durable=False).put("b", b"1")
    assert steps == ["file", "link", "folder", "link"]


def test_the_first_error_is_raised_where_tidying_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def fill(file: BinaryIO) -> None:
        raise ValueError("the user's own")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ValueError, match="the user's own"):
        LocalBlobs(tmp_path).write(lambda: "a", fill)
