"""dataset_server's `DataLoader`, over `headrace.DataLoader.from_dataset`."""

from __future__ import annotations

from headrace.compat.dataset_server.loader import DataLoader

__all__ = ["DataLoader"]
