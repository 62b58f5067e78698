"""Batches as NumPy arrays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from headrace.contracts import Record
from headrace.deferred import ml_dtypes
from headrace.extras import is_instance
from headrace.tensors.leaves import over_leaves


def to_numpy(batch: Record) -> Record:
    """The batch with an array for each tensor of torch, TensorFlow or JAX; all else stays.

    Tensors on the CPU share their memory with the array where the framework lets them; those of
    JAX give arrays that cannot be written to. bfloat16 keeps its bits, as `ml_dtypes.bfloat16`.
    Sparse tensors, and those of a dtype that NumPy does not have, stay.

    Example:
        >>> import numpy as np
        >>> from headrace.adapters.numpy import to_numpy
        >>> to_numpy({"x": np.arange(3), "name": "a"})
        {'x': array([0, 1, 2]), 'name': 'a'}
    """
    return over_leaves(_array, batch)


def _array(leaf: Any) -> Any:  # Any: a leaf has any type
    try:
        return _converted(leaf)
    except TypeError:
        # Sparse tensors, 8-bit floats of torch, random keys of JAX.
        return leaf


def _converted(leaf: Any) -> Any:  # Any: a leaf has any type
    if is_instance(leaf, "torch", "Tensor"):
        return _of_torch(leaf)
    if is_instance(leaf, "tensorflow", "Tensor"):
        return leaf.numpy()
    if is_instance(leaf, "jax", "Array"):
        return np.asarray(leaf)
    return leaf


def _of_torch(leaf: Any) -> Any:  # Any: a tensor of an optional package
    # Who has a tensor has imported its module.
    torch = sys.modules["torch"]
    tensor = leaf.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()
