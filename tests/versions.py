"""Versions of small shards that the tests of storage share, and blobs that note what is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import headrace as hr
from headrace.blobs import LocalBlobs
from headrace.formats import Manifest, StoredRecords
from headrace.storage import Storage

# Any, in this file: records are whatever a test makes.

SHARD_BYTES = 2000


@dataclass(frozen=True)
class NotingBlobs(LocalBlobs):
    """Files, and the keys of those that were written as shards are."""

    written: list[str] = field(default_factory=list)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        self.written.append(super().write(key, fill))
        return self.written[-1]

    def aside(self, prefix: str) -> NotingBlobs:
        return replace(self, unfinished=prefix)


def noting(root: Path) -> tuple[Storage, list[str]]:
    blobs = NotingBlobs(root, durable=False)
    return Storage(blobs), blobs.written


def rows(start: int, stop: int) -> list[dict[str, Any]]:
    return [{"id": n, "x": np.full(20, n)} for n in range(start, stop)]


def submit(storage: Storage, source: Any, version: str, **more: Any) -> hr.DataRef[Any]:
    return storage.submit(source, "rows", version, shard_bytes=SHARD_BYTES, **more)


def append(storage: Storage, source: Any, version: str, parent: str, **more: Any) -> Any:
    return submit(storage, source, version, parent=parent, mode="append", **more)


def records_of(ref: Any) -> list[Any]:
    return list(ref.read(np.arange(len(ref))))


def ids(ref: Any) -> list[int]:
    return [record["id"] for record in records_of(ref)]


def manifest_of(ref: hr.DataRef[Any]) -> Manifest:
    assert isinstance(ref.records, StoredRecords)
    return ref.records.manifest
