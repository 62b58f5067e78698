"""Blobs in a folder and in memory, as little as the formats need."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from headrace.contracts import BlobStat, Bytes, Columns, Mapped
from headrace.contracts.errors import NotFound
from headrace.formats import FORMAT_VERSION, Manifest, StoredRecords, Target, write_blocks

# Any, in this file: records are whatever a test makes.

FOLDER = "digits/shards"


class Opaque:
    """A class that Arrow has no type for."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and other.number == self.number

    __hash__ = None  # type: ignore[assignment]


class MemoryBlobs:
    """Bytes in a dict."""

    url = "memory://"

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        return self.held[key]

    def stat(self, key: str) -> BlobStat | None:
        return BlobStat(key, len(self.held[key]), 0) if key in self.held else None

    def map(self, key: str) -> Mapped:
        if key not in self.held:
            raise NotFound(key)
        return np.frombuffer(self.held[key], np.uint8)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        blob = self.map(key)
        return [blob[start:end] for start, end in zip(starts, ends, strict=True)]

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        self.held[key] = bytes(payload)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        sink = io.BytesIO()
        fill(sink)
        self.held[key()] = sink.getvalue()
        return key()

    def delete(self, key: str) -> None:
        self.held.pop(key, None)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        return (BlobStat(key, len(held), 0) for key, held in self.held.items())

    def folders(self, prefix: str) -> Iterator[str]:
        return iter(())


class FolderBlobs(MemoryBlobs):
    """Files, mapped."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def stat(self, key: str) -> BlobStat | None:
        path = self.root / key
        return BlobStat(key, path.stat().st_size, 0) if path.exists() else None

    def map(self, key: str) -> Mapped:
        if not (self.root / key).exists():
            raise NotFound(key)
        with (self.root / key).open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        aside = self.root / "aside"
        with aside.open("wb", buffering=0) as sink:
            fill(sink)
        path = self.root / key()
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside, path)
        return key()


def cut(records: Sequence[Any], sizes: Iterable[int]) -> Iterator[list[Any]]:
    """The records in blocks of these sizes, the rest in one more."""
    start = 0
    for size in sizes:
        yield list(records[start : start + size])
        start += size
    yield list(records[start:])


def stored(
    blocks: Iterable[list[Any] | Columns[Any]],
    blobs: MemoryBlobs | None = None,
    *,
    shard_bytes: int = 1 << 20,
    allow_pickle: bool = False,
) -> StoredRecords:
    """What was written, to be read."""
    blobs = MemoryBlobs() if blobs is None else blobs
    written = write_blocks(
        blocks,
        Target(blobs, FOLDER, shard_bytes),
        allow_pickle=allow_pickle,
        advance=lambda records: None,
    )
    manifest = Manifest(FORMAT_VERSION, "digits", "1.0", written.schema, written.shards, {})
    return StoredRecords(blobs, manifest, folder=FOLDER, allow_pickle=allow_pickle)


def all_of(records: StoredRecords) -> list[Any]:
    """Every record, in order."""
    return records.read(np.arange(len(records))).rows()


def same(one: Any, other: Any) -> bool:
    """Whether two values have one type, structure, dtype, shape and bytes (NaN equals NaN)."""
    if type(one) is not type(other) and not (
        isinstance(one, tuple) and type(one).__qualname__ == type(other).__qualname__
    ):
        return False
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray | np.generic):
        return _same_arrays(np.asarray(one), np.asarray(other))
    return bool(one == other) or repr(one) == repr(other)


def _same_arrays(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.tobytes() == other.tobytes():
        return True
    return repr(one.tolist()) == repr(other.tolist())
