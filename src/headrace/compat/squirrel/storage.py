"""The stores by the name of Squirrel's first releases; see `headrace.compat.squirrel.store`."""

from __future__ import annotations

from headrace.compat.squirrel.store import (
    AbstractStore,
    FilesystemStore,
    MemoryStore,
    SquirrelStore,
)

__all__ = ["AbstractStore", "FilesystemStore", "MemoryStore", "SquirrelStore"]
