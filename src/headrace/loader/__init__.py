"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

from headrace.loader.loader import DataLoader

__all__ = ["DataLoader"]
