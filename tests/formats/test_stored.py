from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.stand_in import (
    FOLDER,
    FolderBlobs,
    MemoryBlobs,
    Opaque,
    all_of,
    cut,
    same,
    stored,
)

from headrace.contracts import Mapped, Records
from headrace.contracts.errors import IntegrityError, PickleRefused
from headrace.formats import Manifest, Shard, StoredRecords
from headrace.formats.schema.schema import Leaf

# Any, in this file: records of every structure.

COUNT = 400


def record(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    return {
        "label": number,
        # 12 bytes: rows of two shards do not lie a multiple of that apart.
        "odd": np.full(3, number, np.float32),
        "wide": np.full(1536, number, np.int16),  # pieces of 1 KiB
        "text": "é" * (number % 5) + str(number),
        "raw": bytes([number % 256]) * (number % 7),
        "ragged": rng.integers(0, 9, rng.integers(0, 4, 2)),
        "maybe": None if number % 3 else number,
        "array or none": None if number % 4 else np.arange(number % 5),
    }


RECORDS = [record(number) for number in range(COUNT)]


@pytest.fixture(scope="module", params=["files", "memory"])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoredRecords:
    is_files = request.param == "files"
    blobs = FolderBlobs(tmp_path_factory.mktemp("blobs")) if is_files else MemoryBlobs()
    return stored(cut(RECORDS, [100]), blobs, shard_bytes=60_000)


@settings(max_examples=100, deadline=None)
@given(indices=st.lists(st.integers(0, COUNT - 1), max_size=40))
def test_reads_across_shards_keep_the_asked_order(held: StoredRecords, indices: list[int]) -> None:
    assert len(held.manifest.shards) > 5
    got = held.read(np.array(indices, np.int64)).rows()
    assert all(map(same, got, [RECORDS[index] for index in indices]))
    assert len(got) == len(indices)


@settings(max_examples=50, deadline=None)
@given(start=st.integers(0, COUNT - 1), count=st.integers(1, 99))
def test_a_run_of_indices_gives_those_records(held: StoredRecords, start: int, count: int) -> None:
    run = np.arange(start, min(COUNT, start + count))
    assert all(map(same, held.read(run).rows(), RECORDS[start : start + count]))


@pytest.mark.parametrize("row_bytes", [8, 12, 3072, 20_000, 40_000, 81_920], ids=str)
def test_rows_of_every_size_are_gathered_across_shards(row_bytes: int, tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(0, 255, (60, row_bytes), np.uint8)
    records = [{"text": "w" * int(row[0]), "row": row} for row in rows]
    held = stored([records], FolderBlobs(tmp_path), shard_bytes=17 * row_bytes)
    asked = np.random.default_rng(2).integers(0, 60, 200)
    leaf = held.read(asked).leaves[1]
    assert isinstance(leaf, np.ndarray)
    assert (leaf == rows[asked]).all()
    assert len(held.manifest.shards) > 2


def test_a_run_in_one_shard_is_a_view_and_a_gather_is_not(held: StoredRecords) -> None:
    run = held.read(np.arange(3, 6)).leaves[1]
    gathered = held.read(np.array([3, 5])).leaves[1]
    assert isinstance(run, np.ndarray)
    assert isinstance(gathered, np.ndarray)
    assert not run.flags.owndata
    assert not run.flags.writeable
    assert gathered.flags.writeable


def test_views_outlive_the_records_they_came_from(tmp_path: Path) -> None:
    records = [
        {"raw": bytes([n]) * 5000, "x": np.full(900, n), "r": np.full(n, n)} for n in range(9)
    ]

    def views() -> list[Any]:
        return (
            stored([records], FolderBlobs(tmp_path), shard_bytes=20_000)
            .views()
            .read(np.arange(4))
            .rows()
        )

    held = views()
    assert isinstance(held[3]["raw"], memoryview)
    assert held[3]["raw"].readonly
    assert bytes(held[3]["raw"]) == bytes([3]) * 5000
    assert held[3]["x"].sum() == 2700
    assert held[3]["r"].tolist() == [3, 3, 3]


def test_views_differ_in_bytes_alone(held: StoredRecords) -> None:
    rows = held.views().read(np.array([5, 390, 2])).rows()
    for row, index in zip(rows, (5, 390, 2), strict=True):
        assert isinstance(row["raw"], memoryview)
        assert same({**row, "raw": bytes(row["raw"])}, RECORDS[index])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (-1, "index -1 of digits@1.0, which has 400 records. Indices here run from 0"),
        (400, "index 400 of digits@1.0"),
        (2**62, "index 4611686018427387904 of"),
    ],
)
def test_an_index_outside_is_named(held: StoredRecords, index: int, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        held.read(np.array([3, index, 399]))


def test_no_indices_give_no_records_of_the_same_layout(held: StoredRecords) -> None:
    none = held.read(np.zeros(0, np.int64))
    assert none.rows() == []
    leaf = none.leaves[2]
    assert isinstance(leaf, np.ndarray)
    assert leaf.shape == (0, 1536)
    assert leaf.dtype == np.int16


def test_stored_records_fulfil_the_contract(held: StoredRecords) -> None:
    assert isinstance(held, Records)
    assert held.identity.startswith("digits@1.0#")
    assert "digits@1.0, 400 x {'label': int" in repr(held)


def test_read_ahead_is_bounded_in_records_and_in_bytes() -> None:
    assert stored([list(range(1000))]).read_ahead == 1024
    shards = (Shard("0", 10, 10 << 20),)
    leaf = Leaf("value", "bytes")
    large = StoredRecords(
        MemoryBlobs(), Manifest(1, "digits", "1.0", leaf, shards, {}), folder=FOLDER
    )
    assert large.read_ahead == 2


def test_pickled_records_read_the_same_and_map_their_shards_again(tmp_path: Path) -> None:
    held = stored([RECORDS[:50]], FolderBlobs(tmp_path), shard_bytes=60_000)
    held.read(np.array([1]))
    again = pickle.loads(pickle.dumps(held))
    assert len(pickle.dumps(held)) < 4096
    assert all(map(same, all_of(again), RECORDS[:50]))
    assert isinstance(
        pickle.loads(pickle.dumps(held.views())).read(np.array([1, 9]))[0]["raw"], memoryview
    )


class CountingBlobs(FolderBlobs):
    """Counts how often each shard is mapped."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.mapped: list[str] = []

    def map(self, key: str) -> Mapped:
        self.mapped.append(key)
        return super().map(key)


def test_shards_are_mapped_once_and_when_they_are_needed(tmp_path: Path) -> None:
    blobs = CountingBlobs(tmp_path)
    held = stored([RECORDS], blobs, shard_bytes=60_000)
    held.read(np.array([0, 2, 1]))
    assert len(blobs.mapped) == 1
    threads = [threading.Thread(target=all_of, args=(held,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blobs.mapped) == len(set(blobs.mapped)) == len(held.manifest.shards)


def test_threads_that_open_shards_together_read_right(tmp_path: Path) -> None:
    held = stored([RECORDS], FolderBlobs(tmp_path), shard_bytes=20_000)
    wrong: list[int] = []

    def read(seed: int) -> None:
        for asked in np.random.default_rng(seed).integers(0, COUNT, (30, 8)):
            got = held.read(asked).rows()
            wrong.extend(i for i, row in zip(asked, got, strict=True) if not same(row, RECORDS[i]))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pickles_are_refused_unless_they_are_allowed() -> None:
    blobs = MemoryBlobs()
    manifest = stored([[{"x": Opaque(1)}]], blobs, allow_pickle=True).manifest
    with pytest.raises(PickleRefused, match=r"digits@1.0 holds .* use fetch\(\.\.\., allow_pickle"):
        StoredRecords(blobs, manifest, folder=FOLDER)


# What a test may break: the blobs, the records over them, and the key of their one shard.
Bad = tuple[MemoryBlobs, StoredRecords, str]


@pytest.fixture
def bad() -> Bad:
    blobs = MemoryBlobs()
    held = stored([[{"text": f"{number:09}", "n": number} for number in range(50)]], blobs)
    (key,) = blobs.held
    return blobs, held, key


def test_a_truncated_shard_is_named_before_it_is_touched(bad: Bad) -> None:
    blobs, held, key = bad
    size = len(blobs.held[key])
    blobs.held[key] = blobs.held[key][:-10]
    digest = held.manifest.shards[0].digest
    with pytest.raises(
        IntegrityError,
        match=f"shard {digest} of digits@1.0 is damaged: {size - 10} of {size} bytes are there. "
        "Run storage.verify to see all bad shards",
    ):
        held.read(np.array([1]))


def test_a_missing_shard_is_named(bad: Bad) -> None:
    blobs, held, _ = bad
    blobs.held.clear()
    missing = r"shard \w+ of digits@1.0 is missing on .+: .+ worker of another machine or container"
    with pytest.raises(IntegrityError, match=missing):
        held.read(np.array([1]))


def test_bytes_that_are_no_shard_are_named(bad: Bad) -> None:
    blobs, held, key = bad
    blobs.held[key] = bytes(len(blobs.held[key]))
    with pytest.raises(IntegrityError, match="is damaged: it is no shard of this format"):
        held.read(np.array([1]))


def test_an_offset_out_of_its_shard_is_not_followed(bad: Bad) -> None:
    blobs, held, key = bad
    offset = np.int64(3 * 9).tobytes() + np.int64(4 * 9).tobytes()
    assert blobs.held[key].count(offset) == 1
    broken = np.int64(1 << 60).tobytes() + np.int64(1 << 61).tobytes()
    blobs.held[key] = blobs.held[key].replace(offset, broken)
    assert held.read(np.array([1]))[0] == {"text": "000000001", "n": 1}
    with pytest.raises(IntegrityError, match="digits@1.0 is damaged: an offset points behind"):
        held.read(np.array([1, 3]))


def test_text_that_is_no_utf8_is_an_integrity_error(bad: Bad) -> None:
    blobs, held, key = bad
    blobs.held[key] = blobs.held[key].replace(b"000000007", b"\xff00000007")
    with pytest.raises(IntegrityError, match="digits@1.0 is damaged: 'utf-8' codec"):
        held.read(np.array([7, 1]))


def test_a_shard_of_other_records_is_named(bad: Bad) -> None:
    blobs, held, key = bad
    other = stored([[{"text": 1, "n": number} for number in range(50)]])
    payload = other._blobs.get(next(iter(other._blobs.held)))  # type: ignore[attr-defined]
    shard = Shard(held.manifest.shards[0].digest, 50, len(payload))
    blobs.held[key] = payload
    manifest = Manifest(1, "digits", "1.0", held.schema, (shard,), {})
    with pytest.raises(IntegrityError, match=r"its records are {'text': int, .* those of the"):
        StoredRecords(blobs, manifest, folder=FOLDER).read(np.array([1]))
    fewer = Manifest(1, "digits", "1.0", other.schema, (Shard(shard.digest, 9, len(payload)),), {})
    with pytest.raises(IntegrityError, match="it has 50 of 9 records"):
        StoredRecords(blobs, fewer, folder=FOLDER).read(np.array([1]))
