"""Remote blobs whose shards are read from files of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, runtime_checkable

import xxhash

from headrace.blobs.cache.ahead import Plan
from headrace.blobs.cache.defaults import BOUND_REMEDY, cache_folder, default_bytes, said_bytes
from headrace.blobs.cache.shard_cache import ShardCache, shard_cache
from headrace.blobs.locking import LockingBlobs, Release
from headrace.blobs.open import SCHEME
from headrace.blobs.showable import showable
from headrace.blobs.stores.pieces import cut
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.contracts.errors import NotFound, whole

# The key of a shard, as storages name it: by the digest of its bytes.
SHARD = re.compile(r"[^/~]+/shards/(?:[0-9a-f]{32}|[0-9a-f]{64})\.arrow")
# Storages on this machine: what they have is no copy.
HERE = ("file", "memory")


@runtime_checkable
class FetchingBlobs(LockingBlobs, Protocol):
    """Blobs that are far away, and come as files."""

    def fetch_to(self, key: str, path: Path, size_bytes: int) -> None:
        """Writes all bytes of a blob into a file, which may be there already. Raises NotFound."""
        ...


@dataclass(frozen=True)
class CachedBlobs:
    """Remote blobs; their shards are fetched once and read from files of this machine.

    What is no shard is passed through: manifests and notes change, shards never do. Pickles;
    without a folder it is the one that the process has in which it is used. `is_whole` is for
    those who read nothing that was not verified: no ranges, as their bytes have no name.
    """

    blobs: FetchingBlobs
    folder: Path | None = None
    limit_bytes: int | None = None
    is_whole: bool = False
    is_remote: ClassVar[bool] = True

    @property
    def url(self) -> str:
        """Where the remote blobs are."""
        return self.blobs.url

    @property
    def bound_bytes(self) -> int:
        """How many bytes of shards there may be on this machine."""
        if self.limit_bytes is not None:
            return self.limit_bytes
        said = said_bytes()
        return default_bytes(self.cache) if said is None else said

    @property
    def cache(self) -> ShardCache:
        """The cache of this process. Raises StorageError where its folder cannot be used."""
        return shard_cache(cache_folder(self.folder))

    def map(self, key: str) -> Mapped:
        """The bytes of a blob; a shard is in use as long as somebody looks at them.

        Raises:
            NotFound: there is no such blob.
            IntegrityError: a shard is not what was written.
            StorageError: the storage cannot be read, or the cache folder not be written.
        """
        if not SHARD.fullmatch(key):
            return self.blobs.map(key)
        return self.cache.map(self._origin(key), self.bound_bytes)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """Ranges of the bytes of a blob, from its file where it has one."""
        if not self.has_file(key):
            return self.blobs.ranges(key, starts, ends)
        return cut(self.map(key), starts, ends, where=f"{key!r} in {self.url}")

    def has_file(self, key: str) -> bool:
        """Whether a blob is read from a file: no range of it is asked for."""
        is_shard = SHARD.fullmatch(key) is not None
        return is_shard and (self.is_whole or self.cache.has(self._origin(key).place))

    def ahead(self, sizes: Mapping[str, int]) -> Plan:
        """Fetches shards in the background, in the order in which they will be mapped.

        `sizes` has the bytes of each key, so that the store is not asked for them. Shards come
        some at once, and no farther ahead than half of the bound, as long as the plan is held and
        not closed. What the order needs last leaves the cache first. What fails is fetched again
        when it is mapped, and raises then.
        """
        cache = self.cache
        bound_bytes = self.bound_bytes
        folder = namespace(self.url)

        def fetch(place: str, distance: int) -> bool:
            origin = _Origin(self.blobs, place.partition("/")[2], place)
            return cache.fetch_ahead(origin, bound_bytes, distance)

        places = {f"{folder}/{key}": size for key, size in sizes.items() if SHARD.fullmatch(key)}
        return cache.ahead.plan(places, bound_bytes, fetch)

    def get(self, key: str) -> bytes:
        """All bytes of a blob."""
        return self.blobs.get(key)

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob, None where there is none."""
        return self.blobs.stat(key)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a blob."""
        self.blobs.put(key, payload, replace=replace)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a blob that `fill` gives piece by piece."""
        return self.blobs.write(key, fill)

    def delete(self, key: str) -> None:
        """Removes a blob from the remote store."""
        self.blobs.delete(key)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The blobs under a folder, in any order."""
        return self.blobs.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """The names right under a folder that are folders themselves."""
        return self.blobs.folders(prefix)

    def try_lock(self, key: str) -> Release | None:
        """Takes the lock of a key; None where another holds it."""
        return self.blobs.try_lock(key)

    def locks(self, folder: str) -> Iterator[str]:
        """The keys right under a folder whose lock was ever taken."""
        return self.blobs.locks(folder)

    def aside(self, prefix: str) -> CachedBlobs:
        """The same blobs, whose half-written ones have keys that begin with `prefix`."""
        return replace(self, blobs=self.blobs.aside(prefix))

    def _origin(self, key: str) -> _Origin:
        return _Origin(self.blobs, key, f"{namespace(self.url)}/{key}")


@dataclass(frozen=True)
class _Origin:
    """A shard in the remote store, and its place in the cache."""

    blobs: FetchingBlobs
    key: str
    place: str

    @property
    def url(self) -> str:
        return showable(self.blobs.url)

    def size_bytes(self) -> int:
        found = self.blobs.stat(self.key)
        if found is None:
            raise NotFound(
                f"there is no {self.key!r} in {self.blobs.url}. It was deleted or never written."
            )
        return found.size_bytes

    def fetch_to(self, path: Path, size_bytes: int) -> None:
        self.blobs.fetch_to(self.key, path, size_bytes)


def with_cache(
    blobs: LockingBlobs,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
    is_whole: bool = False,
) -> LockingBlobs:
    """Remote blobs with a cache of their shards; those of this machine as they are.

    Raises:
        ArgumentError: the bound is no whole number of bytes, or the folder no path.
    """
    if cache_bytes is not None:
        cache_bytes = whole("cache_bytes", cache_bytes, least=1, remedy=BOUND_REMEDY)
    # A wrong one in the environment is told here, and not when the first shard comes.
    said_bytes()
    folder = None if cache_dir is None else Path(cache_dir).expanduser().absolute()
    is_far = SCHEME.match(blobs.url) and blobs.url.partition("://")[0].lower() not in HERE
    if not is_far or not isinstance(blobs, FetchingBlobs):
        return blobs
    return CachedBlobs(blobs, folder, cache_bytes, is_whole)


def namespace(url: str) -> str:
    """The name of the folder in which the shards of a storage are: no two share one."""
    return xxhash.xxh3_64_hexdigest(showable(url).encode())
