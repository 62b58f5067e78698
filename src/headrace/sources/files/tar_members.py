"""The files in a tar, grouped into records by their names, as WebDataset does it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Generic, TypeVar, cast

from headrace.contracts.errors import ArgumentError, RecordError
from headrace.deferred import tarfile
from headrace.sources.file import File, reason_of
from headrace.sources.files.compression import compression_of, decompressed_by_name

T = TypeVar("T")

GZIP_SUFFIXES = (".tar.gz", ".tgz")
TAR_SUFFIXES = (".tar", *GZIP_SUFFIXES)
# The key is the path up to the first dot of the name, the field what is after it. A hidden file
# has no key.
NAME = re.compile(r"((?:.*/)?[^./]+)[.]([^/]*)", re.DOTALL)
# WebDataset keeps these for itself.
META = re.compile(r"__[^/]*__($|/)")

# The field that holds the key.
KEY = "__key__"


@dataclass
class Group(Generic[T]):
    """One record: what was taken of each of its files, by what is after the key."""

    key: str
    parts: dict[str, T] = field(default_factory=dict)


def is_compressed(file: File) -> bool:
    """Whether the name says that it is a compressed tar."""
    return compression_of(file.name) is not None


@contextmanager
def opened_tar(file: File) -> Iterator[BinaryIO]:
    """The bytes of the tar, decompressed.

    Raises:
        ArgumentError: they cannot be read, or what is read from them is no whole tar.
    """
    try:
        with decompressed_by_name(file).open() as opened:
            yield opened
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArgumentError(
            f"the tar {str(file)!r} cannot be read: {reason_of(error)}. "
            "Write it again, or leave it out."
        ) from error


def span(member: tarfile.TarInfo) -> tuple[int, int]:
    """Where the bytes of a file begin, and how many there are; they are not read."""
    return member.offset_data, member.size


def content(opened: BinaryIO, member: tarfile.TarInfo) -> bytes:
    """The bytes of a file. Raises EOFError where the tar ends before."""
    opened.seek(member.offset_data)
    found = opened.read(member.size)
    if len(found) < member.size:
        raise EOFError("unexpected end of data")
    return found


def read_to_end(opened: BinaryIO) -> None:
    """Reads what is left: a gzip file says at its end whether its bytes were right."""
    while opened.read(io.DEFAULT_BUFFER_SIZE):
        pass


def groups(
    opened: BinaryIO, file: File, take: Callable[[tarfile.TarInfo], T]
) -> Iterator[Group[T]]:
    """The records of a tar in order; each file is taken as it is passed.

    Raises:
        RecordError: two files of a record have one name, or a file is stored with holes.
        ArgumentError: it is no tar, or ends before its end.
    """
    group: Group[T] | None = None
    for member in members(opened, file):
        match = NAME.fullmatch(member.name)
        if not member.isreg() or match is None or META.match(member.name):
            continue
        key, name = match[1], match[2].lower()
        if name == KEY:
            raise RecordError(
                f"the file {member.name!r} in {str(file)!r} is named as the field of the key. "
                "Write the tar again with another name for it."
            )
        if group is not None and key != group.key:
            yield group
            group = None
        group = group or Group(key)
        if name in group.parts or member.issparse():
            what = "sparse" if member.issparse() else "there twice"
            raise RecordError(
                f"the file {member.name!r} in {str(file)!r} is {what}; a record has each of its "
                "files once, whole. Write the tar again with names of their own."
            )
        group.parts[name] = take(member)
    if group is not None:
        yield group


def members(opened: BinaryIO, file: File) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar in order, files and others.

    Raises:
        ArgumentError: it is no tar, or ends before its end.
    """
    watched = _Watched(opened)
    with _begun(watched, file) as tar:
        for member in tar:
            yield member
            # It would keep all of them, for access by name.
            tar.members = []  # type: ignore[attr-defined]
        # tarfile takes whatever is no header for the end; the end is a block of zeros.
        if watched.last != bytes(tarfile.BLOCKSIZE):
            raise ArgumentError(
                f"the tar {str(file)!r} is cut off or damaged behind byte {tar.offset}: its end "
                "mark is missing. Write it again, or leave it out."
            )
        if _has_more(opened):
            raise ArgumentError(
                f"the tar {str(file)!r} goes on behind its end mark, as several tars written one "
                "after the other do. Pass the tars as a list."
            )


def _has_more(opened: BinaryIO) -> bool:
    """Whether what is left is more than the zeros that fill a tar up."""
    while rest := opened.read(io.DEFAULT_BUFFER_SIZE):
        if rest.count(0) < len(rest):
            return True
    return False


def _begun(watched: _Watched, file: File) -> tarfile.TarFile:
    try:
        # It only reads, seeks and tells.
        return tarfile.open(fileobj=cast("BinaryIO", watched), mode="r:")
    except tarfile.ReadError as error:
        raise ArgumentError(
            f"a tar was expected, and {str(file)!r} is none ({error}). A compressed one is named "
            f"{' or '.join(GZIP_SUFFIXES)}."
        ) from error


class _Watched:
    """A file that remembers what was read of it last."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell = file.seek, file.tell
        self.last = b""
        self._file = file

    def read(self, size: int = -1) -> bytes:
        self.last = self._file.read(size)
        return self.last
