"""`on_disk_cache` ... `end_caching`: what pipes make of a record, kept as files."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import headrace as hr
from headrace.blobs import LocalBlobs
from headrace.blobs.locking import LOOK_EVERY_S
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.kept_files import KeptFiles
from headrace.compat.torchdata.datapipes.iter.saving import Hashes, checked_hash
from headrace.compat.torchdata.datapipes.iter.sources import IterableWrapper
from headrace.compat.torchdata.datapipes.parents import is_pipe, upstream
from headrace.contracts.errors import ArgumentError, StorageError, StreamError

# Any, in this file: records, and files of every kind.

# As long as the original waits for another process.
TIMEOUT_S = 300
# Beside the files, in a folder that listings pass over.
LOCKS = ".locks"


@functional_datapipe("on_disk_cache")
class OnDiskCacheHolder(IterDataPipe[Any]):
    """Where the pipes begin whose results `end_caching` keeps as files.

    `filepath_fn` gives the path that stands for a record. It is there when the file is, its hash
    is that of `hash_dict`, and `extra_check_fn(path)` is true.

    Raises:
        ArgumentError: the hash is neither sha256 nor md5.
        StreamError: it is read without `end_caching`.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        filepath_fn: Callable[[Any], str] | None = None,
        hash_dict: Mapping[str, str] | None = None,
        hash_type: str = "sha256",
        extra_check_fn: Callable[[str], bool] | None = None,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.filepath_fn = filepath_fn
        checked_hash(hash_type)
        self.hashes = None if hash_dict is None else Hashes(dict(hash_dict), hash_type)
        self.extra_check_fn = extra_check_fn
        self.is_ended = False

    def stream(self) -> hr.Stream[Any]:
        """Is refused. Raises StreamError."""
        raise StreamError(
            "Please call `end_caching()` before iteration: on_disk_cache was read without. "
            "Put .end_caching() behind what makes the files."
        )


@functional_datapipe("end_caching")
class EndOnDiskCacheHolder(IterDataPipe[str]):
    """Paths of files that the pipes since `on_disk_cache` make: `flat_map`.

    Those pipes run for each record alone, and only where its files are not there. A file appears
    whole or not at all; among processes of a machine one makes it, the others wait. Paths come in
    the order of the records. A record with several files has their list beside its own path.

    Raises:
        ArgumentError: there are two functions for paths.
        StreamError: there is no `on_disk_cache` before, or it is ended already.
        StorageError: when it is read, another process needed longer than `timeout` seconds.
        IntegrityError: when it is read, what was made has another hash.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        mode: str = "wb",
        filepath_fn: Callable[[Any], str] | None = None,
        *,
        same_filepath_fn: bool = False,
        skip_read: bool = False,
        timeout: float = TIMEOUT_S,
    ) -> None:
        if filepath_fn is not None and same_filepath_fn:
            raise ArgumentError(
                f"`filepath_fn` is mutually exclusive with `same_filepath_fn`, got {filepath_fn} "
                "and True. Leave out one of them."
            )
        self.datapipe = datapipe
        self.cache_holder = _begin_of(datapipe)
        self.mode = mode
        self.filepath_fn = self.cache_holder.filepath_fn if same_filepath_fn else filepath_fn
        self.skip_read = skip_read
        self.timeout = timeout
        self.cache_holder.is_ended = True

    def set_timeout(self, timeout: float) -> None:
        """For how many seconds another process is waited for."""
        self.timeout = timeout

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        holder = self.cache_holder
        files = KeptFiles(
            holder.hashes, holder.extra_check_fn, self.filepath_fn, "t" in self.mode, self.skip_read
        )
        made = partial(_made, self.datapipe, holder)
        cached = Cached(holder.filepath_fn, files, made, self.timeout)
        return stream_of(holder.source_datapipe).flat_map(cached)


@dataclass(frozen=True)
class Cached:
    """Gives the paths of a record's files, which are made where they are missing."""

    filepath_fn: Callable[[Any], str] | None
    files: KeptFiles
    made: Callable[[Any], Iterator[tuple[Any, Any]]]
    timeout: float

    def __call__(self, record: Any) -> list[str]:
        path = os.fspath(record if self.filepath_fn is None else self.filepath_fn(record))
        found = self.files.find(path)
        if found is not None:
            return found
        with _alone(path, self.timeout):
            # Whoever had the lock before may have made them.
            found = self.files.find(path)
            return self.files.keep(path, self.made(record)) if found is None else found


@contextmanager
def _alone(path: str, timeout: float) -> Iterator[None]:
    """Holds the lock of a path, which the system frees when its holder dies."""
    folder, name = os.path.split(os.path.abspath(path))
    locks = LocalBlobs(Path(folder) / LOCKS, durable=False)
    end = time.monotonic() + timeout
    while (release := locks.try_lock(name)) is None:
        if time.monotonic() > end:
            raise StorageError(
                f"OnDiskCache: {path} is expected to be written by a different process, but is "
                f"not ready in {timeout} seconds. Raise the timeout of .end_caching."
            )
        time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        release()


def _begin_of(pipe: IterDataPipe[Any]) -> OnDiskCacheHolder:
    holders = [one for one in upstream(pipe) if isinstance(one, OnDiskCacheHolder)]
    if not holders:
        raise StreamError(
            "Expected `OnDiskCacheHolder` existing in pipeline when `end_caching` is invoked, "
            "found none. Put .on_disk_cache(...) before."
        )
    if holders[0].is_ended:
        raise StreamError(
            "`end_caching` can only be invoked once per `OnDiskCacheHolder`, and the nearest is "
            "ended. Begin with .on_disk_cache(...) anew."
        )
    return holders[0]


def _made(pipe: IterDataPipe[Any], holder: OnDiskCacheHolder, record: Any) -> Iterator[Any]:
    """What the pipes since a holder give of one record."""
    alone = IterableWrapper([record], deepcopy=False)
    return iter(_over(pipe, {id(holder): alone}, holder))


def _over(value: Any, made: dict[int, Any], holder: OnDiskCacheHolder) -> Any:
    """A pipe with another one in a holder's place; the rest stays the same."""
    if isinstance(value, list | tuple):
        return type(value)([_over(one, made, holder) for one in value])
    if not is_pipe(value) or id(value) in made:
        return made.get(id(value), value)
    if not any(one is holder for one in upstream(value)):
        return value
    copied = made[id(value)] = copy.copy(value)
    for name, part in vars(value).items():
        vars(copied)[name] = _over(part, made, holder)
    return copied
