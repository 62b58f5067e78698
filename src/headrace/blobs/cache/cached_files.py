"""The files of a cache folder: what they are, as their names say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The file of the locks, right in the folder.
LOCKS = "~locks"
# The name of the file that says of which storage a folder is.
NOTE = "url.json"
# The folder of a storage. Whatever else is in the folder is not ours: never counted or removed.
FOLDER = re.compile(r"[0-9a-f]{16}")
# `~` begins what is not finished; of a shard the name says how long it will be.
UNFINISHED = "~"
PART = re.compile(r"~[0-9a-f]+(\.(?P<size_bytes>[0-9]+)\.[0-9a-f]+)?")
# Where shards are: in the folder of their storage under their own key.
PLACE = re.compile(r"[0-9a-f]{16}/[^/~]+/shards/(?:[0-9a-f]{32}|[0-9a-f]{64})\.arrow")
NANOSECONDS = 1e9


@dataclass(frozen=True)
class CachedFile:
    """A file in the cache folder."""

    place: str
    size_bytes: int
    used_ns: int

    @property
    def folder(self) -> str:
        """The folder of its storage."""
        return self.place.partition("/")[0]

    @property
    def dataset(self) -> str:
        """The dataset of a shard."""
        return self.place.split("/")[1]

    @property
    def is_shard(self) -> bool:
        """Whether it is a shard, and all of it."""
        return PLACE.fullmatch(self.place) is not None

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody writes it, or died doing so."""
        return PART.fullmatch(self.place.rpartition("/")[2]) is not None


def folders_in(root: Path) -> list[str]:
    """The names of the folders of storages; none where somebody has removed all of it."""
    with suppress(FileNotFoundError):
        return [name for name in os.listdir(root) if FOLDER.fullmatch(name)]
    return []


def files_in(root: Path, folder: str) -> Iterator[CachedFile]:
    """All that is in the folder of a storage."""
    return _found(root / folder, f"{folder}/")


def _found(folder: Path, prefix: str) -> Iterator[CachedFile]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            place = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _found(Path(entry.path), f"{place}/")
            else:
                # It may go between the listing and this look at it.
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    yield CachedFile(place, _size(entry.name, found), found.st_mtime_ns)


def _size(name: str, found: os.stat_result) -> int:
    """The bytes of a file; of one that is being written, those that it will have."""
    part = PART.fullmatch(name)
    return max(found.st_size, int(part["size_bytes"] or 0)) if part else found.st_size
