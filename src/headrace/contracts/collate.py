"""Records to batches and arrays to columns: the functions behind `batch(collate=...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from headrace.contracts.block import Block, Column, Columns, Layout, RowKind, rows
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.stacking import (
    NUMBERS,
    Padding,
    pad_values,
    ragged_values,
    refuse_mask,
    stack_values,
)
from headrace.contracts.tree import Record, Tree, builder, flatten, paths, structure_of

# A tree has a star for each number of a list, and a message shows two trees.
LONGEST_TREE = 200

# To the longest, with zeros.
PLAIN = Padding()


def stack(block: Block[Record]) -> Record:
    """One batch: the record's tree, each leaf stacked along a new first axis.

    Raises:
        RecordError: the records differ in structure, or a leaf in shape.
    """
    if isinstance(block, Columns):
        return block.stack()
    return _joined(block, stack_values)


def pad(block: Block[Record], padding: Padding = PLAIN) -> Record:
    """Like `stack`, with smaller arrays filled up: with zeros, or as `padding` says.

    A list of numbers counts as an array.

    Raises:
        RecordError: the records differ in structure, or `padding` does not fit a leaf.
    """
    if padding == PLAIN and isinstance(block, Columns) and "object" not in block.layout.kinds:
        return block.stack()
    records = [_with_arrays(record) for record in rows(block)]
    return _joined(records, lambda values, name: pad_values(values, padding, name))


def ragged(block: Block[Record]) -> Record:
    """Like `stack`, with each leaf of arrays joined to {"values", "offsets"}.

    Whether a leaf is joined depends on its axes alone, not on the lengths: batches of one
    record, or of equal lengths by chance, have the structure of all others. A list of numbers
    counts as an array.

    Raises:
        RecordError: the records differ in structure, or a leaf in more than its length.
    """
    return _joined([_with_arrays(record) for record in rows(block)], ragged_values)


def columns_of(arrays: Record) -> Columns[Record]:
    """`Columns` over a tree of arrays and lists of one length.

    Raises:
        ArgumentError: a leaf is no array or list, has a mask, or their lengths differ.
    """
    tree = _array_tree(arrays)
    leaves = [_column(leaf) for leaf in flatten(tree, arrays)]
    kinds: list[RowKind] = [_row_kind(leaf) for leaf in leaves]
    lengths = {
        name or "the array": len(leaf) for name, leaf in zip(paths(tree), leaves, strict=True)
    }
    if not leaves:
        raise ArgumentError(
            f"columns need an array at least, got {arrays!r}: nobody could tell how many records "
            "there are. Pass arrays, or a list of records."
        )
    if len(set(lengths.values())) != 1:
        raise ArgumentError(
            f"columns must have one common length, got {lengths}. "
            "Cut them to the same number of records."
        )
    return Columns(Layout(tree, tuple(kinds)), leaves, len(leaves[0]))


def unstack(batch: Record) -> list[Record]:
    """The records of one batch: the inverse of `stack`.

    A list that is no batch of leaves gives its members, so that `unbatch` undoes
    `collate="list"` too.

    Raises:
        ArgumentError: the batch has leaves of different lengths.
    """
    if isinstance(batch, list):
        return batch
    return columns_of(batch).rows()


def _joined(block: Block[Record], join: Callable[[Sequence[Any], str], Any]) -> Record:
    """The record's tree, each leaf made by `join(values, name)`."""
    tree, columns = _transposed(rows(block))
    names = paths(tree)
    return builder(tree)([join(column, name) for column, name in zip(columns, names, strict=True)])


def _with_arrays(value: Record) -> Record:
    """The record with arrays for lists of numbers, whose lengths are no part of its structure."""
    if type(value) is list:
        if all(type(one) in NUMBERS or isinstance(one, np.number | np.bool_) for one in value):
            # NumPy takes a list of nothing for one of floats.
            return np.asarray(value, dtype=None if value else np.int64)
        return [_with_arrays(one) for one in value]
    if type(value) is dict:
        return {key: _with_arrays(one) for key, one in value.items()}
    if type(value) is tuple:
        return tuple(_with_arrays(one) for one in value)
    return value


def _transposed(records: Sequence[Record]) -> tuple[Tree, list[list[Any]]]:  # Any: leaves
    if not records:
        raise RecordError("cannot make a batch of no records. Ask for at least one.")
    tree = structure_of(records[0])
    if tree.kind == "leaf":
        return tree, [list(records)]
    for record in records:
        other = structure_of(record)
        if other != tree:
            raise RecordError(
                f"cannot stack records of different structure: {_cut(tree)} and {_cut(other)}. "
                "Make them equal with .map, lists of numbers too by np.asarray, or pass "
                'collate="list".'
            )
    leaves = zip(*(flatten(tree, record) for record in records), strict=True)
    return tree, [list(column) for column in leaves]


def _cut(tree: Tree) -> str:
    text = str(tree)
    return text if len(text) <= LONGEST_TREE else f"{text[:LONGEST_TREE]}..."


def _array_tree(arrays: Record) -> Tree:
    """Like `structure_of`, but a list is a column, so a leaf."""
    if isinstance(arrays, list) or not isinstance(arrays, dict | tuple):
        return Tree("leaf")
    tree = structure_of(arrays)
    if tree.kind == "leaf":
        return tree
    values = arrays.values() if isinstance(arrays, dict) else arrays
    return Tree(tree.kind, tree.keys, tuple(_array_tree(value) for value in values), tree.cls)


def _column(leaf: Any) -> Column:  # Any: the user's array or list
    if isinstance(leaf, list):
        return leaf
    if isinstance(leaf, np.ndarray):
        refuse_mask(leaf)
    return np.asarray(leaf)


def _row_kind(leaf: Column) -> RowKind:
    if isinstance(leaf, list):
        return "object"
    if leaf.ndim == 0:
        raise ArgumentError(
            "a column must have a first axis, got a single number. Pass arrays or lists."
        )
    return "scalar" if leaf.ndim == 1 else "array"
