"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

from headrace.loader.from_dataset import DatasetLoading
from headrace.loader.loader import DataLoader

__all__ = ["DataLoader", "DatasetLoading"]
