"""Batches as JAX arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.contracts import Record
from headrace.extras import imported
from headrace.tensors.leaves import over_leaves

# The kinds of NumPy dtypes that JAX has, all in all or in part; text, times and objects it lacks.
KINDS = "biufcV"


def to_jax(batch: Record) -> Record:
    """The batch with a `jax.Array` on the default device for each array and NumPy number.

    All else stays. JAX has no 64-bit dtypes unless `jax_enable_x64` is set: int64 becomes int32
    and float64 float32, and whole numbers beyond 32 bits wrap around, without a word. On a CPU an
    array may share the memory of the one it was made from, and a copy may still be under way when
    this returns: do not write into that one.

    **Shape**: each array's own. Dtypes that JAX does not have stay arrays.

    Raises:
        MissingExtra: JAX is not installed.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.jax import to_jax
        >>> hr.stream([{"x": 1.5}, {"x": 2.5}]).batch(2).map(to_jax).collect()
        [{'x': Array([1.5, 2.5], dtype=float32)}]
    """
    return put(batch, None)


def put(batch: Record, where: Any) -> Record:  # Any: a device or a sharding, of an optional package
    """The same on a device, or spread over several by a sharding; it returns at once."""
    jax = imported("jax", extra="jax")

    def array(leaf: Any) -> Any:  # Any: a leaf has any type
        if not isinstance(leaf, np.ndarray | np.generic) or leaf.dtype.kind not in KINDS:
            return leaf
        found = leaf if leaf.dtype.isnative else leaf.astype(leaf.dtype.newbyteorder("="))
        try:
            return jax.device_put(found, where)
        except TypeError:
            # Records of named fields and extended floats.
            return leaf

    return over_leaves(array, batch)
