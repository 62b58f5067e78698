"""Batches as torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.adapters.extras import imported
from headrace.contracts import Record, flatten, structure_of
from headrace.contracts.tree import builder


def to_torch(batch: Record) -> Record:
    """The batch with a tensor for each array and number; strings and the like stay.

    A writable array's memory is shared, a read-only one's copied, so that a tensor can always be
    written to. Use it as a stage: `stream.batch(64).map(to_torch)`.

    **Shape**: each array's own. Dtypes that torch does not have stay arrays.

    Raises:
        MissingExtra: torch is not installed.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.torch import to_torch
        >>> hr.stream([{"x": 1.5}, {"x": 2.5}]).batch(2).map(to_torch).collect()
        [{'x': tensor([1.5000, 2.5000], dtype=torch.float64)}]
    """
    torch = imported("torch", extra="torch")
    tree = structure_of(batch)
    return builder(tree)([_tensor(torch, leaf) for leaf in flatten(tree, batch)])


# Any: the module is optional, and a leaf has any type.
def _tensor(torch: Any, leaf: Any) -> Any:
    if isinstance(leaf, np.generic):
        leaf = np.asarray(leaf)
    if not isinstance(leaf, np.ndarray):
        return leaf
    try:
        return torch.from_numpy(leaf if leaf.flags.writeable else leaf.copy())
    except TypeError:
        # bfloat16 of ml_dtypes has the same bits; text, times and records have no tensor.
        if leaf.dtype.name == "bfloat16":
            return torch.from_numpy(leaf.view(np.int16).copy()).view(torch.bfloat16)
        return leaf
