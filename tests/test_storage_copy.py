"""Versions from one storage to another: only what is missing, whatever dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.faults.killing import context
from tests.versions import NotingBlobs, append, ids, manifest_of, noting, rows, submit

from headrace.blobs import open_blobs
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    PickleRefused,
    VersionExists,
)
from headrace.storage import Storage
from headrace.testing.faults import Moment, Script, ScriptedBlobs, Stopped

# Any, in this file: records are whatever a test makes.


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_a_copy_is_the_version_and_takes_only_what_is_missing(tmp_path: Path) -> None:
    here = Storage("memory://")
    there, written = noting(tmp_path)
    parent = submit(here, rows(0, 100), "1.0", meta={"by": "ada"})
    child = append(here, rows(100, 130), "1.1", "1.0")
    copy = here.copy("rows", "1.0", to=there)
    assert copy.identity == parent.identity
    assert len(written) == len(manifest_of(parent).shards)
    written.clear()
    assert here.copy("rows", "1.1", to=there).identity == child.identity
    assert len(written) == len(manifest_of(child).shards) - len(manifest_of(parent).shards)
    written.clear()
    assert ids(here.copy("rows", "1.1", to=there)) == list(range(130))
    assert written == []
    assert there.verify("rows").versions == ("1.0", "1.1")
    assert there.describe("rows", "1.1").parent == "1.0"


def test_a_copy_keeps_when_and_by_what_it_was_made(tmp_path: Path) -> None:
    here, there = Storage(tmp_path / "here", durable=False), Storage("memory://")
    submit(here, lambda: rows(0, 3), "1.0")
    os.utime(tmp_path / "here/rows/versions/1.0.json", (1e9, 1e9))
    here.copy("rows", "1.0", to=there)
    again = Storage("memory://")
    there.copy("rows", "1.0", to=again)
    old, new = here.describe("rows"), again.describe("rows")
    assert (new.when, new.made.function) == ("2001-09-09T01:46:40Z", old.made.function)
    assert (new.when, new.by) == (old.when, old.by)


def test_a_copy_may_have_another_version_and_be_named_by_a_tag(storage: Storage) -> None:
    there = Storage("memory://")
    submit(storage, rows(0, 3), "1.0")
    storage.tag("rows", "1.0", "good")
    assert storage.copy("rows", "good", to=there).identity.startswith("rows@1.0#")
    assert ids(storage.copy("rows", "good", to=there, as_version="2.0")) == [0, 1, 2]
    assert ids(storage.copy("rows", "good", to=storage, as_version="2.0")) == [0, 1, 2]
    assert there.versions("rows") == ["1.0", "2.0"]
    assert there.tags("rows") == {}


def test_another_version_of_that_name_is_not_overwritten(storage: Storage) -> None:
    there = Storage("memory://")
    submit(storage, rows(0, 3), "1.0")
    submit(there, rows(0, 4), "1.0")
    there.tag("rows", "1.0", "2.0")
    with pytest.raises(VersionExists, match="rows 1.0 is in .* already and is another than"):
        storage.copy("rows", "1.0", to=there)
    with pytest.raises(VersionExists, match="rows has a tag '2.0'"):
        storage.copy("rows", "1.0", to=there, as_version="2.0")
    assert len(there.fetch("rows")) == 4


def test_a_damaged_shard_is_not_copied_and_the_others_stay_for_the_next_try(
    tmp_path: Path,
) -> None:
    here, (there, written) = Storage(tmp_path / "here", durable=False), noting(tmp_path / "there")
    shards = manifest_of(submit(here, rows(0, 100), "1.0")).shards
    path = tmp_path / "here/rows/shards" / f"{shards[-1].digest}.arrow"
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="cannot be copied: checksum differs. Run storage.ver"):
        here.copy("rows", "1.0", to=there)
    path.unlink()
    with pytest.raises(IntegrityError, match=f"{shards[-1].digest}.arrow in .* copied: missing"):
        here.copy("rows", "1.0", to=there)
    assert there.datasets() == []
    path.write_bytes(whole)
    assert ids(here.copy("rows", "1.0", to=there)) == list(range(100))
    assert len(written) == len(shards)


def test_pickles_are_copied_with_permission_alone(storage: Storage) -> None:
    there = Storage("memory://")
    submit(storage, [{"x": object}], "1.0", allow_pickle=True)
    with pytest.raises(PickleRefused, match="rows@1.0 holds pickled values"):
        storage.copy("rows", "1.0", to=there)
    assert there.datasets() == []
    assert storage.copy("rows", "1.0", to=there, allow_pickle=True)[0] == {"x": object}


def test_a_copy_goes_to_a_storage(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    with pytest.raises(ArgumentError, match="a Storage to copy to was expected, got 's3://b'"):
        storage.copy("rows", "1.0", to="s3://b")  # type: ignore[arg-type]


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_a_copy_that_is_cut_short_at_any_write_goes_on_where_it_was(
    tmp_path: Path, moment: Moment
) -> None:
    here = Storage("memory://")
    expected = submit(here, rows(0, 60), "1.0")
    count = len(manifest_of(expected).shards)
    # The lease's note, the shards, the manifest, and the note's removal.
    manifest_at = count + 1
    for at in range(manifest_at + 2):
        root = tmp_path / str(at)
        stopped = Storage(ScriptedBlobs(open_blobs(root, durable=False), Script(at, moment)))
        with suppress(Stopped):
            here.copy("rows", "1.0", to=stopped)
        there, written = noting(root)
        held = len(list((root / "rows/shards").glob("*.arrow")))
        is_published = at > manifest_at or (at == manifest_at and moment == "after")
        assert bool(there.datasets()) is is_published
        assert here.copy("rows", "1.0", to=there).identity == expected.identity
        assert len(written) == count - held
        there.verify("rows")
        there.prune(grace_s=0)
        files = [path for path in root.rglob("*") if path.suffix in (".arrow", ".json")]
        assert len(files) == count + 1


def copy_and_die(source: Path, target: Path) -> None:
    """Copies, and is killed in the middle of the third shard."""

    @dataclass(frozen=True)
    class DyingBlobs(NotingBlobs):
        def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
            def fill_and_die(sink: BinaryIO) -> None:
                fill(sink)
                if len(self.written) > 1:
                    os.kill(os.getpid(), signal.SIGKILL)

            return super().write(key, fill_and_die)

        def aside(self, prefix: str) -> DyingBlobs:
            return replace(self, unfinished=prefix)

    Storage(source).copy("rows", "1.0", to=Storage(DyingBlobs(target, durable=False)))


def test_a_killed_copy_goes_on_where_it_was(tmp_path: Path) -> None:
    here = Storage(tmp_path / "here", durable=False)
    expected = submit(here, rows(0, 100), "1.0")
    process = context().Process(
        target=copy_and_die, args=(tmp_path / "here", tmp_path / "there"), daemon=True
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    there, written = noting(tmp_path / "there")
    held = len(list((tmp_path / "there/rows/shards").glob("*.arrow")))
    assert 2 <= held < len(manifest_of(expected).shards)
    assert there.datasets() == []
    assert ids(here.copy("rows", "1.0", to=there)) == list(range(100))
    assert len(written) == len(manifest_of(expected).shards) - held


def test_a_copy_into_a_storage_that_trusts_another_digest_is_refused(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    there = Storage("memory://", trust="sha256")
    with pytest.raises(IntegrityError, match="rows 1.0 in .* names its shards by xxh3"):
        storage.copy("rows", "1.0", to=there)
    assert there.datasets() == []
