from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
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

from headrace.contracts import columns_of
from headrace.contracts.block import Columns, Layout
from headrace.contracts.errors import RecordError
from headrace.formats import Target, write_blocks

# Any, in this file: records of every structure.

PLAIN = [{"x": np.full(3, n, np.float32), "n": n, "text": f"row {n}"} for n in range(3000)]


def test_shards_do_not_depend_on_how_records_come_in_blocks() -> None:
    whole = stored([PLAIN], shard_bytes=5000).manifest.shards
    assert stored(cut(PLAIN, [1] * 50 + [700, 3]), shard_bytes=5000).manifest.shards == whole
    assert len(whole) > 10


def test_a_shard_is_the_same_whatever_was_written_before_it() -> None:
    ones: list[Any] = [{"n": -1, "text": "water"} for _ in range(4096)]
    others: list[Any] = [{"n": 0, "text": "mills"} for _ in range(4096)]
    holes: list[Any] = [{"n": None, "text": None}, *ones[:2]] * 20
    shard_bytes = 4096 * (8 + 8 + 5)  # of n, of an end, of the text
    after_ones = stored([ones, holes], shard_bytes=shard_bytes).manifest.shards
    after_others = stored([others, holes], shard_bytes=shard_bytes).manifest.shards
    assert after_ones[0] != after_others[0]
    assert after_ones[0].rows == 4096
    assert after_ones[1:] == after_others[1:]


def test_columns_and_records_give_the_same_shards() -> None:
    x = np.arange(3000, dtype=np.int16).reshape(1000, 3)
    records = [{"x": row, "flag": np.float32(0)} for row in x]
    columns = columns_of({"x": x, "flag": np.zeros(1000, np.float32)})
    from_records = stored([records], shard_bytes=2000).manifest
    from_columns = stored([columns[:7], columns[7:]], shard_bytes=2000).manifest
    assert from_columns.schema == from_records.schema
    assert all_of(stored([columns]))[3]["x"].tolist() == [9, 10, 11]
    assert stored([columns], shard_bytes=2000).manifest.shards == from_records.shards


# Values of one leaf, each list of which is wider than the one before it.
WIDER: list[list[Any]] = [
    [None],
    [np.zeros((2, 0)), np.ones((2, 3))],
    [np.ones((2, 1)), None, np.zeros((4, 7))],
]
LISTS: list[list[Any]] = [[[1, 2]], [[], [1, 2, 3]], [["a", 1.5]], [None, [[1], {"k": 2}]]]
TEXTS: list[list[Any]] = [["a"], ["ü" * 40, ""], [None]]


@settings(max_examples=60)
@given(
    records=st.lists(
        st.tuples(*(st.integers(0, len(one) - 1) for one in (WIDER, LISTS, TEXTS)), st.integers(0)),
        max_size=60,
    ),
    sizes=st.lists(st.integers(1, 30), max_size=8),
    shard_bytes=st.sampled_from([1, 100, 700, 10_000]),
)
def test_shards_do_not_depend_on_cuts_where_leaves_become_wider(
    records: list[tuple[int, ...]], sizes: list[int], shard_bytes: int
) -> None:
    rows = [
        {
            "array": WIDER[a][seed % len(WIDER[a])],
            "list": LISTS[b][seed % len(LISTS[b])],
            "text": TEXTS[c][seed % len(TEXTS[c])],
        }
        for a, b, c, seed in records
    ]
    singly = stored([[row] for row in rows], shard_bytes=shard_bytes).manifest
    held = stored(cut(rows, sizes), shard_bytes=shard_bytes)
    assert held.manifest == singly
    assert all(map(same, all_of(held), rows))


@given(
    lengths=st.lists(st.integers(0, 90), min_size=1, max_size=200),
    sizes=st.lists(st.integers(1, 50), max_size=8),
)
def test_columns_of_texts_give_the_same_shards_however_they_are_cut(
    lengths: list[int], sizes: list[int]
) -> None:
    columns = columns_of({"n": np.arange(len(lengths)), "text": ["w" * n for n in lengths]})
    whole = stored([columns], shard_bytes=500).manifest
    starts = np.cumsum([0, *sizes]).tolist()
    blocks = [columns[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
    assert stored(blocks, shard_bytes=500).manifest == whole
    full = [sum(8 * 2 + n for n in lengths[: whole.shards[0].rows - last]) for last in (0, 1)]
    assert full[0] >= 500 > full[1] or len(whole.shards) == 1


@pytest.mark.parametrize(
    ("leaf", "kind"),
    [
        (np.arange(4, dtype=np.int32), "python"),
        (np.arange(4, dtype=np.uint64) + np.uint64(2**62), "python"),
        (np.array([1.5, 2, 3, 4], "f4"), "python"),
        (np.array(["a", "bc", "", "d"]), "scalar"),
        (np.arange(4, dtype=">i4"), "scalar"),
        (np.arange(4).astype("M8[D]"), "zero_d"),
        (np.arange(8, dtype=">f8").reshape(4, 2)[::-1], "array"),
        ([np.arange(2), np.arange(3), None, np.arange(0)], "object"),
        (["a", "ü", None, ""], "object"),
    ],
    ids=["int32", "uint64", "float32", "text", "big-endian", "0-d", "strided", "ragged", "texts"],
)
@pytest.mark.parametrize("shard_bytes", [1, 1 << 20], ids=["one a shard", "one shard"])
def test_columns_give_the_records_that_they_hold(leaf: Any, kind: Any, shard_bytes: int) -> None:
    layout = Layout(columns_of({"b": leaf, "a": leaf}).layout.tree, (kind, kind))
    block: Columns[Any] = Columns(layout, [leaf, leaf], 4)
    # A block of another key order, and records, follow without a change of structure.
    rows = [{"a": row["a"], "b": row["b"]} for row in block.rows()]
    held = stored([block, rows, block], shard_bytes=shard_bytes)
    assert all(map(same, all_of(held), block.rows() * 3))
    assert len(held) == 12


def test_an_array_that_its_owner_changes_after_its_block_is_kept_as_it_was() -> None:
    lent = np.zeros((4, 2))

    def blocks() -> Iterator[Columns[Any]]:
        for number in range(3):
            lent[:] = number
            yield columns_of({"x": lent})

    assert [row["x"][0] for row in all_of(stored(blocks()))] == [0] * 4 + [1] * 4 + [2] * 4


def test_a_shard_ends_when_it_has_its_bytes() -> None:
    records = [{"x": np.zeros(100, np.uint8)} for _ in range(95)]
    shards = stored([records], shard_bytes=1000).manifest.shards
    assert [shard.rows for shard in shards] == [10] * 9 + [5]


def test_a_record_beyond_the_shard_size_is_a_shard_of_its_own() -> None:
    records = [{"x": bytes(5000)} for _ in range(4)]
    assert [shard.rows for shard in stored([records], shard_bytes=1000).manifest.shards] == [1] * 4


def test_progress_counts_every_record_once() -> None:
    seen: list[int] = []
    write_blocks([PLAIN], Target(MemoryBlobs(), FOLDER), advance=seen.append)
    assert sum(seen) == len(PLAIN)
    assert len(seen) > 2


def test_progress_does_not_wait_for_the_records_that_fill_a_chunk() -> None:
    seen: list[int] = []

    def slow() -> Iterator[list[Any]]:
        for number in range(300):
            yield [{"n": number}]
            assert sum(seen) == number + 1

    write_blocks(slow(), Target(MemoryBlobs(), FOLDER), advance=seen.append)


def test_no_records_give_no_shard_and_no_schema() -> None:
    held = stored([[], columns_of({"x": np.zeros(0)})])
    assert held.manifest.shards == ()
    assert held.schema is None
    assert len(held) == 0
    assert held.read(np.zeros(0, np.int64)).rows() == []


def test_records_without_a_leaf_are_counted() -> None:
    assert all_of(stored([[{}, {}], [{}]])) == [{}, {}, {}]


def test_a_leaf_goes_on_as_a_wider_one_within_a_shard() -> None:
    values: list[Any] = [None, np.zeros((2, 0)), np.ones((2, 1)), None, np.ones((2, 1)) * 2]
    records = [{"x": value, "n": number or None} for number, value in enumerate(values)]
    for sizes in ([1, 1, 1, 1], [2, 2], [5]):
        assert all(map(same, all_of(stored(cut(records, sizes))), records))


def test_memory_is_bounded_by_the_shard_whatever_the_dataset(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        def blocks() -> Iterator[list[Any]]:
            for number in range(count // 50):
                yield [{"x": np.full(2000, number, np.int32), "text": "w" * 500} for _ in range(50)]

        tracemalloc.start()
        stored(blocks(), FolderBlobs(tmp_path), shard_bytes=1 << 20)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(500), peak(5000)
    assert many < 1.2 * few
    # The shard, the room it grows into, and one chunk.
    assert many < 5 * (1 << 20)


def refused(records: list[Any], *, allow_pickle: bool = False) -> str:
    with pytest.raises(RecordError) as caught:
        stored(cut(records, [2, 9]), allow_pickle=allow_pickle)
    return str(caught.value)


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        (
            {"x": np.zeros(3, "f4"), "y": 1},
            {"x": np.zeros((3, 1), "f4"), "y": 1},
            "record 17 is {'x': float32[3, 1], 'y': int}, the records before it are "
            "{'x': float32[3], 'y': int}. Give all records one structure with .map",
        ),
        (1, 1.0, "record 17 is float, the records before it are int."),
        (np.float32(1), np.float64(1), "record 17 is numpy float64, .* are numpy float32."),
        (1, True, "record 17 is bool, .* are int."),
        ("a", b"a", "record 17 is bytes, .* are str."),
        ({"x": np.zeros(2)}, {"x": np.zeros(2, ">f8")}, "{'x': >f8.2.}, .* {'x': float64.2.}"),
        (np.zeros(0, "f4"), np.zeros(0, "f8"), "float64.0., .* float32.0."),
        ({"x": 1}, {"y": 1}, "record 17 is {'y': int}, the records before it are {'x': int}"),
        ({"x": 1}, {"x": 1, "y": 1}, "record 17 is {'x': int, 'y': int}"),
        ({1: 1}, {True: 1}, "record 17 holds a value of type dict"),
        ((1, 2), [1, 2], r"record 17 is \[int, int\], the records before it are \(int, int\)"),
        (
            [(1,)],
            [(1,), (2,)],
            r"record 17 is \[\(int,\), \(int,\)\].*Only lists of plain values .* may vary; store",
        ),
        ({"x": (1, "a")}, {"x": (1, 2)}, r"record 17 is {'x': \(int, int\)}"),
        (
            {"x": 1},
            {"x": 2**63},
            "record 17 holds at 'x' the int 9223372036854775808, which needs more",
        ),
        ("a", "\ud800", "record 17 holds the text '.ud800' with a lone surrogate"),
        ({"x": None}, {"x": {"y": 1}}, "record 17 is {'x': {'y': int}}"),
        (
            1,
            Opaque(1),
            "record 17 holds a value of type Opaque, which has no Arrow type. Store numbers",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:24],
)
def test_a_change_of_structure_names_the_record_and_both(
    first: Any, other: Any, message: str
) -> None:
    pattern = message.replace("[3, 1]", r"\[3, 1\]").replace("[3]", r"\[3\]")
    found = refused([first] * 17 + [other] + [first] * 4)
    assert re.search(pattern, found), found


def test_the_first_of_two_bad_records_is_named() -> None:
    records: list[Any] = [{"x": 1}] * 30
    assert "record 21 " in refused([*records[:21], {"x": 1.0}, {"y": 1}, *records])
    assert "record 21 " in refused([*records[:21], {"y": 1}, {"x": 1.0}, *records])
    pairs: list[Any] = [(1, 1)] * 30
    assert "record 21 is (float, int)" in refused([*pairs[:21], (1.0, 1), (1, 1.0), *pairs])
    assert "record 21 is (int, float)" in refused([*pairs[:21], (1, 1.0), (1.0, 1), *pairs])


def test_columns_of_another_structure_name_their_first_record() -> None:
    ones, others = columns_of({"x": np.zeros((5, 2))}), columns_of({"x": np.zeros((5, 2), "i4")})
    with pytest.raises(RecordError, match=r"record 5 is {'x': int32\[2\]}, the records before"):
        stored([ones, others])


def test_uints_beyond_64_bits_in_columns_name_their_record() -> None:
    leaf = np.array([1, 2**63], np.uint64)
    layout = Layout(columns_of(leaf).layout.tree, ("python",))
    with pytest.raises(RecordError, match="record 1 holds the int 9223372036854775808"):
        stored([Columns(layout, [leaf], 2)])


def test_other_objects_are_pickled_where_that_is_allowed() -> None:
    records: list[Any] = [{"x": Opaque(1)}, {"x": None}, {"x": {(1, 2): 3}}, {"x": 2**70}]
    assert all_of(stored([records[:3]], allow_pickle=True)) == records[:3]
    arrays: list[Any] = [np.array([None, "a"], object)]
    assert all_of(stored([arrays], allow_pickle=True))[0].tolist() == [None, "a"]


def test_an_object_that_cannot_be_pickled_is_named() -> None:
    message = refused([Opaque(1), lambda: 1], allow_pickle=True)
    assert "record 1 holds a value of type function that cannot be pickled" in message


def test_a_masked_array_is_not_taken_for_a_plain_one() -> None:
    assert "record 0 holds at 'x' a value of type MaskedArray and dtype float64" in refused(
        [{"x": np.ma.masked_array([1.0, 2.0], [True, False])}]
    )
