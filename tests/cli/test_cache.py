"""`headrace cache`: what is kept of remote storages, and what goes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.blobs.far import FarBlobs
from tests.blobs.test_shard_cache import SHARD_BYTES, contents, filled, key_of
from tests.cli.conftest import Headrace

from headrace.blobs import LocalBlobs
from headrace.blobs.cache.cached import CachedBlobs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of three shards of a bucket, and one of another; that was used last a week ago."""
    far = tmp_path / "far"
    keys = filled(far, 3)
    LocalBlobs(far).put(key_of(contents(7), "words"), contents(7))
    for url, wanted in (("s3://one/data", keys), ("gs://two", [key_of(contents(7), "words")])):
        blobs = CachedBlobs(FarBlobs(LocalBlobs(far), url), tmp_path / "cache", 10**9)
        for key in wanted:
            blobs.map(key)
    week_ago = time.time() - 7 * 86_400
    for path in (tmp_path / "cache").rglob("words/shards/*"):
        os.utime(path, (week_ago, week_ago))
    monkeypatch.setenv("HEADRACE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def shards(folder: Path) -> int:
    return len(list(folder.rglob("*.arrow")))


def test_ls_lists_each_dataset_with_its_storage(headrace: Headrace, folder: Path) -> None:
    heading, first, second = headrace("cache", "ls").out.splitlines()

    assert heading.split() == ["dataset", "shards", "size", "last", "used", "(UTC)", "storage"]
    assert first.split()[:4] == ["digits", "3", "30.0", "kB"]
    assert first.endswith("s3://one/data")
    assert second.split()[0] == "words"
    assert second.endswith("gs://two")


def test_ls_as_json_and_of_one_storage(headrace: Headrace, folder: Path) -> None:
    (only,) = headrace("cache", "ls", "--url", "s3://one", "--json").json

    assert only.pop("last_used").endswith("Z")
    assert only == {
        "storage": "s3://one/data",
        "dataset": "digits",
        "shards": 3,
        "size_bytes": 3 * SHARD_BYTES,
    }
    assert headrace("cache", "ls", "--url", "s3://on", "--json").json == []


def test_ls_of_no_cache_makes_none(headrace: Headrace, tmp_path: Path) -> None:
    ended = headrace("cache", "ls", "--cache-dir", str(tmp_path / "none"))

    assert ended.out == f"no shards in {tmp_path / 'none'}\n"
    assert not (tmp_path / "none").exists()


def test_clear_removes_what_was_not_used_for_long(headrace: Headrace, folder: Path) -> None:
    ended = headrace("cache", "clear", "--older-than", "6")

    assert ended.out == "1 shard removed, 10.0 kB freed\n"
    assert shards(folder) == 3
    # Nothing is left of a storage without shards.
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_clear_leaves_what_is_in_use(headrace: Headrace, folder: Path) -> None:
    far = FarBlobs(LocalBlobs(folder.parent / "far"), "s3://one/data")
    held = CachedBlobs(far, folder, 10**9).map(key_of(contents(1)))

    ended = headrace("cache", "clear")
    assert ended.out == ("3 shards removed, 30.0 kB freed\nleft alone, as it is in use: 1 shard\n")
    assert held.tobytes() == contents(1)
    assert shards(folder) == 1
    told = headrace("cache", "clear", "--json").json
    assert told == {"cache_dir": str(folder), "shards": 0, "size_bytes": 0, "in_use": 1}


def test_a_cleared_cache_has_room_again(headrace: Headrace, folder: Path) -> None:
    headrace("cache", "clear")

    far = FarBlobs(LocalBlobs(folder.parent / "far"), "s3://one/data")
    blobs = CachedBlobs(far, folder, 2 * SHARD_BYTES + 999)
    for seed in (0, 1):
        blobs.map(key_of(contents(seed)))
    assert shards(folder) == 2


def test_days_below_zero_and_unknown_actions_are_wrong_calls(
    headrace: Headrace, folder: Path
) -> None:
    ended = headrace("cache", "clear", "--older-than", "-1")
    assert ended.code == 2
    assert "--older-than must be at least 0 days, got -1.0. Leave it out for all." in ended.err
    assert headrace("cache", "empty").code == 2
    assert shards(folder) == 4
