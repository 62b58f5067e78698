"""Batches to the records that they were made of, column by column."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from headrace.contracts.block import Block, Columns, rows
from headrace.contracts.collate import columns_of
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.tree import is_namedtuple

# Any, in this file: batches are the user's, of every type.


def unbatched(blocks: Iterator[Block[Any]]) -> Iterator[Columns[Any]]:
    """The records of batches, a block for each batch that has any; nothing is copied.

    A batch is a tree of arrays, tensors and lists of one leading length. A list or tuple that
    holds arrays, tensors or containers is a container, as torch collates; where that does not
    come out even, only the outermost is, and the others are columns. A batch that is a list of
    columns gives records that are tuples. Tensors become arrays.

    Raises:
        RecordError: a batch has parts of different lengths, or none; the message says which.

    Example:
        >>> batches = [[np.array([1, 2]), ["a", "b"]], [np.array([3]), ["c"]]]
        >>> [list(block) for block in unbatched(iter([batches]))]
        [[(np.int64(1), 'a'), (np.int64(2), 'b')], [(np.int64(3), 'c')]]
    """
    number = 0
    for block in blocks:
        for batch in rows(block):
            columns = _records_of(batch, number)
            number += 1
            if len(columns):
                yield columns


def _records_of(batch: Any, number: int) -> Columns[Any]:
    failure: ArgumentError | None = None
    for is_container in (_holds_columns, lambda _: False):
        try:
            return columns_of(_outermost(batch, is_container))
        except ArgumentError as error:
            failure = failure or error
    raise RecordError(
        f"batch {number} is no batch of records: {failure} Give each part of a batch one entry a "
        "record, or leave out unbatch to store batches as they come."
    ) from failure


def _outermost(batch: Any, is_container: Callable[[Any], bool]) -> Any:
    if isinstance(batch, list | tuple) and not is_namedtuple(batch) and _holds_columns(batch):
        return tuple(_arrays(part, is_container) for part in batch)
    return _arrays(batch, is_container)


def _arrays(part: Any, is_container: Callable[[Any], bool]) -> Any:
    """The part in arrays and lists; what is a container in it is a dict or a tuple then."""
    if type(part) is dict:
        return {key: _arrays(value, is_container) for key, value in part.items()}
    if is_namedtuple(part):
        return type(part)(*(_arrays(value, is_container) for value in part))
    if not isinstance(part, list | tuple):
        return _array(part)
    if is_container(part):
        return tuple(_arrays(value, is_container) for value in part)
    return [_nested(value) for value in part]


def _nested(value: Any) -> Any:
    """A record's part of a column: whatever the user has, tensors as arrays."""
    if type(value) is dict:
        return {key: _nested(one) for key, one in value.items()}
    if type(value) is list or type(value) is tuple:
        return type(value)(_nested(one) for one in value)
    return _array(value)


def _holds_columns(values: list[Any] | tuple[Any, ...]) -> bool:
    return any(isinstance(one, dict | list | tuple) or _ndim(one) > 0 for one in values)


def _ndim(value: Any) -> int:
    # NumPy scalars and tensors of no axes are values of a column, not columns.
    return len(shape) if (shape := getattr(value, "shape", None)) is not None else 0


def _array(value: Any) -> Any:
    # Who has a tensor has imported torch.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().resolve_conj().resolve_neg()
        # NumPy has no bfloat16: such tensors stay, one a record.
        return list(value) if value.dtype == torch.bfloat16 and value.ndim else value.numpy()
    return np.asarray(value) if _ndim(value) > 0 and not isinstance(value, np.ndarray) else value
