"""The driver of one file: headrace's `File` to read from, its `Blobs` to write to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from headrace.compat.squirrel.driver.driver import Driver
from headrace.compat.squirrel.fsspec.fs import URL, get_fs_from_url

# Any, in this file: options are those of the store.


class FileDriver(Driver):
    """Opens the file at `url`, a path or an address.

    Example:
        >>> import tempfile
        >>> driver = FileDriver(tempfile.mkdtemp() + "/note.txt")
        >>> with driver.open("w") as file:
        ...     file.write("ten")
        3
        >>> with driver.open() as file:
        ...     file.read()
        'ten'
    """

    name = "file"

    def __init__(
        self, url: URL, storage_options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.storage_options = dict(storage_options or {})

    def open(
        self,
        mode: str = "r",
        create_if_not_exists: bool = False,
        **kwargs: Any,
    ) -> IO[Any]:
        """The file, open, for a `with` block; see `FileSystem.open` for `kwargs`.

        A file that is written appears whole, and its folder is made, whether
        `create_if_not_exists` says so or not.
        """
        del create_if_not_exists
        return get_fs_from_url(self.url, **self.storage_options).open(self.url, mode, **kwargs)
