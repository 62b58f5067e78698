"""A file system in fsspec's words: headrace's `File` to read from, its `Blobs` to write to."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import IO, Any, cast

from headrace.blobs import open_blobs
from headrace.blobs.locking import LockingBlobs
from headrace.blobs.open import SCHEME, path_of
from headrace.blobs.showable import showable
from headrace.blobs.stores.options import Options, options_of, thawed
from headrace.compat.squirrel.fsspec.pending import Pending, PendingText
from headrace.compat.squirrel.not_carried import not_carried
from headrace.contracts.errors import ArgumentError
from headrace.parsing.files import opened
from headrace.sources.file import unreadable
from headrace.sources.files.chunks import checked_encoding
from headrace.sources.files.compression import (
    Compression,
    checked_compression,
    compression_of,
    decompressed,
)

# Any, in this file: the options of a store are those that it knows.

URL = str | os.PathLike[str]
# A store keeps connections: files of one folder share it.
FOLDERS_KEPT = 32
# What fsspec's own caches are asked for by.
CACHING = frozenset({"protocol", "target_protocol", "target_options", "cache_storage"})
# What stands for a folder that is made when needed; here it always is.
IGNORED = frozenset({"auto_mkdir"})
# The names of files that are being written begin so.
UNFINISHED = "~"
MODES = ("r", "rt", "rb", "w", "wt", "wb")
# Nine, the default of gzip, took twice as long for 1.8 MB of digits, and saved 34 bytes.
GZIP_LEVEL = 6


@dataclass(frozen=True)
class FileSystem:
    """Opens, lists and removes files by path or address: what `get_fs_from_url` gives.

    Addresses are those of `hr.Storage`: paths, file://, s3://, gs:// and az://. A file that is
    written appears whole when it is closed, and its folder is made; one whose `with` block ends
    by an error does not appear.
    """

    options: Options = field(default=(), repr=False)

    def open(
        self,
        path: URL,
        mode: str = "rb",
        compression: str | None = None,
        encoding: str | None = None,
    ) -> IO[Any]:
        """The file, to be read or written; "infer" takes the compression from the name.

        Raises:
            ArgumentError: a mode, compression or encoding that is not known.
            StorageError: it cannot be read; when it is closed, it cannot be written.
        """
        if mode not in MODES:
            raise ArgumentError(
                f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}. A file appears "
                "whole: read it, and write it anew."
            )
        kind = _compression(os.fspath(path), compression)
        text = "" if "b" in mode else encoding or "utf-8"
        if text:
            checked_encoding(text)
        return self._reading(path, kind, text) if "r" in mode else self._writing(path, kind, text)

    def unzipped(self, path: URL) -> bytes:
        """All that a file of gzip holds: faster than by `open`, and held in memory twice.

        Raises:
            StorageError: it cannot be read, is none of gzip, or damaged.
        """
        place = _placed(path)
        packed = opened(place, self.options).read()
        try:
            return gzip.decompress(packed)
        except (EOFError, OSError, zlib.error) as error:
            raise unreadable(showable(place), error) from error

    def exists(self, path: URL) -> bool:
        """Whether there is a file, or a folder with a file in it."""
        root, name = _split(path)
        blobs = _blobs(root, self.options)
        return blobs.stat(name) is not None or any(blobs.list(name))

    def ls(self, path: URL) -> list[str]:
        """The files and folders right under a folder, sorted."""
        root = trimmed(path)
        return [f"{root}/{name}" for name in self.names(root)]

    def names(self, folder: URL, *, nested: bool = False) -> list[str]:
        """What is under a folder, relative to it and sorted; with `nested` all its files.

        **Cost**: either lists all files under the folder.
        """
        keys = [stat.key for stat in _blobs(_placed(folder), self.options).list("")]
        whole = [key for key in keys if not key.rpartition("/")[2].startswith(UNFINISHED)]
        return sorted(whole if nested else {key.partition("/")[0] for key in whole})

    def rm(self, path: URL, recursive: bool = False) -> None:
        """Removes a file; with `recursive` all files under a folder instead."""
        if not recursive:
            root, name = _split(path)
            _blobs(root, self.options).delete(name)
            return
        blobs = _blobs(_placed(path), self.options)
        for key in [stat.key for stat in blobs.list("")]:
            blobs.delete(key)

    def _reading(self, path: URL, kind: Compression | None, text: str) -> IO[Any]:
        file = opened(_placed(path), self.options)
        content = (file if kind is None else decompressed(file, kind)).open()
        return io.TextIOWrapper(content, encoding=text) if text else content

    def _writing(self, path: URL, kind: Compression | None, text: str) -> IO[Any]:
        if kind not in (None, "gzip"):
            raise ArgumentError(
                f"files are written plain or by gzip, got compression={kind!r}. Take 'gzip', or "
                "stream.save() for others."
            )
        root, name = _split(path)
        pending = Pending(partial(_published, root, self.options, name, kind))
        return PendingText(pending, text) if text else pending


def get_fs_from_url(url: URL, **storage_options: Any) -> FileSystem:
    """The file system that files at `url` are opened by; nothing is asked yet.

    `storage_options` are those of obstore for the store, as `hr.Storage` takes them.

    Raises:
        ArgumentError: an address of an unknown kind, options that it does not take, or those of
            fsspec's caches.
    """
    if cache := CACHING & storage_options.keys():
        raise not_carried(
            f"fsspec's cache (storage_options with {sorted(cache)})",
            "Give the s3://, gs:// or az:// address itself, and .cache() the stream, or put the "
            "records into hr.Storage, which keeps shards that it fetched on the local disk.",
        )
    given = {name: value for name, value in storage_options.items() if name not in IGNORED}
    options = options_of(given)
    # What the address and its options are is told here, before data flows.
    _blobs(_placed(url), options)
    return FileSystem(options)


def get_protocol(url: str) -> str:
    """What an address begins with, such as "s3://"; of a path the empty text."""
    scheme, separator, _ = url.partition("://")
    return scheme + separator if separator else ""


def trimmed(url: URL) -> str:
    """A path or address without slashes at its end; those behind a scheme stay."""
    text = os.fspath(url)
    protocol = get_protocol(text)
    return protocol + text.removeprefix(protocol).rstrip("/") or text


def _published(root: str, options: Options, name: str, kind: str | None, content: bytes) -> None:
    # Without a time in it, equal content makes equal files.
    payload = gzip.compress(content, GZIP_LEVEL, mtime=0) if kind else content
    _blobs(root, options).put(name, payload, replace=True)


@lru_cache(maxsize=FOLDERS_KEPT)
def _blobs(root: str, options: Options) -> LockingBlobs:
    if root.lower().startswith("memory://"):
        raise not_carried(
            "memory://, which is one for all of a process,",
            "Keep records of this process in a MemoryStore of headrace.compat.squirrel.storage.",
        )
    return open_blobs(root, storage_options=thawed(options))


def _split(path: URL) -> tuple[str, str]:
    """The folder of a file, as path or address, and its name there."""
    place = _placed(path)
    if not SCHEME.match(place):
        return os.path.split(place)
    folder, _, name = place.rpartition("/")
    if folder.endswith("/"):
        raise ArgumentError(
            f"the address of a file was expected, got {showable(place)!r}. Write it like "
            "s3://bucket/folder/file."
        )
    return folder, name


def _placed(path: URL) -> str:
    """An absolute path, also of a `file://` address; any other address as it is."""
    place = os.fspath(path)
    if not place:
        raise ArgumentError(
            f"a path or address was expected, got {place!r}. Give one such as 'data' or "
            "'s3://bucket/folder'; '.' is the current folder."
        )
    if place.lower().startswith("file://"):
        return path_of(place)
    if SCHEME.match(place):
        return trimmed(place)
    return os.path.abspath(os.path.expanduser(place))


def _compression(name: str, asked: str | None) -> Compression | None:
    if asked is None:
        return None
    return compression_of(name) if asked == "infer" else checked_compression(cast(Any, asked))
