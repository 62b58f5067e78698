"""A store whose values are blobs, one each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import IntegrityError, InvalidName, NotFound, RecordError
from headrace.formats.reading.image_reader import UnreadableImage
from headrace.formats.shards.shard_file import Damaged
from headrace.stores.keys import checked_key, new_key, no_key
from headrace.stores.value import decoded, encoded

# Any, in this file: values are the user's, of every type.

# What Arrow calls a file that is a stream.
SUFFIX = ".arrows"


@dataclass(frozen=True)
class BlobStore:
    """Values by key under a folder of blobs: what `storage.store(name)` gives.

    A value is whatever a dataset may have as a record, or a list of such records, and comes back
    equal; arrays come back read-only. It is written at once and durable when `set` returns, so
    that a crash leaves the value before or the new one, and is compared with its checksum by
    each `get`. `keys` come sorted. Threads and processes may share it, and it pickles where its
    blobs do. A writer that is killed may leave a file in the folder whose name begins with `~`;
    it is never read.

    **Cost**: a file a value, of about 1 KiB beside the value. Records that belong together are
    read and written faster as lists: `stream.batch(100, collate="list").sink(store)`.

    Raises:
        InvalidName: by `set`, a key that is no path of plain names.
        RecordError: by `set`, a value that only pickle could hold; by `get`, an image that cannot
            be decoded.
        NotFound: by `get`, there is no such key; lists the near ones.
        IntegrityError: by `get`, the bytes are not what was written.
        StorageError: the disk is full, or refuses.

    Example:
        >>> import headrace as hr
        >>> store = hr.Storage("memory://").store("shards")
        >>> hr.stream(range(5)).batch(2, collate="list").sink(store)
        3
        >>> sorted(hr.stream(store.keys).map(store.get).unbatch())
        [0, 1, 2, 3, 4]
    """

    blobs: Blobs
    folder: str

    def set(self, value: Any, key: str | None = None) -> str:
        """Keeps a value under `key`, or under one that is made; gives the key."""
        named = new_key() if key is None else checked_key(key)
        self.blobs.put(self._blob(named), encoded(value), replace=True)
        return named

    def get(self, key: str) -> Any:
        """The value under a key."""
        blob = self._blob(checked_key(key))
        try:
            payload = self.blobs.get(blob)
        except NotFound:
            raise no_key(key, self.keys(), place=f"{self.blobs.url}, {self.folder}") from None
        try:
            return decoded(payload)
        except Damaged as error:
            raise IntegrityError(
                f"{blob} in {self.blobs.url} is damaged: {error}. Set the key {key!r} again."
            ) from error
        except UnreadableImage as error:
            _, column, reason = error.args
            raise RecordError(
                f"the image {column!r} of the key {key!r} cannot be read: {reason}. It was so when "
                "it was set: set the key again without it."
            ) from error

    def keys(self) -> Iterator[str]:
        """The keys there are now, sorted as text."""
        start = len(self.folder) + 1
        found = (stat.key for stat in self.blobs.list(self.folder))
        return iter(
            sorted(one[start:].removesuffix(SUFFIX) for one in found if one.endswith(SUFFIX))
        )

    def __len__(self) -> int:
        return sum(1 for _ in self.keys())

    def __contains__(self, key: object) -> bool:
        try:
            return self.blobs.stat(self._blob(checked_key(key))) is not None
        except InvalidName:
            return False

    def _blob(self, key: str) -> str:
        return f"{self.folder}/{key}{SUFFIX}"
