"""Shards of a far store: which are fetched whole, what is told ahead, and what is let go."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.blobs.far import FarBlobs
from tests.formats.far import CountedBlobs
from tests.formats.stand_in import FOLDER, MemoryBlobs, same, stored

import headrace as hr
from headrace.blobs import LocalBlobs
from headrace.blobs.cache.cached import CachedBlobs
from headrace.contracts.records import ahead_positions_of
from headrace.formats import StoredRecords, shard_key

# Any, in this file: records of every structure.

ROWS = 100  # of a shard
SHARDS = 12
COUNT = ROWS * SHARDS
SHARD_BYTES = ROWS * 80_000


def record(number: int) -> dict[str, Any]:
    return {"pixels": np.full(80_000, number, np.uint8), "label": number}


class PlanningBlobs(CountedBlobs):
    """Notes what is to be fetched ahead, and which plans are closed."""

    def __init__(self, bound_bytes: int | None = None, here: Iterable[str] = ()) -> None:
        super().__init__(bound_bytes)
        self.plans: list[list[str]] = []
        self.closed: list[list[str]] = []
        self.here = set(here)

    def ahead(self, sizes: Mapping[str, int]) -> Plan:
        assert [len(self.held[key]) for key in sizes] == list(sizes.values())
        self.plans.append(list(sizes))
        return Plan(self, self.plans[-1])

    def has_file(self, key: str) -> bool:
        return key in self.here


class Plan:
    def __init__(self, blobs: PlanningBlobs, keys: list[str]) -> None:
        self._blobs = blobs
        self._keys = keys

    def close(self) -> None:
        self._blobs.closed.append(self._keys)


@pytest.fixture(scope="module")
def near() -> tuple[StoredRecords, MemoryBlobs]:
    blobs = MemoryBlobs()
    rows = np.repeat(np.arange(COUNT, dtype=np.uint16)[:, None].astype(np.uint8), 80_000, 1)
    pairs = [{"pixels": row, "label": number} for number, row in enumerate(rows)]
    held = stored([pairs], blobs, shard_bytes=SHARD_BYTES)
    assert [shard.rows for shard in held.manifest.shards] == [ROWS] * SHARDS
    return held, blobs


def away(
    near: tuple[StoredRecords, MemoryBlobs], shards: int | None = None
) -> tuple[hr.DataRef[Any], PlanningBlobs]:
    """The records behind a cache that holds so many shards."""
    held, blobs = near
    size = held.manifest.shards[0].size_bytes
    counted = PlanningBlobs(None if shards is None else shards * size)
    counted.held = blobs.held
    return hr.DataRef(StoredRecords(counted, held.manifest, folder=FOLDER)), counted


def keys(near: tuple[StoredRecords, MemoryBlobs]) -> list[str]:
    return [shard_key(FOLDER, shard.digest) for shard in near[0].manifest.shards]


def labels(stream: hr.Stream[Any]) -> list[int]:
    return [int(number) for batch in stream.batch(10) for number in batch["label"]]


def test_a_whole_epoch_maps_each_shard_once(near: tuple[StoredRecords, MemoryBlobs]) -> None:
    ref, blobs = away(near)
    for _ in range(2):
        assert sorted(labels(ref.shuffle(seed=1).stream())) == list(range(COUNT))
    assert sorted(blobs.mapped) == sorted(keys(near))
    assert blobs.asked == []


def test_what_comes_is_fetched_ahead_in_the_order_of_its_use(
    near: tuple[StoredRecords, MemoryBlobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.formats.stored.AHEAD_BYTES", 0)
    ref, blobs = away(near)
    assert labels(ref.stream()) == list(range(COUNT))
    assert blobs.plans[0] == keys(near)[:8]
    assert blobs.plans[1][-1] == keys(near)[8]
    assert blobs.mapped == keys(near)
    assert blobs.closed == blobs.plans[:-1]


def test_more_of_small_shards_is_told(near: tuple[StoredRecords, MemoryBlobs]) -> None:
    # All twelve are less than what is told at least.
    ref, blobs = away(near)
    assert labels(ref.stream()) == list(range(COUNT))
    assert blobs.plans[0] == keys(near)


def test_nothing_is_told_once_all_shards_are_here_to_stay(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    ref, blobs = away(near)
    assert ahead_positions_of(ref.records) > 0
    labels(ref.stream())
    told = len(blobs.plans)
    labels(ref.shuffle(seed=1).stream())
    assert ahead_positions_of(ref.records) == 0
    assert told == len(blobs.plans) > 0
    bounded, _ = away(near, shards=3)
    labels(bounded.stream())
    assert ahead_positions_of(bounded.records) > 0


def cached(
    near: tuple[StoredRecords, MemoryBlobs], folder: Path, shards: int
) -> tuple[hr.DataRef[Any], Path]:
    """The records behind a real cache of so many shards, and the log of what it fetched."""
    held, blobs = near
    local = LocalBlobs(folder / "store", durable=False)
    for key, payload in blobs.held.items():
        local.put(key, payload)
    log = folder / "log"
    log.touch()
    limit_bytes = shards * held.manifest.shards[0].size_bytes
    far_blobs = CachedBlobs(FarBlobs(local, log=log), folder / "cache", limit_bytes)
    return hr.DataRef(StoredRecords(far_blobs, held.manifest, folder=FOLDER)), log


def test_blocks_in_a_small_cache_fetch_each_shard_once(
    near: tuple[StoredRecords, MemoryBlobs], tmp_path: Path
) -> None:
    # Room for two windows, and to exchange shards.
    ref, log = cached(near, tmp_path, shards=6)
    blocks = ref.shuffle(5, "blocks", window=2, block=near[0].shard_records)
    assert sorted(labels(blocks.stream())) == list(range(COUNT))
    assert sorted(log.read_text().split()) == sorted(keys(near))


def test_a_global_shuffle_in_a_small_cache_reads_by_ranges_what_it_cannot_hold(
    near: tuple[StoredRecords, MemoryBlobs], tmp_path: Path
) -> None:
    ref, log = cached(near, tmp_path, shards=5)
    assert sorted(labels(ref.shuffle(seed=1).stream())) == list(range(COUNT))
    # Without ranges most records would fetch a shard of their own.
    assert len(log.read_text().split()) <= 2 * SHARDS


def test_no_more_stays_open_than_the_cache_may_hold(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    ref, blobs = away(near, shards=3)
    views = [ref.read(np.arange(ROWS * n, ROWS * n + 50)) for n in range(SHARDS)]
    assert blobs.mapped == keys(near)
    # What was read stays what it was, also of shards that were let go.
    for number, view in enumerate(views):
        assert view[3]["label"] == ROWS * number + 3
        assert (view[3]["pixels"] == (ROWS * number + 3) % 256).all()
    blobs.forget()
    ref.read(np.arange(ROWS * 11, ROWS * 11 + 50))
    assert blobs.mapped == []
    ref.read(np.arange(50))
    assert blobs.mapped == keys(near)[:1]


def test_a_shard_that_is_in_the_cache_is_mapped_for_a_single_record(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    ref, blobs = away(near)
    blobs.here = {keys(near)[3]}
    assert ref[301]["label"] == 301
    assert (blobs.mapped, blobs.asked) == ([keys(near)[3]], [])


def test_single_records_of_a_shard_are_read_by_ranges_until_it_pays_to_fetch_it(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    ref, blobs = away(near)
    for number in range(0, ROWS, 3):
        assert ref[number]["label"] == number
    assert blobs.mapped == keys(near)[:1]
    size = near[0].manifest.shards[0].size_bytes
    assert 0 < blobs.asked_bytes < size / 4


def test_threads_read_right_whatever_is_opened_and_let_go(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    ref, _ = away(near, shards=2)
    wrong: list[int] = []

    def read(seed: int) -> None:
        for asked in np.random.default_rng(seed).integers(0, COUNT, (25, 6)):
            got = ref.read(asked)
            wrong.extend(
                number
                for row, number in zip(got, asked.tolist(), strict=True)
                if not same(row, record(number % 256) | {"label": number})
            )

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_explain_says_which_way_records_are_read(near: tuple[StoredRecords, MemoryBlobs]) -> None:
    ref, blobs = away(near)

    def reads(some: hr.DataRef[Any]) -> str:
        (line,) = [one for one in some.stream().explain().splitlines() if one.startswith("reads")]
        return line

    assert reads(ref) == "reads     whole shards of 7.63 MiB, fetched along the order"
    assert reads(ref.shuffle(seed=1)) == reads(ref)
    assert reads(ref[::100]) == (
        "reads     ranges of 78.1 KiB: 12 records of 12 shards of 7.63 MiB"
    )
    assert reads(ref[:101]) == (
        "reads     1 whole shard of 7.63 MiB, ranges of 78.1 KiB: 1 record of 1 shard"
    )
    assert (blobs.mapped, blobs.asked, blobs.plans) == ([], [], [])


def test_explain_of_records_that_are_here_says_nothing_of_it(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    assert "reads" not in hr.DataRef(near[0]).stream().explain()
