"""Batches in page-locked memory, for copies to a GPU that the user begins."""

from __future__ import annotations

import sys
from typing import Any

from headrace.extras import is_instance
from headrace.tensors.leaves import over_leaves

# Any, in this file: a leaf has any type.


def pinned(batch: Any) -> Any:
    """The batch with its tensors in page-locked memory; as it is where there is no GPU."""
    torch = sys.modules.get("torch")
    # Only who imported torch can have a tensor.
    if torch is None or not torch.cuda.is_available():
        return batch
    return over_leaves(_pinned, batch)


def _pinned(leaf: Any) -> Any:
    return leaf.pin_memory() if is_instance(leaf, "torch", "Tensor") else leaf
