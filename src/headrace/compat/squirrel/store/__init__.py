"""Values and shards by key, in memory or as files: headrace's stores in Squirrel's words."""

from __future__ import annotations

from headrace.compat.squirrel.store.filesystem import FilesystemStore
from headrace.compat.squirrel.store.squirrel_store import SquirrelStore
from headrace.compat.squirrel.store.store import AbstractStore
from headrace.stores import MemoryStore

__all__ = ["AbstractStore", "FilesystemStore", "MemoryStore", "SquirrelStore"]
