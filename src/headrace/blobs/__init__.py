"""Bytes by key: local files, object stores, and the leases that keep builders apart."""

from __future__ import annotations

from headrace.blobs.lease import Lease, idle
from headrace.blobs.local import LocalBlobs
from headrace.blobs.locking import LockingBlobs
from headrace.blobs.objects import ObjectBlobs
from headrace.blobs.open import open_blobs

__all__ = ["Lease", "LocalBlobs", "LockingBlobs", "ObjectBlobs", "idle", "open_blobs"]
