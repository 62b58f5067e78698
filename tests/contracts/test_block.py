"""Columns: a sequence of records that is only taken apart when asked."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from headrace.contracts import Columns, columns_of, join_blocks, rows
from headrace.testing import repr_of

# Any, in this file: records of arrays and texts.


def columns() -> Columns[Any]:
    return columns_of({"x": np.arange(8).reshape(4, 2), "n": np.arange(4), "s": list("abcd")})


def test_columns_are_a_sequence_of_records() -> None:
    block = columns()
    assert len(block) == 4
    assert repr_of(block[1]) == repr_of({"x": np.array([2, 3]), "n": np.int64(1), "s": "b"})
    assert repr_of(block[-1]) == repr_of(block[3])
    assert repr_of(list(block)) == repr_of(block.rows()) == repr_of([block[k] for k in range(4)])
    assert repr(block) == "Columns(4 x {'x': *, 'n': *, 's': *})"


@pytest.mark.parametrize("where", [4, -5])
def test_a_record_outside_is_an_index_error(where: int) -> None:
    with pytest.raises(IndexError, match=f"record {where} was asked of Columns.4 x .*without it"):
        columns()[where]


@pytest.mark.parametrize(
    "cut", [slice(1, 3), slice(None, None, 2), slice(3, 1), slice(-2, None), slice(0, 99)]
)
def test_slices_are_columns_without_a_copy(cut: slice) -> None:
    block = columns()
    part = block[cut]
    assert len(part) == len(range(4)[cut])
    assert repr_of(part.rows()) == repr_of(block.rows()[cut])
    if len(part):
        assert np.shares_memory(part.leaves[0], block.leaves[0])


def test_stack_gives_the_arrays_as_they_are() -> None:
    block = columns()
    batch = block.stack()
    assert batch["x"] is block.leaves[0]
    assert batch["s"] == ["a", "b", "c", "d"]


def test_batches_are_stacked_cuts() -> None:
    for block in (columns(), columns_of({"x": np.arange(4)})):
        cuts = [repr_of(block[start : start + 3].stack()) for start in (0, 3)]
        assert [repr_of(batch) for batch in block.batches(iter([0, 3]), 3)] == cuts


def test_columns_of_no_leaves_have_their_records_still() -> None:
    block: Columns[Any] = Columns(columns_of({"x": np.arange(2)})[:0].layout, [np.arange(0)], 0)
    assert block.rows() == []


def test_joined_parts_stand_where_they_belong() -> None:
    block = columns()
    parts: list[tuple[Any, Any]] = [(np.array([3, 1]), block[:2]), (np.array([0, 2]), block[2:])]
    joined = join_blocks(parts, 4)
    assert isinstance(joined, Columns)
    assert [record["n"] for record in rows(joined)] == [2, 1, 3, 0]
    parts = [(np.array([1]), [{"n": 9}]), (np.array([0]), block[:1])]
    mixed = join_blocks(parts, 2)
    assert isinstance(mixed, list)
    assert [record["n"] for record in mixed] == [0, 9]
    assert rows(join_blocks([], 0)) == []


def test_parts_of_different_dtype_or_shape_are_joined_as_values() -> None:
    one, other = columns_of(np.arange(2)), columns_of(np.arange(2) / 2)
    joined = join_blocks([(np.array([0, 1]), one), (np.array([2, 3]), other)], 4)
    assert repr_of(rows(joined)) == repr_of([*one.rows(), *other.rows()])


def test_columns_pickle() -> None:
    block = columns()
    again = pickle.loads(pickle.dumps(block))
    assert repr_of(again.rows()) == repr_of(block.rows())
    assert again.layout == block.layout
