"""Records kept for later reading: of an epoch or of a window, in memory or on disk."""

from __future__ import annotations

from headrace.kept.contract import Kept, Making, Place, Store
from headrace.kept.disk import DiskStore
from headrace.kept.held import HeldRecords
from headrace.kept.memory import MemoryStore
from headrace.kept.windows import DiskWindow, MemoryWindow, Window

__all__ = [
    "DiskStore",
    "DiskWindow",
    "HeldRecords",
    "Kept",
    "Making",
    "MemoryStore",
    "MemoryWindow",
    "Place",
    "Store",
    "Window",
]
