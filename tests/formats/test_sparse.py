"""Single rows by ranges: equal to those of whole shards, by few bytes, and nothing on trust."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.far import CountedBlobs, far
from tests.formats.leaves import LEAVES
from tests.formats.stand_in import FOLDER, MemoryBlobs, Opaque, cut, same, stored
from tests.formats.test_lists import LISTS
from tests.formats.test_round_trip import made, shapes

from headrace.contracts.errors import IntegrityError, RecordError
from headrace.formats import StoredRecords, Target, write_blocks
from headrace.formats.compression.fields import compression_of
from headrace.formats.far.sparse import WHOLE_BYTES
from headrace.formats.manifest.manifest import FORMAT_VERSION, Manifest, shard_key
from headrace.formats.manifest.placement import Placement, spans_of
from headrace.formats.schema.schema import leaves_of

# Any, in this file: records of every structure.

ROWS = 2000


@pytest.fixture
def always_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a shard is: its rows are read by ranges."""
    monkeypatch.setattr("headrace.formats.far.reach.WHOLE_SHARE", 0)


def record(number: int) -> dict[str, Any]:
    return {
        "pixels": np.full(2000, number, np.int32),
        "label": number,
        "text": "é" * (number % 90) + str(number),
        "maybe": None if number % 3 else number,
        "box": np.full((number % 3, 2), number),
    }


@pytest.fixture(scope="module")
def near() -> tuple[StoredRecords, MemoryBlobs]:
    blobs = MemoryBlobs()
    return stored([[record(number) for number in range(ROWS)]], blobs, shard_bytes=2**23), blobs


def sparsely(
    records: list[Any], shard_bytes: int, **how: Any
) -> tuple[StoredRecords, CountedBlobs]:
    blobs = MemoryBlobs()
    return far(stored(cut(records, [4]), blobs, shard_bytes=shard_bytes, **how), blobs)


@pytest.mark.usefixtures("always_ranges")
@pytest.mark.parametrize("none", [0.0, 0.3], ids=["whole", "with None"])
@pytest.mark.parametrize("kind", sorted(LEAVES))
def test_every_kind_of_leaf_is_read_by_ranges(kind: str, none: float) -> None:
    rng = np.random.default_rng(3)
    records = [{"leaf": made(kind, rng, none), "n": number} for number in range(11)]
    for shard_bytes in (100, 1 << 20):
        held, blobs = sparsely(records, shard_bytes)
        got = held.read(np.array([9, 2, 3, 9])).rows()
        assert all(map(same, got, [records[at] for at in (9, 2, 3, 9)]))
        assert blobs.mapped == []


# The fixture sets a constant, once for all.
@pytest.mark.usefixtures("always_ranges")
@settings(max_examples=150, deadline=None)
@given(
    shape=shapes(),
    seed=st.integers(0, 2**32),
    count=st.integers(1, 12),
    none=st.sampled_from([0.0, 0.0, 0.3]),
    shard_bytes=st.sampled_from([1, 300, 1 << 20]),
    indices=st.lists(st.integers(0, 11), max_size=9),
)
def test_any_records_read_by_ranges_are_those_of_whole_shards(
    shape: Any, seed: int, count: int, none: float, shard_bytes: int, indices: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    records = [made(shape, rng, none) for _ in range(count)]
    held, blobs = sparsely(records, shard_bytes)
    asked = [index % count for index in indices]
    got = held.read(np.array(asked, np.int64)).rows()
    assert all(map(same, got, [records[index] for index in asked]))
    assert len(got) == len(asked)
    assert blobs.mapped == []


@pytest.mark.usefixtures("always_ranges")
@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.none() | LISTS, min_size=1, max_size=12),
    shard_bytes=st.sampled_from([1, 200, 1 << 20]),
    indices=st.lists(st.integers(0, 11), min_size=1, max_size=9),
)
def test_lists_are_read_by_ranges_in_all_the_ways_that_shards_have_them(
    values: list[Any], shard_bytes: int, indices: list[int]
) -> None:
    records = [{"n": number, "x": value} for number, value in enumerate(values)]
    held, _ = sparsely(records, shard_bytes)
    asked = [index % len(values) for index in indices]
    assert all(map(same, held.read(np.array(asked)).rows(), [records[at] for at in asked]))


@pytest.mark.usefixtures("always_ranges")
def test_pickles_and_views_are_read_by_ranges() -> None:
    records = [{"x": Opaque(number), "raw": bytes([number]) * number} for number in range(20)]
    held, _ = sparsely(records, 1 << 20, allow_pickle=True)
    (row,) = held.views().read(np.array([17])).rows()
    assert row["x"] == Opaque(17)
    assert isinstance(row["raw"], memoryview)
    assert bytes(row["raw"]) == bytes([17]) * 17


def compressed() -> tuple[list[Any], StoredRecords, CountedBlobs]:
    records = [{"text": f"the water of lake {n} " * n, "n": n} for n in range(300)]
    blobs = MemoryBlobs()
    target = Target(blobs, FOLDER, 100_000, compression_of({"text": "zstd"}))
    written = write_blocks([records], target, advance=lambda count: None)
    manifest = Manifest(FORMAT_VERSION, "digits", "1.0", written.schema, written.shards, {})
    assert len(manifest.shards) > 3
    return records, *far(StoredRecords(blobs, manifest, folder=FOLDER), blobs)


@pytest.mark.usefixtures("always_ranges")
def test_compressed_columns_are_read_by_ranges() -> None:
    pytest.importorskip("zstandard")
    records, held, blobs = compressed()
    assert held.read(np.array([250, 3, 251])).rows() == [records[at] for at in (250, 3, 251)]
    assert blobs.mapped == []


@pytest.mark.usefixtures("always_ranges")
def test_a_damaged_value_is_named_by_its_own_index() -> None:
    pytest.importorskip("zstandard")
    _, held, blobs = compressed()
    shard = held.manifest.shards[-1]
    assert isinstance(shard.buffers, Placement)
    (spans,) = [one for one in spans_of(shard.buffers, shard.size_bytes) if "note" in one]
    begin, length = spans["values"]
    key = shard_key(FOLDER, shard.digest)
    payload = blobs.held[key]
    broken = payload[:begin] + bytes(length) + payload[begin + length :]
    blobs.held = {**blobs.held, key: broken}
    with pytest.raises(IntegrityError, match="'text' of record 298 of digits@1.0, in shard"):
        held.read(np.array([5, 298]))


# -- how little is read ---------------------------------------------------------------------------


def test_one_record_takes_a_request_a_column_and_its_own_bytes(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    held, blobs = far(*near)
    assert same(held.read(np.array([77])).rows(), [record(77)])
    assert blobs.mapped == []
    columns = len(leaves_of(held.schema))  # type: ignore[arg-type]
    # The offsets of two columns, the shapes of one and the flags of one are read beside them.
    assert len(blobs.asked) <= columns + 4
    before = blobs.asked_bytes
    tables = sum(length for length in _tables(held, 0) if length <= WHOLE_BYTES)
    assert before - tables <= 2 * _bytes_of(record(77))
    blobs.forget()
    held.read(np.array([80]))
    assert len(blobs.asked) <= columns
    assert blobs.asked_bytes <= 2 * _bytes_of(record(80))


def test_a_sparse_slice_takes_at_most_twice_its_bytes(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    held, blobs = far(*near)
    asked = np.arange(0, ROWS, 400)
    assert all(map(same, held.read(asked).rows(), map(record, asked.tolist())))
    assert blobs.mapped == []
    tables = sum(
        length
        for number in range(len(held.manifest.shards))
        for length in _tables(held, number)
        if length <= WHOLE_BYTES
    )
    wanted = sum(_bytes_of(record(number)) for number in asked.tolist())
    assert blobs.asked_bytes - tables <= 2 * wanted


def test_neighbours_are_one_request(near: tuple[StoredRecords, MemoryBlobs]) -> None:
    held, blobs = far(*near)
    held.read(np.arange(40, 60))
    blobs.forget()
    held.read(np.arange(60, 80))
    assert len(blobs.asked) <= len(leaves_of(held.schema))  # type: ignore[arg-type]


def test_a_large_table_of_offsets_is_not_fetched_whole() -> None:
    records = [{"text": "ab", "wide": b"0" * 300} for _ in range(20_000)]
    held, blobs = sparsely(records, 1 << 25)
    assert 8 * len(records) > WHOLE_BYTES
    assert held.read(np.array([7, 11_000])).rows() == [records[7], records[11_000]]
    assert blobs.mapped == []
    assert blobs.asked_bytes <= 2 * 2 * (302 + 2 * 16)


def test_rows_of_open_shards_are_not_asked_for_again(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    held, blobs = far(*near)
    rows = held.manifest.shards[0].rows
    held.read(np.arange(rows))
    assert blobs.mapped == [shard_key(FOLDER, held.manifest.shards[0].digest)]
    blobs.forget()
    asked = np.array([3, rows + 5, 1, rows + 5, 0])
    assert all(map(same, held.read(asked).rows(), map(record, asked.tolist())))
    assert blobs.mapped == []
    assert {key for key, _, _ in blobs.asked} == {shard_key(FOLDER, held.manifest.shards[1].digest)}


def test_shards_whose_buffers_are_not_noted_are_read_whole(
    near: tuple[StoredRecords, MemoryBlobs],
) -> None:
    held, blobs = near
    older = tuple(msgspec.structs.replace(shard, buffers=None) for shard in held.manifest.shards)
    manifest = msgspec.structs.replace(held.manifest, shards=older)
    read, counted = far(StoredRecords(blobs, manifest, folder=FOLDER), blobs)
    assert same(read.read(np.array([77])).rows(), [record(77)])
    assert (len(counted.mapped), counted.asked) == (1, [])


def _tables(held: StoredRecords, number: int) -> list[int]:
    """The lengths of the offsets, shapes and flags of a shard."""
    shard = held.manifest.shards[number]
    assert isinstance(shard.buffers, Placement)
    return [
        length
        for leaf in spans_of(shard.buffers, shard.size_bytes)
        for role, (_, length) in leaf.items()
        if role != "values"
    ]


def _bytes_of(row: dict[str, Any]) -> int:
    return sum(
        value.nbytes if isinstance(value, np.ndarray) else len(str(value).encode())
        for value in row.values()
    )


# -- what is damaged ------------------------------------------------------------------------------


def broken(near: tuple[StoredRecords, MemoryBlobs], change: Any) -> StoredRecords:
    """The records with another placement of the first shard."""
    held, blobs = near
    first, *others = held.manifest.shards
    assert isinstance(first.buffers, Placement)
    placement = Placement(change(first.buffers.spans), first.buffers.schema)
    shards = (msgspec.structs.replace(first, buffers=placement), *others)
    manifest = msgspec.structs.replace(held.manifest, shards=shards)
    return far(StoredRecords(blobs, manifest, folder=FOLDER), blobs)[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spans: spans[:-2], "wrongly where its buffers are: it has 24 numbers for 13"),
        (lambda spans: (-8, *spans[1:]), "bytes from -8 on lie outside of its"),
        (lambda spans: (*spans[:-1], 2**40), "1099511627776 bytes from .* lie outside"),
        (lambda spans: (*spans[:3], 8, *spans[4:]), "a column has 8 of .* bytes"),
    ],
    ids=["few", "negative", "long", "short"],
)
def test_a_placement_that_cannot_be_is_named(
    near: tuple[StoredRecords, MemoryBlobs], change: Any, message: str
) -> None:
    with pytest.raises(IntegrityError, match=rf"shard \w+ of digits@1.0 is damaged: .*{message}"):
        broken(near, change).read(np.array([3]))


@settings(max_examples=200, deadline=None)
@given(
    places=st.lists(st.integers(0, 23), min_size=1, max_size=4),
    numbers=st.lists(st.sampled_from([0, 1, 7, 8, 4096, 2**20]), min_size=4, max_size=4),
    asked=st.lists(st.integers(0, 400), min_size=1, max_size=5),
)
def test_a_wrong_placement_gives_records_or_an_error(
    near: tuple[StoredRecords, MemoryBlobs], places: list[int], numbers: list[int], asked: list[int]
) -> None:
    def change(spans: tuple[int, ...]) -> tuple[int, ...]:
        found = list(spans)
        for place, number in zip(places, numbers, strict=False):
            found[place] = number
        return tuple(found)

    with suppress(IntegrityError, RecordError):
        assert len(broken(near, change).read(np.array(asked)).rows()) == len(asked)


@pytest.mark.usefixtures("always_ranges")
@settings(max_examples=150, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=9),
    asked=st.lists(st.integers(0, 39), min_size=1, max_size=5),
)
def test_damaged_bytes_give_records_or_an_error(
    places: list[tuple[int, int]], asked: list[int]
) -> None:
    held, blobs = sparsely([{**record(n), "pixels": n} for n in range(40)], 1 << 20)
    ((key, payload),) = blobs.held.items()
    damaged = bytearray(payload)
    for place, byte in places:
        damaged[place % len(damaged)] = byte
    blobs.held = {key: bytes(damaged)}
    with suppress(IntegrityError, RecordError):
        assert len(held.read(np.array(asked)).rows()) == len(asked)


def test_an_offset_out_of_its_shard_is_not_followed_by_ranges() -> None:
    rows = [{"text": f"{number:09}", "pad": bytes(5000)} for number in range(2000)]
    held, blobs = sparsely(rows, 1 << 26)
    (key,) = blobs.held
    offset = np.int64(3 * 9).tobytes() + np.int64(4 * 9).tobytes()
    wrong = np.int64(1 << 60).tobytes() + np.int64(1 << 61).tobytes()
    blobs.held[key] = blobs.held[key].replace(offset, wrong)
    assert held.read(np.array([1])).rows() == [rows[1]]
    with pytest.raises(IntegrityError, match="digits@1.0 is damaged: an offset points behind"):
        held.read(np.array([1, 3]))
    assert blobs.mapped == []


def test_a_missing_shard_is_named_by_ranges(near: tuple[StoredRecords, MemoryBlobs]) -> None:
    held, blobs = far(*near)
    blobs.held = {}
    with pytest.raises(IntegrityError, match=r"shard \w+ of digits@1.0 is missing on .+ worker of"):
        held.read(np.array([3]))
