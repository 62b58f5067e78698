"""Files that are decompressed while they are read."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from headrace.contracts.errors import ArgumentError, HeadraceError, near
from headrace.deferred import pyarrow as pa
from headrace.sources.file import File, unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Compression: TypeAlias = Literal["gzip", "bz2", "xz", "zstd"]

# What names end in, and what is left of them: "a.tgz" holds "a.tar".
SUFFIXES: dict[str, tuple[Compression, str]] = {
    ".gz": ("gzip", ""),
    ".tgz": ("gzip", ".tar"),
    ".bz2": ("bz2", ""),
    ".tbz2": ("bz2", ".tar"),
    ".xz": ("xz", ""),
    ".txz": ("xz", ".tar"),
    ".zst": ("zstd", ""),
    ".zstd": ("zstd", ""),
}
# What the bytes begin with. Of bz2 the first block too: a text may begin with BZh.
MAGIC: dict[Compression, re.Pattern[bytes]] = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}
MAGIC_BYTES = 10
# Small enough for many files at once, large enough that calls do not count.
BUFFER_BYTES = 64 * 2**10


def compression_of(name: str) -> Compression | None:
    """What a name says that its file is compressed by."""
    suffix = _suffix(name)
    return None if suffix is None else SUFFIXES[suffix][0]


def checked_compression(kind: Compression) -> Compression:
    """The kind. Raises ArgumentError where there is none such."""
    if kind not in MAGIC:
        raise ArgumentError(f"no compression is called {kind!r}. {near(str(kind), MAGIC)}")
    return kind


def decompressed(file: File, kind: Compression | None = None) -> File:
    """The file with its bytes decompressed; without `kind` by its name, else by its first bytes.

    One that is not compressed, as far as these tell, stays as it is.
    """
    suffix = _suffix(file.name)
    name = file.name
    if suffix is not None and kind in (None, SUFFIXES[suffix][0]):
        kind, ending = SUFFIXES[suffix]
        name = file.name[: -len(suffix)] + ending
    return replace(file, name=name, opener=Decompressed(file, kind))


def decompressed_by_name(file: File) -> File:
    """The file with its bytes decompressed where its name says that they are compressed."""
    return file if compression_of(file.name) is None else decompressed(file)


@dataclass(frozen=True)
class Decompressed:
    """Opens a file and decompresses it; without a kind, by its first bytes."""

    file: File
    kind: Compression | None

    def __call__(self) -> BinaryIO:
        kind = self.kind or _kind_by_bytes(self.file)
        if kind is None:
            return self.file.open()
        return io.BufferedReader(_Decompressing(self.file, kind), BUFFER_BYTES)


class _Decompressing(io.RawIOBase):
    """The decompressed bytes; seeking back begins anew."""

    def __init__(self, file: File, kind: Compression) -> None:
        super().__init__()
        self._file = file
        self._kind: Compression = kind
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer).cast("B") as view:
            try:
                found = self._read(len(view))
                if not found and not self._at and not self._packed.tell():
                    # Some decoders take no bytes at all for a whole file.
                    raise EOFError("it is empty")
            except HeadraceError:
                raise
            except Exception as error:  # each decoder has errors of its own
                raise unreadable(str(self._file), error) from error
            view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            while self.read(BUFFER_BYTES):
                pass
        target = offset + (0 if whence == io.SEEK_SET else self._at)
        if target < self._at:
            self._packed.close()
            self._begin()
        while self._at < target and self.read(min(BUFFER_BYTES, target - self._at)):
            pass
        return self._at

    def _begin(self) -> None:
        self._packed, self._at = self._file.open(), 0
        plain = DECODERS[self._kind](self._packed)
        # Read to the full, what stands before a fault would be lost with it.
        self._read: Callable[[int], bytes] = getattr(plain, "read1", plain.read)

    def close(self) -> None:
        if not self.closed:
            self._packed.close()
        super().close()


def _suffix(name: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)


def _kind_by_bytes(file: File) -> Compression | None:
    with file.open() as opened:
        first = opened.read(MAGIC_BYTES)
    return next((kind for kind, magic in MAGIC.items() if magic.match(first)), None)


# Any: a decoder is a file that reads. They are imported when needed: a Python may lack one.
def _gzip(packed: BinaryIO) -> Any:
    return import_module("gzip").GzipFile(fileobj=packed, mode="rb")


def _bz2(packed: BinaryIO) -> Any:
    return import_module("bz2").BZ2File(packed)


def _xz(packed: BinaryIO) -> Any:
    return import_module("lzma").LZMAFile(packed)


def _zstd(packed: BinaryIO) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


DECODERS: dict[Compression, Callable[[BinaryIO], Any]] = {
    "gzip": _gzip,
    "bz2": _bz2,
    "xz": _xz,
    "zstd": _zstd,
}
