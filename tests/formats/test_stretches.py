"""Stretches written by themselves give the shards that they give one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.stand_in import FOLDER, MemoryBlobs, cut

from headrace.contracts import columns_of
from headrace.formats import Target, write_blocks
from headrace.formats.writing.stretches import LAG, Stretch, Stretches
from headrace.formats.writing.writer import ShardWriter, Written

# Any, in this file: records of every kind.
X: list[Any] = [None, np.zeros((2, 0)), np.ones((2, 3)), np.ones((2, 1))]
Y: list[Any] = [[1, 2], [], ["a", 1.5], None, [[1], {"k": 2}]]
TEXTS: list[Any] = ["a", "ü" * 40, "", None]


def written(records: Any, shard_bytes: int) -> Written:
    """All stretches, one after the other."""
    return write_blocks(
        [records],
        Target(MemoryBlobs(), FOLDER, shard_bytes),
        advance=lambda records: None,
    )


def alone(
    records: Any, shard_bytes: int, stretch: Stretch, sizes: Sequence[int] = ()
) -> tuple[Written, bool]:
    """One stretch by itself, and whether it has all its records."""
    writer = ShardWriter(Target(MemoryBlobs(), FOLDER, shard_bytes), stretch=stretch)
    with closing(writer):
        for block in cut(records, sizes):
            writer.add(block)
        return writer.finish(), writer.is_over


def one_by_one(records: list[Any], shard_bytes: int, sizes: Sequence[int]) -> Written:
    """Each stretch by itself, told only what was known before it."""
    first, is_over = alone(records, shard_bytes, Stretch(), sizes)
    if not is_over:
        return first
    stretches = Stretches(shard_bytes)
    stretches.note(first.rows, first.size_bytes)
    schema, shards, begin = first.schema, list(first.shards), first.rows
    while begin < len(records):
        length = min(stretches.length(stretches.noted), len(records) - begin)
        stretch = Stretch(begin, length, schema)
        found, _ = alone(records[begin : begin + length], shard_bytes, stretch, sizes)
        assert found.rows == length
        stretches.note(found.rows, found.size_bytes)
        schema, begin = found.schema, begin + length
        shards += found.shards
    return Written(schema, tuple(shards))


@settings(max_examples=60)
@given(
    records=st.lists(
        st.tuples(st.sampled_from(X), st.sampled_from(Y), st.sampled_from(TEXTS)), max_size=60
    ),
    repeats=st.integers(1, 5),
    sizes=st.lists(st.integers(1, 30), max_size=8),
    shard_bytes=st.sampled_from([1, 100, 700, 10_000]),
)
def test_stretches_by_themselves_give_the_same_shards(
    records: list[Any], repeats: int, sizes: list[int], shard_bytes: int
) -> None:
    rows = [{"x": x, "y": y, "text": text} for x, y, text in records * repeats]
    together = written(rows, shard_bytes)
    by_itself = one_by_one(rows, shard_bytes, sizes)
    assert (by_itself.schema, by_itself.shards) == (together.schema, together.shards)


def test_records_of_one_size_fill_every_shard() -> None:
    together = written([{"x": np.zeros(100, np.uint8)} for _ in range(995)], 1000)
    assert [shard.rows for shard in together.shards] == [10] * 99 + [5]
    columns = written(columns_of({"x": np.zeros((995, 100), np.uint8)}), 1000)
    assert columns.shards == together.shards


def test_records_that_vary_in_size_leave_no_small_shards() -> None:
    sizes = np.random.default_rng(5).integers(50, 150, 8000).tolist()
    shards = written([bytes(size) for size in sizes], 10_000).shards
    assert all(70 <= shard.rows <= 120 for shard in shards[:-1])


@pytest.mark.parametrize("small", [1, 900])
def test_a_first_shard_unlike_the_others_makes_few_small_ones(small: int) -> None:
    count = 100_000 // small
    rows = [{"x": b"w" * 50_000}, *({"x": b"w" * small} for _ in range(count))]
    shards = written(rows, 20_000).shards
    full = count * (small + 8) / 20_000
    assert len(shards) <= 1 + LAG + full + 1
    assert shards[-2].rows > 0.8 * 20_000 / (small + 8)


def test_more_than_a_stretch_has_is_dropped_and_changes_no_schema() -> None:
    rows = [{"x": 1}] * 25
    found, is_over = alone([*rows, {"x": None}, {"y": 1}], 160, Stretch(), [3, 9])
    assert is_over
    assert (found.rows, len(found.shards)) == (20, 1)
    assert str(found.schema) == "{'x': int}"
    found, is_over = alone([*rows, {"x": 1.5}], 160, Stretch(40, 25, found.schema))
    assert (is_over, found.rows, [shard.rows for shard in found.shards]) == (True, 25, [25])


def test_records_that_still_wait_at_the_end_may_be_too_many() -> None:
    # So small that a chunk of them is awaited, and then too large for one shard.
    rows = [{"x": b""}] * 700 + [{"x": bytes(100)}] * 150
    found, is_over = alone(rows, 16_000, Stretch())
    assert is_over
    assert found.rows < len(rows)
