"""G7: stopped at each write in turn, or out of space there: the old state or the new one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.faults.builders import SHARD_BYTES, records, seed_of

from headrace.blobs import open_blobs
from headrace.contracts.errors import StorageError
from headrace.storage import Storage
from headrace.testing.faults import Moment, Script, ScriptedBlobs, Stopped

MOMENTS: tuple[Moment, ...] = ("before", "within", "after")


def submit(storage: Storage, seed: int, version: str, *, replace: bool = False) -> None:
    storage.submit(records(seed), "digits", version, replace=replace, shard_bytes=SHARD_BYTES)


def make_new(storage: Storage) -> None:
    submit(storage, 2, "2.0")


def put_over(storage: Storage) -> None:
    submit(storage, 2, "1.0", replace=True)


def take_away(storage: Storage) -> None:
    storage.delete("digits", "1.0")


def tidy_up(storage: Storage) -> None:
    storage.prune(grace_s=0)


def call_cached(storage: Storage) -> None:
    storage.cacheable("digits", "2.0")(lambda: records(2))()


def scripted(root: Path, script: Script) -> Storage:
    return Storage(ScriptedBlobs(open_blobs(root, durable=False), script))


def with_one_version(root: Path) -> Storage:
    storage = Storage(root, durable=False)
    submit(storage, 1, "1.0")
    submit(storage, 3, "0.9")
    storage.delete("digits", "0.9")
    return storage


def state_of(root: Path) -> dict[str, int]:
    """Each version and whose content it is; all of it is read and verified."""
    storage = Storage(root)
    versions = storage.versions("digits") if storage.datasets() else []
    if versions:
        storage.verify("digits")
    return {version: seed_of(storage.fetch("digits", version)) for version in versions}


def leftovers(root: Path) -> int:
    """How many files are neither manifest nor listed shard, once `prune` has run."""
    storage = Storage(root)
    storage.prune(grace_s=0)
    files = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"]
    versions = storage.versions("digits") if storage.datasets() else []
    shards = storage.verify("digits").shard_count if versions else 0
    return len(files) - shards - len(versions)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "action", [make_new, put_over, take_away, tidy_up, call_cached], ids=lambda f: str(f.__name__)
)
def test_y_b3_a_stop_at_each_write_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, action: Callable[[Storage], None], moment: Moment
) -> None:
    old_root, new_root = tmp_path / "old", tmp_path / "new"
    with_one_version(old_root)
    with_one_version(new_root)
    script = Script(at=-1)
    action(scripted(new_root, script))
    old, new = state_of(old_root), state_of(new_root)
    assert script.calls > 2
    seen = set()
    for at in range(script.calls):
        root = tmp_path / str(at)
        with_one_version(root)
        with pytest.raises(Stopped):
            action(scripted(root, Script(at=at, moment=moment)))
        found = state_of(root)
        assert found in (old, new), at
        seen.add(found == new)
        # Whoever comes next finds nothing in the way.
        submit(Storage(root, durable=False), 4, "4.0")
        assert state_of(root) == {**found, "4.0": 4}
        assert leftovers(root) == 0
    assert seen == {True} if old == new else {True, False}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("action", [make_new, put_over], ids=lambda f: str(f.__name__))
def test_a_full_disk_at_each_write_is_told_and_keeps_the_old_versions(
    tmp_path: Path, action: Callable[[Storage], None], moment: Moment
) -> None:
    script = Script(at=-1)
    with_one_version(tmp_path / "new")
    action(scripted(tmp_path / "new", script))
    new = state_of(tmp_path / "new")
    for at in range(script.calls):
        root = tmp_path / str(at)
        with_one_version(root)
        before = shard_names(root)
        with pytest.raises(StorageError, match="disk is full"):
            action(scripted(root, Script(at=at, moment=moment, fault="disk full")))
        if state_of(root) == new:
            # Only what comes after the commit may fail and leave the new state.
            assert at >= script.calls - 2
            continue
        assert state_of(root) == {"1.0": 1}
        assert shard_names(root) == before, at


def test_the_next_build_of_a_version_removes_what_a_dead_one_left(tmp_path: Path) -> None:
    script = Script(at=-1)
    make_new(scripted(tmp_path / "count", script))
    # The last write but two is the manifest's: all shards are there, nobody lists them.
    with pytest.raises(Stopped):
        make_new(scripted(tmp_path / "root", Script(at=script.calls - 2)))
    root = tmp_path / "root"
    orphans = shard_names(root)
    assert len(orphans) > 2
    submit(Storage(root), 5, "2.0")
    assert not orphans & shard_names(root)


def test_a_file_size_limit_during_submit_keeps_old_versions(tmp_path: Path) -> None:
    import resource

    root = tmp_path / "root"
    with_one_version(root)
    before = shard_names(root)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .* limit of a file's size"):
            Storage(root).submit(records(2), "digits", "2.0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert state_of(root) == {"1.0": 1}
    assert shard_names(root) == before
    with suppress(FileNotFoundError):
        assert [path.name for path in (root / "digits/leases").glob("2.0~*")] == []


def shard_names(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*.arrow")}
