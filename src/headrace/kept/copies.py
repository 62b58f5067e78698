"""Records that nobody else holds, so that a change in place reaches no other reader."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from headrace.contracts import Block, Columns
from headrace.contracts.block import Column
from headrace.contracts.errors import RecordError

# Any, in this file: records are the user's values, of every type.

# Columns of fewer rows are gathered before they are kept.
FEW_ROWS = 256
IMMUTABLE = (type(None), bool, int, float, complex, str, bytes)


def copied(block: Block[Any]) -> Block[Any]:
    """The records of a block, copied."""
    if isinstance(block, Columns):
        return Columns(block.layout, [_column(leaf) for leaf in block.leaves], len(block))
    return [_record(record) for record in block]


def writable(block: Columns[Any]) -> Columns[Any]:
    """The records of a block, of which only those arrays are copied that are read-only."""
    leaves = [_writable(leaf) for leaf in block.leaves]
    return Columns(block.layout, leaves, len(block))


def _column(leaf: Column) -> Column:
    return [_record(value) for value in leaf] if isinstance(leaf, list) else leaf.copy()


def _writable(leaf: Column) -> Column:
    if isinstance(leaf, list):
        return [_writable(v) if isinstance(v, np.ndarray) else v for v in leaf]
    return leaf if leaf.flags.writeable else leaf.copy()


def _record(record: Any) -> Any:
    try:
        return _copy(record)
    except Exception as error:
        raise RecordError(
            f"a record of type {type(record).__name__} cannot be copied, and what is kept must be "
            f"a copy: {error}. Keep the records before the step that makes them so."
        ) from error


def _copy(value: Any) -> Any:
    # As copy.deepcopy does, at a fifth of its price for what records are mostly made of.
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if kind is dict:
        return {key: _copy(part) for key, part in value.items()}
    if kind is list or kind is tuple:
        return kind([_copy(part) for part in value])
    if kind is np.ndarray and not value.dtype.hasobject:
        return value.copy(order="K")
    return copy.deepcopy(value)
