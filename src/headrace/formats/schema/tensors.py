"""Tensors in records: they are stored as arrays, and come back as arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from headrace.contracts.tree import Record, flatten, is_namedtuple, structure_of

# Any, in this file: leaves are the user's values, of every type.

# The class of the tensors of each package, by its name there.
CLASSES = {"torch": "Tensor", "tensorflow": "Tensor", "jax": "Array"}


def without_tensors(records: Sequence[Record]) -> Sequence[Record]:
    """The records with an array for each tensor of torch, TensorFlow or JAX.

    Only a tensor in the first of them is looked for, so that records without cost nothing; one
    that no array can hold, such as torch's bfloat16, stays a tensor.
    """
    # Who has a tensor has imported its package.
    found = [getattr(sys.modules.get(name), kind, None) for name, kind in CLASSES.items()]
    kinds = tuple(kind for kind in found if isinstance(kind, type))
    if not kinds or not len(records):
        return records
    first = records[0]
    try:
        leaves = flatten(structure_of(first), first)
    except RecursionError:
        # Whoever stores the record says that it is too deep.
        return records
    if not any(isinstance(leaf, kinds) for leaf in leaves):
        return records
    return [
        replaced(record, lambda leaf: _array(leaf) if isinstance(leaf, kinds) else leaf)
        for record in records
    ]


def _array(tensor: Any) -> Any:
    try:
        if hasattr(tensor, "detach"):
            return tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
        return np.asarray(tensor)
    except (TypeError, RuntimeError, NotImplementedError):
        return tensor


def replaced(record: Record, change: Callable[[Any], Any]) -> Record:
    """The record with another value in the place of each leaf."""
    kind = type(record)
    if kind is dict:
        return {key: replaced(value, change) for key, value in record.items()}
    if kind is list or kind is tuple:
        return kind(replaced(value, change) for value in record)
    if is_namedtuple(record):
        return kind(*(replaced(value, change) for value in record))
    return change(record)
