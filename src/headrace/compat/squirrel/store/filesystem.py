"""A store whose values are files: headrace's `Blobs`, a file a value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.compat.squirrel.framework.io import read_from_file, write_to_file
from headrace.compat.squirrel.fsspec.fs import URL, get_fs_from_url, trimmed
from headrace.compat.squirrel.serialization.serializer import SquirrelSerializer
from headrace.compat.squirrel.store.store import AbstractStore
from headrace.contracts.errors import StorageError
from headrace.stores.keys import checked_key, new_key, no_key

# Any, in this file: values are the user's, and options those of the store.


class FilesystemStore(AbstractStore):
    """Values by key as files under `url`: a path, or an address as `hr.Storage` takes it.

    Nothing is asked before the first use; with `clean=True` all files under `url` are removed
    now. Keys that are made are random whatever the seeds are, and a file appears whole.

    Raises:
        ArgumentError: an address of an unknown kind, or options that it does not take.
        InvalidName: by `get` and `set`, a key that is no path of plain names.
        NotFound: by `get`, there is no such key; a KeyError that lists the near ones.
        StorageError: the files cannot be read or written.

    Example:
        >>> import tempfile
        >>> store = FilesystemStore(tempfile.mkdtemp())
        >>> store.set(b"ten", "notes/a.txt")
        'notes/a.txt'
        >>> store.get("notes/a.txt"), list(store.keys())
        (b'ten', ['notes/a.txt'])
    """

    def __init__(
        self,
        url: URL,
        serializer: SquirrelSerializer | None = None,
        clean: bool = False,
        **storage_options: Any,
    ) -> None:
        self.url = trimmed(url)
        self.serializer = serializer
        self.storage_options = storage_options
        self.fs = get_fs_from_url(self.url, **storage_options)
        if clean:
            self.fs.rm(self.url, recursive=True)

    def get(self, key: str, mode: str = "rb", **open_kwargs: Any) -> Any:
        """The value under a key, by the serializer where there is one."""
        path = f"{self.url}/{checked_key(key)}"
        with self._near(key, path):
            return read_from_file(path, self.fs, self.serializer, mode=mode, **open_kwargs)

    def set(self, value: Any, key: str | None = None, mode: str = "wb", **open_kwargs: Any) -> str:
        """Keeps a value under `key`, or under one that is made; gives the key."""
        named = new_key() if key is None else checked_key(key)
        path = f"{self.url}/{named}"
        write_to_file(path, value, self.fs, self.serializer, mode=mode, **open_kwargs)
        return named

    def keys(self, nested: bool = True, **kwargs: Any) -> Iterator[str]:
        """The files there are, sorted; without `nested` those and the folders right under it.

        Other arguments tune the listing of the original, and are not needed.
        """
        return iter(self.fs.names(self.url, nested=nested))

    @contextmanager
    def _near(self, key: str, path: str) -> Iterator[None]:
        """Tells of a key without a file what it could have been."""
        try:
            yield
        except StorageError:
            if self.fs.exists(path):
                raise
            raise no_key(key, self.keys(), place=self.url) from None
