"""A storage in a bucket, read from copies of its shards on this machine."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.serving import Store

from headrace.blobs import open_blobs
from headrace.contracts.errors import ArgumentError, IntegrityError
from headrace.storage import Storage


def records(seed: int, count: int = 4000) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [{"id": n, "x": rng.random(20)} for n in range(count)]


def same(ref: Any, seed: int, start: int = 0, stop: int = 4000) -> bool:
    batch = ref.read(np.arange(start, stop)).stack()
    expected = [one["x"] for one in records(seed)[start:stop]]
    return bool((batch["x"] == np.stack(expected)).all())


def copies(folder: Path) -> list[Path]:
    return list(folder.rglob("*.arrow"))


def test_a_second_read_needs_no_store(s3: Store, tmp_path: Path) -> None:
    bucket = s3.new_bucket()
    storage = Storage(bucket, storage_options=s3.storage_options, cache_dir=tmp_path / "cache")
    ref = storage.submit(records(1), "digits", "1.0", shard_bytes=100_000)
    assert same(ref, 1)
    again = pickle.loads(pickle.dumps(storage.fetch("digits")))
    store = open_blobs(bucket, storage_options=s3.storage_options)
    stored = list(store.list("digits/shards"))
    assert len(copies(tmp_path)) == len(stored) > 4

    for stat in stored:
        store.delete(stat.key)
    assert same(again, 1)


def test_y_b12_one_name_in_two_buckets_is_two_datasets(s3: Store, tmp_path: Path) -> None:
    buckets = [s3.new_bucket(), s3.new_bucket()]
    for seed, bucket in enumerate(buckets):
        storage = Storage(bucket, storage_options=s3.storage_options, cache_dir=tmp_path)
        storage.submit(records(seed), "digits", "1.0")
    for _ in range(2):
        for seed, bucket in enumerate(buckets):
            storage = Storage(bucket, storage_options=s3.storage_options, cache_dir=tmp_path)
            assert same(storage.fetch("digits", "1.0"), seed)
    assert len(copies(tmp_path)) == 2


def test_copies_stay_within_their_bound_while_all_is_read(s3: Store, tmp_path: Path) -> None:
    storage = Storage(
        s3.new_bucket(),
        storage_options=s3.storage_options,
        cache_dir=tmp_path,
        cache_bytes=300_000,
    )
    storage.submit(records(1), "digits", "1.0", shard_bytes=50_000)
    ref = storage.fetch("digits")
    for start in range(0, len(ref), 500):
        assert same(ref, 1, start, start + 500)
        assert sum(path.stat().st_size for path in copies(tmp_path)) <= 300_000


def test_who_trusts_sha_256_alone_reads_whole_copies_that_were_compared(
    s3: Store, tmp_path: Path
) -> None:
    bucket = s3.new_bucket()
    options = s3.storage_options
    storage = Storage(bucket, storage_options=options, cache_dir=tmp_path, trust="sha256")
    storage.submit(records(1), "digits", "1.0")
    assert storage.fetch("digits")[7]["id"] == 7
    (copy,) = copies(tmp_path)
    assert len(copy.stem) == 64

    store = open_blobs(bucket, storage_options=options)
    (stat,) = store.list("digits/shards")
    forged = bytearray(store.get(stat.key))
    forged[len(forged) // 2] ^= 1
    store.put(stat.key, forged, replace=True)
    copy.unlink()
    with pytest.raises(IntegrityError, match="came twice, and is not what was written"):
        storage.fetch("digits")[7]


def test_a_bound_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="cache_bytes must be a whole number of at least 1"):
        Storage(tmp_path, cache_bytes=-1)
