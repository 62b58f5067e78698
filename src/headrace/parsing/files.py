"""From what names a file to a `File`: paths, addresses, bytes, and records of files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from headrace.blobs.open import path_of
from headrace.blobs.showable import showable
from headrace.blobs.stores.addresses import addresses, is_address, scheme_of
from headrace.blobs.stores.connect import WEB
from headrace.blobs.stores.options import Options, options_of
from headrace.blobs.stores.remote import Remote
from headrace.contracts.errors import RecordError
from headrace.contracts.order import Indices
from headrace.sources.file import File
from headrace.sources.files.folder import FileRecord, FileRecords
from headrace.sources.files.paths import Files, matched, names_of

# What a parser takes: a File, a path or address, bytes, or a record of `hr.from_files`.
Parsable: TypeAlias = "File | str | os.PathLike[str] | bytes | bytearray | memoryview | FileRecord"


def opened(record: Any, options: Options = ()) -> File:  # Any: whatever the stream has
    """The file that a record stands for.

    Raises:
        RecordError: it stands for none.
        ArgumentError: it is an address of a kind that nothing can be read from.
    """
    if isinstance(record, File):
        return record
    if isinstance(record, str | os.PathLike):
        return _at(os.fspath(record), options)
    if isinstance(record, bytes | bytearray | memoryview):
        return File.holding("bytes in memory", bytes(record))
    if isinstance(record, Mapping) and isinstance(record.get("bytes"), bytes):
        return File.holding(str(record.get("path", "bytes in memory")), record["bytes"])
    raise RecordError(
        f"a file was expected, got {type(record).__name__}. Give a path, an address, bytes, or "
        "what .open() made of them; .map to it what your records hold."
    )


@dataclass(frozen=True)
class Opening:
    """Gives the file that a record stands for."""

    options: Options = field(default=(), repr=False)

    def __call__(self, record: Any) -> File:  # Any: as above
        return opened(record, self.options)


@dataclass(frozen=True)
class FileList:
    """Files by index: each as its name and bytes, or, where it `is_unread`, as a File."""

    files: tuple[File, ...]
    names: tuple[str, ...] = field(repr=False)
    is_unread: bool = False

    def __len__(self) -> int:
        return len(self.files)

    @property
    def identity(self) -> str:
        """How many files, and the first one's name."""
        return names_of("files", self.files) if self.files else "files[none]"

    def read(self, indices: Indices) -> list[Any]:  # Any: a FileRecord or a File
        """The files at `indices`."""
        asked = indices.tolist()
        if self.is_unread:
            return [self.files[index] for index in asked]
        return [{"path": self.names[at], "bytes": self.files[at].read()} for at in asked]

    def unread(self) -> FileList:
        """The same files, to be opened by whoever wants them."""
        return replace(self, is_unread=True)


def listed(places: Files, storage_options: Mapping[str, Any] | None = None) -> FileList:
    """The files that paths, folders, patterns and addresses say, sorted, each once.

    Raises:
        ArgumentError: one of them stands for no file, or cannot be read from.
    """
    options = options_of(storage_options)
    if isinstance(places, str | os.PathLike) and os.path.isdir(_local(places)):
        folder = Path(_local(places))
        names = FileRecords(folder).paths
        return FileList(tuple(File.at(folder / name) for name in names), names)
    found: dict[tuple[str, str], File] = {}
    for part in _parts(places):
        found |= {_place_of(file): file for file in _files_of(part, options)}
    files = tuple(found[place] for place in sorted(found))
    return FileList(files, tuple(map(str, files)))


def with_addresses(places: Files) -> Files:
    """What names files, with a File for each remote one; credentials are the environment's."""
    parts = _parts(places)
    if not any(isinstance(part, str) and is_address(part) for part in parts):
        return places
    return [file for part in parts for file in _expanded(part)]


def _expanded(part: Any) -> list[Any]:  # Any: whatever the user passed
    return list(_files_of(part, ())) if isinstance(part, str) and is_address(part) else [part]


def _parts(places: Any) -> list[Any]:
    if isinstance(places, Iterable) and not isinstance(places, str | bytes) and places:
        return list(places)
    return [places]


def _files_of(part: Any, options: Options) -> Iterable[File]:
    if isinstance(part, File):
        return [part]
    if isinstance(part, str) and is_address(part) and scheme_of(part) != "file":
        return [_at(url, options) for url in addresses(part, options)]
    place = _local(part)
    if isinstance(place, str | os.PathLike) and os.path.isdir(place):
        return [File.at(Path(place) / name) for name in FileRecords(Path(place)).paths]
    return map(File.at, matched(place, suffixes=()))


def _place_of(file: File) -> tuple[str, str]:
    """What tells files apart: of two addresses that look alike, what is not shown of them."""
    return str(file), file.opener.url if isinstance(file.opener, Remote) else ""


def _local(place: Any) -> Any:
    """The path that a `file://` address says; anything else as it is."""
    is_file = isinstance(place, str) and is_address(place) and scheme_of(place) == "file"
    return path_of(place) if is_file else place


def _at(place: str, options: Options) -> File:
    if not is_address(place) or scheme_of(place) == "file":
        return File.at(_local(place))
    shown = showable(place)
    path = unquote(urlsplit(place).path) if scheme_of(place) in WEB else shown
    return File(shown, os.path.basename(path), Remote(place, options))
