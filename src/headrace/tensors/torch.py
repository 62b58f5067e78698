"""Batches as torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.contracts import Record
from headrace.extras import imported
from headrace.tensors.leaves import over_leaves


def to_torch(batch: Record) -> Record:
    """The batch with a tensor for each array and NumPy number; all else stays.

    A writable array's memory is shared, a read-only one's copied, so that a tensor can always be
    written to. Flipped arrays and those of the other byte order are copied too. Use it as a
    stage: `stream.batch(64).map(to_torch)`.

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
    from_numpy = torch.from_numpy

    def tensor(leaf: Any) -> Any:  # Any: a leaf has any type
        # Nearly all leaves end here; it alone is fast.
        if type(leaf) is np.ndarray and leaf.flags.writeable:
            try:
                return from_numpy(leaf)
            except (TypeError, ValueError):
                return _unlike(torch, leaf)
        return _unlike(torch, leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf

    return over_leaves(tensor, batch)


# Any: the module is optional, and a leaf has any type.
def _unlike(torch: Any, leaf: Any) -> Any:
    """The tensor of an array that torch cannot share; the leaf itself where there is none."""
    array = np.asarray(leaf)
    # torch knows no negative strides, which a flipped image has, and none between whole values,
    # which a field of packed records may have.
    size = max(1, array.itemsize)
    is_odd = any(stride < 0 or stride % size for stride in array.strides)
    if is_odd or not array.flags.writeable:
        array = array.copy()
    if not array.dtype.isnative and array.dtype.names is None:
        array = array.astype(array.dtype.newbyteorder("="))
    try:
        return torch.from_numpy(array)
    except TypeError:
        # bfloat16 of ml_dtypes has the same bits; text, times and records have no tensor.
        if array.dtype.name == "bfloat16":
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return leaf
