"""Files written, and files checked."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError, near
from headrace.parsing.save import Save

# Any, in this file: open files and contents of every kind.
HASHES = ("sha256", "md5")
READ_BYTES = 2**20


@functional_datapipe("save_to_disk")
class Saver(IterDataPipe[str]):
    """Writes pairs of a path and its content, and gives the paths: `stream.map`.

    `filepath_fn` makes a path of what the pair has for one. A file appears whole or not at all,
    in the place of one that is there. `stream.save(folder)` is headrace's own.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        mode: str = "w",
        filepath_fn: Callable[[Any], str] | None = None,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.mode = mode if "w" in mode else f"w{mode}"
        self.fn = filepath_fn

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.source_datapipe).map(Saved(self.fn))


@functional_datapipe("check_hash")
class HashChecker(IterDataPipe[tuple[str, Any]]):
    """Pairs of a path and a content with the hash that is expected: `stream.map`.

    A file is read for it, and rewound; one that cannot be is held in memory.
    `hr.parse.check_hash` is headrace's own.

    Raises:
        ArgumentError: the hash is neither sha256 nor md5.
        IntegrityError: when it is read, a content with another hash.
        RecordError: when it is read, a path without a hash.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        hash_dict: Mapping[str, str],
        hash_type: str = "sha256",
        rewind: bool = True,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.hashes = Hashes(dict(hash_dict), checked_hash(hash_type))
        self.rewind = rewind

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.source_datapipe).map(Verified(self.hashes, self.rewind))


@dataclass(frozen=True)
class Saved:
    """Writes a content to a path, and gives the path."""

    path: Callable[[Any], str] | None

    def __call__(self, pair: tuple[Any, Any]) -> str:
        path, content = pair
        if self.path is not None:
            path = self.path(path)
        written(path, content)
        return str(path)


@dataclass(frozen=True)
class Hashes:
    """Hashes by paths."""

    expected: Mapping[str, str]
    algorithm: str

    def check(self, path: str, found: str) -> None:
        """Raises IntegrityError where a hash is not the one that is expected of a path."""
        expected = self.of(path)
        if found != expected.lower():
            raise IntegrityError(
                f"The computed hash {found} of {path} does not match the expected hash "
                f"{expected}. Delete the file manually and retry."
            )

    def of(self, path: str) -> str:
        """The hash that is expected. Raises RecordError where none was given."""
        if path not in self.expected:
            raise RecordError(f"Unspecified hash for file {path}. {near(path, self.expected)}")
        return self.expected[path]

    def new(self) -> Any:
        """A digest of nothing yet."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True)
class Verified:
    """Gives a pair whose content has the hash of its path."""

    hashes: Hashes
    rewind: bool

    def __call__(self, pair: tuple[str, Any]) -> tuple[str, Any]:
        path, content = pair
        digest = self.hashes.new()
        if isinstance(content, str | bytes | bytearray):
            digest.update(content.encode() if isinstance(content, str) else content)
        else:
            content = self._read(content, digest)
        self.hashes.check(path, digest.hexdigest())
        return path, content

    def _read(self, file: Any, digest: Any) -> StreamWrapper:
        is_seekable = getattr(file, "seekable", lambda: False)()
        if self.rewind and not is_seekable:
            file = io.BytesIO(file.read())
        while piece := file.read(READ_BYTES):
            digest.update(piece)
        if self.rewind:
            file.seek(0)
        return file if isinstance(file, StreamWrapper) else StreamWrapper(file)


def written(path: str | os.PathLike[str], content: Any) -> None:
    """Writes bytes, text, or what a file holds, whole or not at all."""
    folder, name = os.path.split(os.fspath(path))
    Save(folder or ".", replace=True)((name, content))


def checked_hash(hash_type: str) -> str:
    """The name of a hash. Raises ArgumentError where it is another one."""
    if hash_type not in HASHES:
        raise ArgumentError(
            f"Invalid hash_type requested, should be one of {list(HASHES)}, got {hash_type!r}. "
            "hr.parse.check_hash takes others."
        )
    return hash_type
