"""A file as a value: what it is called, and how its bytes are read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from headrace.contracts.errors import StorageError

# Opens the bytes from their beginning, each time anew.
Opener: TypeAlias = Callable[[], BinaryIO]


@dataclass(frozen=True)
class File:
    """A file that is not read before it is asked for; frozen, and picklable.

    `str(file)` is the path or address that the user gave, without credentials, and `name` what
    the content is called: of "runs.jsonl.gz" that is decompressed, "runs.jsonl".

    Example:
        >>> import headrace as hr
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> _ = path.write_bytes(b"ten")
        >>> (file,) = hr.stream([path]).open()
        >>> file.name, file.read()
        ('note.txt', b'ten')
    """

    path: str
    name: str
    opener: Opener = field(repr=False)

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> File:
        """The file at a path of this machine."""
        text = os.fspath(path)
        return cls(text, os.path.basename(text), Local(text))

    @classmethod
    def holding(cls, path: str, content: bytes) -> File:
        """A file whose bytes are in memory already; `path` is what it is called."""
        return cls(path, os.path.basename(path), Held(content))

    def __str__(self) -> str:
        return self.path

    def open(self) -> BinaryIO:
        """The bytes from their beginning, as a file to read from and to close.

        Raises:
            StorageError: it is not there, or cannot be read.
        """
        return self.opener()

    def read(self) -> bytes:
        """All bytes.

        Raises:
            StorageError: it is not there, or cannot be read.
        """
        with self.open() as opened:
            return opened.read()


@dataclass(frozen=True)
class Local:
    """Opens a file of this machine."""

    path: str

    def __call__(self) -> BinaryIO:
        try:
            return Path(self.path).open("rb")
        except OSError as error:
            raise unreadable(self.path, error) from error


@dataclass(frozen=True)
class Held:
    """Opens bytes that are in memory."""

    content: bytes = field(repr=False)

    def __call__(self) -> BinaryIO:
        return io.BytesIO(self.content)


def file_of(place: File | os.PathLike[str]) -> File:
    """The file itself, or the one at a path."""
    return place if isinstance(place, File) else File.at(place)


def unreadable(path: str, error: Exception) -> StorageError:
    """The error of bytes that cannot be read."""
    return StorageError(
        f"{path} was to be read, and cannot be: {reason_of(error)}. "
        "Check that it is whole, readable and compressed as its name says."
    )


def reason_of(error: Exception) -> str:
    """What a library said, also where we have said it in our words already."""
    cause = error.__cause__ if isinstance(error, StorageError) else None
    return str(cause or error).rstrip(".")
