"""Records over the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.sources.files.paths import refuse_folder


class FileRecord(TypedDict):
    """A file: its path inside the folder, with `/` between names, and its bytes."""

    path: str
    bytes: bytes


@dataclass(frozen=True)
class FileRecords:
    """The files under a folder, sorted by path; which they are is settled when it is made.

    Raises:
        ArgumentError: there is no such folder, or it or one inside it cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_bytes(b"ten")
        >>> import numpy as np
        >>> FileRecords(folder).read(np.array([0]))
        [{'path': 'a.txt', 'bytes': b'ten'}]
    """

    folder: os.PathLike[str]
    paths: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise ArgumentError(
                f"a folder of files was expected, got {str(folder)!r}, which is none. "
                "Pass the folder itself, or a list of records."
            )
        found = (path.relative_to(folder).as_posix() for path in _files(folder))
        object.__setattr__(self, "paths", tuple(sorted(found)))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Indices) -> list[FileRecord]:
        """The files at `indices`, read whole."""
        folder = Path(self.folder)
        paths = [self.paths[index] for index in indices.tolist()]
        return [{"path": path, "bytes": (folder / path).read_bytes()} for path in paths]


def _files(folder: Path) -> Iterator[Path]:
    # os.walk does not follow links to folders, which may lead round in a circle. Left alone, it
    # passes over a folder that it cannot read, and records would be missing without a word.
    for place, _, names in os.walk(folder, onerror=refuse_folder):
        for name in names:
            path = Path(place, name)
            if path.is_file():
                yield path
