"""Shards written by workers: by whom, and what becomes of them when something dies or fails."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from tests.faults.killing import context

import headrace as hr
from headrace.blobs import LocalBlobs
from headrace.contracts import Backend
from headrace.contracts.errors import RecordError, StorageError
from headrace.formats import Manifest, StoredRecords
from headrace.storage.stretch import Mark, check_mark

# Any, in this file: records and sources of every kind.
pytestmark = pytest.mark.timeout(120)
COUNT = 400
BACKENDS: dict[str, Callable[[], Backend | None]] = {
    "alone": lambda: None,
    "threads": lambda: hr.Threads(2),
    "processes": lambda: hr.Processes(2),
}


class Rows:
    """A map-style dataset of rows, with something to do at some of them."""

    def __init__(self, act: Callable[[int], Any] = lambda _: None) -> None:
        self.act = act

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        row = {"n": index, "x": np.full(3, index), "text": "w" * (index * 7 % 90)}
        return {**row, **(self.act(index) or {})}


@dataclass(frozen=True)
class NotingBlobs(LocalBlobs):
    """Files, beside a note of the process that wrote each shard."""

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        named = super().write(key, fill)
        with (self.root.parent / "writers").open("ab", buffering=0) as file:
            file.write(b"%d\n" % os.getpid())
        return named


@dataclass(frozen=True)
class DyingBlobs(LocalBlobs):
    """Files, of which one is never finished: its writer is killed, if it is not `builder`."""

    builder: int = 0

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        def fill_and_die(sink: BinaryIO) -> None:
            fill(sink)
            with suppress(FileExistsError):
                (self.root.parent / "killed").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)

        return super().write(key, fill if os.getpid() == self.builder else fill_and_die)


@dataclass(frozen=True)
class ElsewhereBlobs(LocalBlobs):
    """Files of this machine, where other processes see those of another."""

    def __reduce__(self) -> tuple[Any, ...]:
        return LocalBlobs, (self.root.parent / "elsewhere", False, self.unfinished)


@dataclass(frozen=True)
class KeepingBlobs(LocalBlobs):
    """Files of which none can be removed."""

    def delete(self, key: str) -> None:
        raise StorageError(f"{key} cannot be removed")


def files(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def submit(where: Any, source: Any, backend: Backend | None) -> hr.DataRef[Any]:
    storage = hr.Storage(where, durable=False)
    return storage.submit(source, "rows", "1.0", shard_bytes=9000, backend=backend)


def manifest_of(ref: hr.DataRef[Any]) -> Manifest:
    assert isinstance(ref.records, StoredRecords)
    return ref.records.manifest


def submitted(where: Path, source: Any, backend: Backend | None = None) -> dict[str, bytes]:
    """The files of a storage with one version."""
    submit(where, source, backend)
    return files(where)


def is_empty(where: Path) -> bool:
    return not any(name.endswith((".arrow", ".json")) or "~0" in name for name in files(where))


def test_all_shards_but_the_first_are_written_by_workers(tmp_path: Path) -> None:
    root = tmp_path / "root"
    ref = submit(NotingBlobs(root, durable=False), Rows(), hr.Processes(2))
    writers = list(map(int, (tmp_path / "writers").read_text().split()))
    assert len(writers) == len(manifest_of(ref).shards) > 3
    assert writers[0] == os.getpid()
    assert os.getpid() not in writers[1:]
    assert files(root) == submitted(tmp_path / "alone", Rows())


def test_memory_is_written_here(tmp_path: Path) -> None:
    ref = submit("memory://", Rows(), hr.Processes(2))
    expected = submit(tmp_path / "alone", Rows(), None)
    assert manifest_of(ref) == manifest_of(expected)


def test_a_stored_version_begun_with_workers_is_read_whole(tmp_path: Path) -> None:
    late = Rows(lambda index: {"n": None} if index > 300 else None)
    ref = submit(tmp_path, late, hr.Threads(3))
    assert [row["n"] for row in ref.stream()] == [*range(301), *[None] * 99]
    assert hr.Storage(tmp_path).verify("rows").shard_count == len(manifest_of(ref).shards)


def test_a_worker_killed_in_the_middle_of_a_shard_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    blobs = DyingBlobs(root, durable=False, builder=os.getpid())
    submit(blobs, Rows(), hr.Processes(2))
    assert (tmp_path / "killed").exists()
    assert files(root) == submitted(tmp_path / "alone", Rows())


def test_a_store_that_fails_again_at_the_end_hides_no_error(tmp_path: Path) -> None:
    def fail(index: int) -> None:
        if index == 333:
            raise KeyError("no such picture")

    blobs = KeepingBlobs(tmp_path / "root", durable=False)
    with pytest.raises(KeyError) as held:
        submit(blobs, Rows(fail), hr.Threads(2))
    assert any("rows 1.0 raised this at record 333" in note for note in held.value.__notes__)


def build_until_killed(root: Path) -> None:
    builder = os.getpid()

    def kill_builder(index: int) -> None:
        # Not already where records are read ahead of the first shard.
        if index == 333 and list(root.rglob("*.arrow")):
            os.kill(builder, signal.SIGKILL)

    submit(root, Rows(kill_builder), hr.Processes(2))


def test_after_a_killed_caller_the_next_one_takes_over(tmp_path: Path) -> None:
    root = tmp_path / "root"
    builder = context().Process(target=build_until_killed, args=(root,))
    builder.start()
    builder.join()
    assert builder.exitcode == -signal.SIGKILL
    assert any(name.endswith(".arrow") for name in files(root))
    assert hr.Storage(root).datasets() == []
    submit(root, Rows(), hr.Processes(2))
    expected = submitted(tmp_path / "alone", Rows())
    # Workers outlive a killed caller by a second at most, and may leave a shard meanwhile.
    deadline = time.monotonic() + 10
    while files(root) != expected and time.monotonic() < deadline:
        hr.Storage(root).prune(grace_s=0)
    assert files(root) == expected


@pytest.mark.parametrize("name", BACKENDS)
def test_the_first_of_two_bad_records_in_two_stretches_is_named(name: str, tmp_path: Path) -> None:
    def fail(index: int) -> Any:
        if index in (307, 398):
            raise OSError(f"no picture {index}")
        return None

    def other(index: int) -> Any:
        return {"n": str(index)} if index in (307, 398) else None

    with pytest.raises(OSError, match="no picture 307") as caught:
        submit(tmp_path, Rows(fail), BACKENDS[name]())
    note = "The source of rows 1.0 raised this at record 307; nothing was published."
    assert note in caught.value.__notes__
    assert is_empty(tmp_path)
    with pytest.raises(RecordError, match=r"record 307 is {'n': str, .* before it are {'n': int,"):
        submit(tmp_path, Rows(other), BACKENDS[name]())
    assert is_empty(tmp_path)


def test_a_full_disk_at_a_worker_publishes_nothing(tmp_path: Path) -> None:
    caller = os.getpid()

    def fill_disk(index: int) -> None:
        if index >= 200 and os.getpid() != caller:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))

    with pytest.raises(StorageError, match=r"cannot write .*the limit of a file's size was met"):
        submit(tmp_path, Rows(fill_disk), hr.Processes(2))
    assert is_empty(tmp_path)
    assert hr.Storage(tmp_path).datasets() == []


def test_workers_that_see_another_storage_are_told_so(tmp_path: Path) -> None:
    blobs = ElsewhereBlobs(tmp_path / "root", durable=False)
    with pytest.raises(StorageError, match=r"the storage at .*elsewhere on .* is not that of the"):
        submit(blobs, Rows(), hr.Processes(2))
    assert is_empty(tmp_path)


def test_a_storage_with_the_mark_of_another_build_is_another_one(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path, durable=False)
    blobs.put("rows/leases/1.0.json", b"ours")
    check_mark(blobs, Mark("rows/leases/1.0.json", b"ours"))
    with pytest.raises(StorageError, match="or submit without a backend"):
        check_mark(blobs, Mark("rows/leases/1.0.json", b"theirs"))
