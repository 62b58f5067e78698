"""What is in a cache folder, by storage and dataset; and how it is emptied."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headrace.blobs.cache.cached_files import NANOSECONDS, NOTE, CachedFile
from headrace.blobs.cache.shard_cache import ShardCache, shard_cache


@dataclass(frozen=True)
class CachedDataset:
    """The cached shards of a dataset; the address of its storage, where a note says it."""

    url: str | None
    dataset: str
    shards: int
    size_bytes: int
    used_ns: int


@dataclass(frozen=True)
class Chosen:
    """Which cached shards are meant: of a storage (or those below it), unused for so long."""

    url: str | None = None
    unused_s: float = 0.0

    def has(self, file: CachedFile, urls: dict[str, str]) -> bool:
        """Whether a file is one of them."""
        is_old = time.time() - file.used_ns / NANOSECONDS >= self.unused_s
        return file.is_shard and is_old and self._is_of(urls.get(file.folder))

    def _is_of(self, url: str | None) -> bool:
        if self.url is None:
            return True
        asked = self.url.rstrip("/")
        return url is not None and (url.rstrip("/") + "/").startswith(asked + "/")


def listed(root: Path, chosen: Chosen) -> list[CachedDataset]:
    """What is cached, the most recently used first; nothing where there is no such folder."""
    if not root.is_dir():
        return []
    cache = shard_cache(root)
    urls = _urls(cache)
    groups: dict[tuple[str, str], list[CachedFile]] = {}
    for file in cache.room.files():
        if chosen.has(file, urls):
            groups.setdefault((file.folder, file.dataset), []).append(file)
    found = [_summed(urls.get(folder), name, files) for (folder, name), files in groups.items()]
    return sorted(found, key=lambda one: one.used_ns, reverse=True)


def cleared(root: Path, chosen: Chosen) -> tuple[list[CachedFile], list[CachedFile]]:
    """Removes what nobody uses; gives the files that went, and those that are in use."""
    if not root.is_dir():
        return [], []
    cache = shard_cache(root)
    urls = _urls(cache)
    return cache.room.clear(lambda file: chosen.has(file, urls))


def _summed(url: str | None, dataset: str, files: Iterable[CachedFile]) -> CachedDataset:
    found = list(files)
    size_bytes = sum(file.size_bytes for file in found)
    used_ns = max(file.used_ns for file in found)
    return CachedDataset(url, dataset, len(found), size_bytes, used_ns)


def _urls(cache: ShardCache) -> dict[str, str]:
    """The address of the storage of each folder that has a readable note."""
    found = {}
    for note in cache.root.glob(f"*/{NOTE}"):
        try:
            found[note.parent.name] = msgspec.json.decode(note.read_bytes(), type=_Note).url
        except (OSError, msgspec.DecodeError):
            continue
    return found


class _Note(msgspec.Struct):
    url: str
