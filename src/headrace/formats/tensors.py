"""Torch tensors in records: they are stored as arrays, and come back as arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from headrace.contracts.tree import Record, flatten, is_namedtuple, structure_of

# Any, in this file: leaves are the user's values, of every type.


def without_tensors(records: Sequence[Record]) -> Sequence[Record]:
    """The records with an array for each torch tensor.

    Only a tensor in the first of them is looked for, so that records without cost nothing; one
    whose dtype NumPy has not, such as bfloat16, stays a tensor.
    """
    # Who has a tensor has imported torch.
    torch: Any = sys.modules.get("torch")  # Any: an optional package
    if torch is None or not len(records):
        return records
    first = records[0]
    if not any(isinstance(leaf, torch.Tensor) for leaf in flatten(structure_of(first), first)):
        return records
    return [_replaced(record, lambda leaf: _array(leaf, torch.Tensor)) for record in records]


def _array(leaf: Any, kind: type) -> Any:
    if not isinstance(leaf, kind):
        return leaf
    try:
        return leaf.detach().cpu().numpy()  # type: ignore[attr-defined]
    except (TypeError, RuntimeError):
        return leaf


def _replaced(record: Record, change: Callable[[Any], Any]) -> Record:
    kind = type(record)
    if kind is dict:
        return {key: _replaced(value, change) for key, value in record.items()}
    if kind is list or kind is tuple:
        return kind(_replaced(value, change) for value in record)
    if is_namedtuple(record):
        return kind(*(_replaced(value, change) for value in record))
    return change(record)
