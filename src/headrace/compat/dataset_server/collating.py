"""The batches of a loader without `collate_fn`."""

from __future__ import annotations

from typing import Any

from headrace.contracts.collate import stack

# Any, in this file: records are the user's values, of every type.


def stacked(records: list[Any]) -> Any:
    """One batch: each leaf stacked, in lists where the records have lists or tuples.

    Dicts stay dicts and named tuples named tuples; texts become lists of texts.

    Raises:
        RecordError: the records differ in structure, or a leaf in shape.
    """
    return _listed(stack(records))


def _listed(batch: Any) -> Any:
    kind = type(batch)
    if kind is tuple or kind is list:
        return [_listed(part) for part in batch]
    if kind is dict:
        return {key: _listed(part) for key, part in batch.items()}
    return batch
