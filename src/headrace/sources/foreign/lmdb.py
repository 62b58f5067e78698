"""LMDB: datapoints that TensorPack or YogaDL wrote, and plain keys and values."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.extras import imported
from headrace.sources.files.paths import no_path
from headrace.sources.foreign.datapoints import Kind, datapoint, kind_of
from headrace.sources.foreign.per_process import PerProcess

# Any, in this file: lmdb has no types, and records are of every type.

# TensorPack keeps the list of its keys under this one; others keep their number beside it, and
# YogaDL TensorFlow's description of the records.
KEYS = b"__keys__"
SHAPES = b"__shapes__"
TYPES = b"__types__"
BOOKKEEPING = {KEYS, b"__len__", SHAPES, TYPES}


@dataclass(frozen=True)
class LmdbRecords:
    """The values of a database in the order of their keys; `kind` says what they are.

    Threads read side by side. A process opens the database, and lists its keys, when it first
    reads.
    """

    path: Path
    length: int
    kind: Kind
    allow_pickle: bool = False
    _open: PerProcess[_Database] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_open", PerProcess(partial(_Database, self.path)))

    def __len__(self) -> int:
        return self.length

    @property
    def identity(self) -> str:
        """The name of the file or folder and the length."""
        return f"lmdb[{self.path.name}, {self.length}]"

    @property
    def keys(self) -> list[bytes]:
        """The keys of the records, in order."""
        return self._open.get().keys

    def value(self, key: bytes) -> bytes | None:
        """The bytes under a key, that of bookkeeping too; None where there are none."""
        return self._open.get().value(key)

    def read(self, indices: Indices) -> list[Any]:
        """The records at `indices`."""
        found = self._open.get().values(indices)
        if self.kind == "raw":
            return [{"key": key, "value": value} for key, value in found]
        return [datapoint(value, key, allow_pickle=self.allow_pickle) for key, value in found]


def lmdb_source(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> LmdbRecords:
    """The records of an LMDB database, which is a file, or a folder with data.mdb.

    Raises:
        MissingExtra: lmdb is not installed.
        ArgumentError: there is no database.
        PickleRefused: it holds pickles of TensorPack or YogaDL, and `allow_pickle` was not said.
    """
    imported("lmdb", extra="lmdb")
    place = Path(path).absolute()
    if not place.exists():
        raise no_path(place)
    database = _Database(place)
    keys = database.keys
    kind: Kind = "raw"
    if database.is_listed and keys:
        first = database.value(keys[0])
        assert first is not None, "a key that was listed"
        kind = kind_of(first, keys[0], allow_pickle=allow_pickle)
    return LmdbRecords(place, len(keys), kind, allow_pickle)


class _Database:
    """An open database and its keys."""

    def __init__(self, path: Path) -> None:
        self._environment = _environments().open(path)
        with self._environment.begin() as transaction:
            keys = list(transaction.cursor().iternext(values=False))
        self.is_listed = KEYS in keys
        self.keys = [key for key in keys if key not in BOOKKEEPING] if self.is_listed else keys

    def value(self, key: bytes) -> bytes | None:
        with self._environment.begin() as transaction:
            found: bytes | None = transaction.get(key)
            return found

    def values(self, indices: Indices) -> list[tuple[bytes, bytes]]:
        with self._environment.begin() as transaction:
            asked = [self.keys[index] for index in indices.tolist()]
            return [(key, transaction.get(key)) for key in asked]


class _Environments:
    """The open environments of this process: LMDB refuses to open one twice.

    Each is closed when nobody uses it any more. A forked child may not use its parent's.
    """

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close)

    def open(self, path: Path) -> Any:
        with self._lock:
            found = self._opened.get(path)
            if found is None:
                found = self._opened[path] = _environment(path)
            return found

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._opened: weakref.WeakValueDictionary[Path, Any] = weakref.WeakValueDictionary()

    def _close(self) -> None:
        for environment in list(self._opened.values()):
            environment.close()
        self._begin()


@functools.cache
def _environments() -> _Environments:
    """One for the process, because LMDB counts by process."""
    return _Environments()


def _environment(path: Path) -> Any:
    lmdb = imported("lmdb", extra="lmdb")
    try:
        # Without locks it needs no right to write; nobody writes to a finished dataset. Records
        # are read in any order, so reading ahead would read what nobody asked for.
        return lmdb.open(
            str(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False
        )
    except lmdb.Error as error:
        raise ArgumentError(
            f"an LMDB database was expected, and {str(path)!r} cannot be opened as one: "
            f"{str(error).rstrip('.')}. "
            "Pass its file, or the folder of its data.mdb, and close it where it is open "
            "in this process."
        ) from error
