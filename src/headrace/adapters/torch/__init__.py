"""torch: a dataset for its DataLoader, and batches as its tensors."""

from __future__ import annotations

from headrace.adapters.torch.dataset import IterableDataset
from headrace.tensors.torch import to_torch

__all__ = ["IterableDataset", "to_torch"]
