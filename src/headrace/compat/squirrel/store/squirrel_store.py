"""A store whose values are shards: lists of records, a gzip file each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.compat.squirrel.fsspec.fs import URL
from headrace.compat.squirrel.serialization.serializer import SquirrelSerializer
from headrace.compat.squirrel.store.filesystem import FilesystemStore
from headrace.stores.keys import checked_key, new_key

# Any, in this file: records are the user's, and options those of the store or serializer.

SUFFIX = ".gz"


class SquirrelStore(FilesystemStore):
    """Shards of records by key, each in a file `<key>.gz`; reads and writes those of Squirrel.

    A shard is read, decompressed and decoded by the `get` that asks for it, in the thread that
    calls it. See `FilesystemStore` for the rest.

    Raises:
        RecordError: by `set`, a record that the serializer cannot keep.
        IntegrityError: by `get`, a file that is none of the serializer's.

    Example:
        >>> import tempfile
        >>> from headrace.compat.squirrel.serialization import MessagepackSerializer
        >>> store = SquirrelStore(tempfile.mkdtemp(), MessagepackSerializer())
        >>> store.set([{"id": 3}, {"id": 5}], "a")
        'a'
        >>> list(store.keys()), list(store.get("a"))
        (['a'], [{'id': 3}, {'id': 5}])
    """

    def __init__(
        self,
        url: URL,
        serializer: SquirrelSerializer,
        clean: bool = False,
        **storage_options: Any,
    ) -> None:
        super().__init__(url, serializer, clean, **storage_options)
        self._serializer = serializer

    def get(self, key: str, **kwargs: Any) -> Iterator[Any]:  # type: ignore[override]  # as the original
        """The records of a shard."""
        path = f"{self.url}/{checked_key(key)}{SUFFIX}"
        with self._near(key, path):
            # A serializer may be a generator: drawn here, the thread that asked does the work.
            read = self._serializer.deserialize_shard_from_file
            return iter(list(read(path, fs=self.fs, **kwargs)))

    def set(self, value: Any, key: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]  # as the original
        """Keeps a list of records, or one record, as a shard; gives the key."""
        named = new_key() if key is None else checked_key(key)
        shard = value if isinstance(value, list) else [value]
        path = f"{self.url}/{named}{SUFFIX}"
        self._serializer.serialize_shard_to_file(shard, path, fs=self.fs, **kwargs)
        return named

    def keys(self, nested: bool = False, **kwargs: Any) -> Iterator[str]:
        """The keys of all shards, in the order of the names of their files."""
        names = super().keys(nested)
        return (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
