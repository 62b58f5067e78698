"""The files that stand for a record of `on_disk_cache`: looked for, and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.iter.saving import READ_BYTES, Hashes, written

# Any, in this file: files of every kind.

# What the original calls the list of a record's files, so that its caches are found.
LIST_SUFFIX = ".torchdata_list"


@dataclass(frozen=True)
class KeptFiles:
    """How files are told to be whole, and how they are written."""

    hashes: Hashes | None
    is_good: Callable[[str], bool] | None
    filepath_fn: Callable[[Any], str] | None
    is_text: bool
    skip_read: bool

    def find(self, path: str) -> list[str] | None:
        """The files of a record; None where they are not there, or not whole."""
        if os.path.exists(path + LIST_SUFFIX):
            with open(path + LIST_SUFFIX, encoding="utf-8") as file:
                paths = file.read().splitlines()
            return paths if all(map(os.path.exists, paths)) else None
        return [path] if os.path.exists(path) and self._is_whole(path) else None

    def keep(self, path: str, made: Iterator[tuple[Any, Any]]) -> list[str]:
        """Writes what was made of a record, and gives the paths."""
        paths = [self._written(name, content) for name, content in made]
        if paths != [path]:
            # Last: with it, the record is there.
            written(path + LIST_SUFFIX, "".join(f"{one}\n" for one in paths))
        return paths

    def _is_whole(self, path: str) -> bool:
        if self.hashes is not None and not self._has_hash(path, self.hashes):
            return False
        return self.is_good is None or bool(self.is_good(path))

    def _has_hash(self, path: str, hashes: Hashes) -> bool:
        return path in hashes.expected and _digest(path, hashes) == hashes.of(path).lower()

    def _written(self, name: Any, content: Any) -> str:
        path = os.fspath(name if self.filepath_fn is None else self.filepath_fn(name))
        if not self.skip_read:
            content = content.read() if self.is_text else _file(path, content)
        if self.hashes is not None:
            content = self._verified(path, content)
        written(path, content)
        return path

    def _verified(self, path: str, content: Any) -> Any:
        """The content, which is refused at its end where it has another hash."""
        assert self.hashes is not None
        if isinstance(content, hr.parse.File):
            return _file(path, Verifying(content.opener(), path, self.hashes))
        digest = self.hashes.new()
        digest.update(content.encode() if isinstance(content, str) else content)
        self.hashes.check(path, digest.hexdigest())
        return content


class Verifying:
    """A file that is refused at its end where it has another hash."""

    def __init__(self, file: Any, path: str, hashes: Hashes) -> None:
        hashes.of(path)
        self._file = file
        self._path = path
        self._hashes = hashes
        self._digest = hashes.new()

    def read(self, size: int = READ_BYTES) -> bytes:
        """The next bytes; none at the end, once they were right."""
        piece: bytes = self._file.read(size)
        self._digest.update(piece)
        if not piece:
            self._hashes.check(self._path, self._digest.hexdigest())
        return piece

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Verifying:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _file(path: str, file: Any) -> hr.parse.File:
    """An open file as one that is copied piece by piece."""
    return hr.parse.File(path, os.path.basename(path), partial(_itself, file))


def _itself(file: Any) -> Any:
    return file


def _digest(path: str, hashes: Hashes) -> str:
    digest = hashes.new()
    with open(path, "rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    return str(digest.hexdigest())
