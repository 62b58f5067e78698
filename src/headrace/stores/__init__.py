"""Values by key: in memory, and in the blobs of a storage."""

from __future__ import annotations

from headrace.stores.blob_store import BlobStore
from headrace.stores.memory import MemoryStore

__all__ = ["BlobStore", "MemoryStore"]
