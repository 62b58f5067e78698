"""A storage that is far away, on this machine: what it is asked for is noted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from headrace.blobs import LocalBlobs
from headrace.blobs.locking import Release
from headrace.contracts.blobs import BlobStat, Bytes, Mapped


@dataclass(frozen=True)
class FarBlobs:
    """The blobs of a folder under the address of a bucket; `before` is called for each fetch."""

    near: LocalBlobs
    url: str = "s3://bucket/data"
    # Each fetch adds a line with the key, also from other processes.
    log: Path | None = None
    before: Callable[[str, Path], None] | None = None

    def fetch_to(self, key: str, path: Path, size_bytes: int) -> None:
        if self.log is not None:
            with self.log.open("ab", buffering=0) as file:
                file.write(f"{key}\n".encode())
        if self.before is not None:
            self.before(key, path)
        with self.near.path(key).open("rb") as source, path.open("wb") as sink:
            shutil.copyfileobj(source, sink, 4096)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        return self.near.ranges(key, starts, ends)

    def get(self, key: str) -> bytes:
        return self.near.get(key)

    def stat(self, key: str) -> BlobStat | None:
        return self.near.stat(key)

    def map(self, key: str) -> Mapped:
        return self.near.map(key)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        self.near.put(key, payload, replace=replace)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        return self.near.write(key, fill)

    def delete(self, key: str) -> None:
        self.near.delete(key)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        return self.near.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self.near.folders(prefix)

    def try_lock(self, key: str) -> Release | None:
        return self.near.try_lock(key)

    def locks(self, folder: str) -> Iterator[str]:
        return self.near.locks(folder)

    def aside(self, prefix: str) -> FarBlobs:
        return replace(self, near=self.near.aside(prefix))
