"""The files under a path or address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from headrace.compat.squirrel.fsspec.fs import get_fs_from_url, get_protocol
from headrace.compat.squirrel.iterstream.base import Composable
from headrace.compat.squirrel.iterstream.chaining import Drawing, Parts
from headrace.engine import Chain


class FilePathGenerator(Composable):
    """The paths right under a folder, or with `nested` those of all files below it, sorted.

    The folder is listed by each epoch; one that is not there gives nothing. Addresses come with
    their beginning. It takes one listing, so that `max_workers`, `max_keys` and `max_dirs` have
    nothing to bound.

    Raises:
        ArgumentError: when it is read, an address of an unknown kind.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text("a")
        >>> [pathlib.Path(path).name for path in FilePathGenerator(str(folder))]
        ['a.txt']
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        nested: bool = False,
        max_workers: int | None = None,
        max_keys: int = 1_000_000,
        max_dirs: int = 10,
        **storage_options: Any,  # Any: what the store knows
    ) -> None:
        super().__init__()
        self.url = os.fspath(url)
        self.nested = nested
        self.max_workers = max_workers
        self.max_keys = max_keys
        self.max_dirs = max_dirs
        self.storage_options = storage_options

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        return Parts(Chain(Drawing(self._paths, f"files under {self.url}")))

    def _paths(self, epoch: int) -> Iterator[str]:
        folder = self.url.rstrip("/")
        if not get_protocol(self.url):
            folder = os.path.abspath(os.path.expanduser(self.url)).rstrip("/")
        names = get_fs_from_url(self.url, **self.storage_options).names(
            self.url, nested=self.nested
        )
        yield from (f"{folder}/{name}" for name in names)
