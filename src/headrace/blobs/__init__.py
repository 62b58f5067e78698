"""Bytes by key: local files, object stores, and the leases that keep builders apart."""

from __future__ import annotations

from headrace.blobs.leases.gate import idle
from headrace.blobs.leases.lease import Lease
from headrace.blobs.local import LocalBlobs
from headrace.blobs.locking import LockingBlobs
from headrace.blobs.open import open_blobs
from headrace.blobs.stores.objects import ObjectBlobs

__all__ = ["Lease", "LocalBlobs", "LockingBlobs", "ObjectBlobs", "idle", "open_blobs"]
