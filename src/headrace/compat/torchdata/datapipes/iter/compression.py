"""Compressed files, decompressed while they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.archives import checked, parsing
from headrace.compat.torchdata.datapipes.iter.late import Member
from headrace.compat.torchdata.datapipes.iter.sources import nominal_length
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.deferred import tarfile, zipfile

# Any, in this file: open files and archives of every kind.


class CompressionType(Enum):
    """What `decompress` knows."""

    GZIP = "gzip"
    LZMA = "lzma"
    TAR = "tar"
    ZIP = "zip"
    BZIP2 = "bz2"


# Compressed tars come first: they end in what a compressed file ends in, too.
SUFFIXES = {
    ".tar.gz": CompressionType.TAR,
    ".tar.xz": CompressionType.TAR,
    ".tar": CompressionType.TAR,
    ".xz": CompressionType.LZMA,
    ".gz": CompressionType.GZIP,
    ".zip": CompressionType.ZIP,
    ".bz2": CompressionType.BZIP2,
}


@functional_datapipe("decompress")
class Decompressor(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of a path and its file decompressed: `stream.map`.

    The kind is what the path ends in, or the one given. A tar or zip is given as an open archive,
    which `load_from_tar` and `load_from_zip` take. `hr.parse.decompress()` is headrace's own.
    """

    types = CompressionType

    def __init__(
        self, source_datapipe: IterDataPipe[Any], file_type: str | CompressionType | None = None
    ) -> None:
        self.source_datapipe = source_datapipe
        self.file_type = None if file_type is None else _kind(file_type)

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.source_datapipe).map(Decompressed(self.file_type))


@functional_datapipe("extract")
class Extractor(IterDataPipe[tuple[str, StreamWrapper]]):
    """It is `decompress`."""

    def __init__(
        self, source_datapipe: IterDataPipe[Any], file_type: str | CompressionType | None = None
    ) -> None:
        self.datapipe = Decompressor(source_datapipe, file_type)

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return self.datapipe.stream()


@functional_datapipe("load_from_bz2")
class Bz2FileLoader(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of a path without its .bz2 and the file decompressed: `stream.map`."""

    def __init__(self, datapipe: Any, length: int = -1) -> None:
        self.datapipe = datapipe
        self.length = length

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(Decompressed(CompressionType.BZIP2, ".bz2"))

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@functional_datapipe("load_from_xz")
class XzFileLoader(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of a path without its .xz and the file decompressed: `stream.map`."""

    def __init__(self, datapipe: Any, length: int = -1) -> None:
        self.datapipe = datapipe
        self.length = length

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(Decompressed(CompressionType.LZMA, ".xz"))

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@dataclass(frozen=True)
class Decompressed:
    """Gives a file decompressed, under its path without a suffix."""

    kind: CompressionType | None
    suffix: str = ""

    def __call__(self, opened: tuple[str, Any]) -> tuple[str, StreamWrapper]:
        path, file = checked(opened)
        with parsing(path, file, "file"):
            plain = DECOMPRESSORS[self.kind or _kind_by_name(path)](file)
            parent = file if isinstance(file, StreamWrapper) else None
            path = path.removesuffix(self.suffix)
            return path, StreamWrapper(plain, parent, name=path)


def _kind(file_type: str | CompressionType) -> CompressionType:
    try:
        return CompressionType(file_type.lower() if isinstance(file_type, str) else file_type)
    except ValueError:
        known = ", ".join(repr(kind.value) for kind in CompressionType)
        raise ArgumentError(
            f"{file_type!r} is not a valid CompressionType: one of {known} was expected. "
            "Leave it out to go by the paths."
        ) from None


def _kind_by_name(path: str) -> CompressionType:
    for suffix, kind in SUFFIXES.items():
        if path.endswith(suffix):
            return kind
    raise RecordError(
        f"File at {path} has a file extension which does not match what are supported: "
        f"{', '.join(SUFFIXES)}. Say the kind by file_type."
    )


def _gzip(file: Any) -> Any:
    return Member(import_module("gzip").GzipFile(fileobj=file))


def _lzma(file: Any) -> Any:
    return Member(import_module("lzma").LZMAFile(file))


def _bz2(file: Any) -> Any:
    return Member(import_module("bz2").BZ2File(file))


def _tar(file: Any) -> Any:
    return tarfile.open(fileobj=file, mode="r:*")


def _zip(file: Any) -> Any:
    return zipfile.ZipFile(file)


# Imported when needed: a Python may lack one.
DECOMPRESSORS: dict[CompressionType, Callable[[Any], Any]] = {
    CompressionType.GZIP: _gzip,
    CompressionType.LZMA: _lzma,
    CompressionType.TAR: _tar,
    CompressionType.ZIP: _zip,
    CompressionType.BZIP2: _bz2,
}
