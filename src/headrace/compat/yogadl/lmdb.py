"""The LMDB files that YogaDL keeps datasets in: read, and written anew.

Records are pickles under the keys 00000000, 00000001, ...; beside them stand `__keys__`, and
TensorFlow's `__shapes__` and `__types__`.
"""

from __future__ import annotations

import os
import pickle
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

from headrace.contracts.errors import ArgumentError, NotFound, VersionExists, whole
from headrace.extras import imported
from headrace.sources.foreign.datapoints import datapoint
from headrace.sources.foreign.lmdb import KEYS, SHAPES, TYPES, lmdb_source

# Any, in this file: records are of every type, and lmdb has no types.

# YogaDL's own: as many records are written at once.
WRITE_FREQUENCY = 5000
# The first size of a map, which is doubled as often as it is full.
MAP_BYTES = 64 * 2**20
# As of any new file: the umask says who may read it.
MODE = 0o666


class LmdbAccess:
    """The values of a `cache.mdb` by key: `headrace.from_lmdb`, with YogaDL's own methods.

    Values are pickles, which `allow_pickle` says are trusted; the keys are no pickles here.

    Raises:
        PickleRefused: it holds pickles, and `allow_pickle` was not said.
        ArgumentError: there is no database.
        MissingExtra: lmdb is not installed.
    """

    def __init__(self, lmdb_path: str | os.PathLike[str], *, allow_pickle: bool = False) -> None:
        self.records = lmdb_source(lmdb_path, allow_pickle=allow_pickle)

    def get_keys(self) -> list[bytes]:
        """The keys of the records, in order."""
        return list(self.records.keys)

    def get_shapes(self) -> Any:
        """The shapes that were stored; TensorFlow's classes need TensorFlow."""
        return self.read_value_by_key(SHAPES)

    def get_types(self) -> Any:
        """The types that were stored; TensorFlow's classes need TensorFlow."""
        return self.read_value_by_key(TYPES)

    def read_value_by_key(self, key: bytes) -> Any:
        """The record under a key.

        Raises:
            NotFound: there is none.
            RecordError: it cannot be read.
        """
        value = self.records.value(key)
        if value is None:
            raise NotFound(
                f"{key!r} was asked of {str(self.records.path)!r}, which has no such key. "
                "Ask for one of get_keys()."
            )
        return datapoint(value, key, allow_pickle=self.records.allow_pickle)


def serialize_generator_to_lmdb(
    dataset_generator: Iterable[Any],
    data_shapes: Any,
    data_types: Any,
    lmdb_path: str | os.PathLike[str],
    write_frequency: int = WRITE_FREQUENCY,
) -> int:
    """Writes records as a `cache.mdb` that YogaDL reads; gives their number.

    The file appears whole or not at all. For anything but an exchange with YogaDL, use
    `storage.submit`, which keeps arrays as arrays.

    Raises:
        ArgumentError: there is no folder to write to, or `write_frequency` is below 1.
        VersionExists: there is a file of that name.
        MissingExtra: lmdb is not installed.
    """
    path = Path(lmdb_path)
    remedy = "It is how many records are written at once."
    at_once = whole("write_frequency", write_frequency, least=1, remedy=remedy)
    if not path.parent.is_dir():
        raise ArgumentError(
            f"{str(path)!r} was to be written, and its folder does not exist. Make it first."
        )
    if path.exists():
        raise VersionExists(
            f"{str(path)!r} was to be written, and is there already. Choose another name, or "
            "remove it first."
        )
    keys: list[bytes] = []
    with _new_database(path) as database:
        named = zip((b"%08d" % number for number in count()), dataset_generator, strict=False)
        while pairs := list(islice(named, at_once)):
            _put(database, [(key, pickle.dumps(record)) for key, record in pairs])
            keys += [key for key, _ in pairs]
        about = {KEYS: keys, SHAPES: data_shapes, TYPES: data_types}
        _put(database, [(key, pickle.dumps(value)) for key, value in about.items()])
    return len(keys)


@contextmanager
def _new_database(path: Path) -> Iterator[Any]:
    """A database beside `path`, which takes its place when the block ends without an error."""
    lmdb = imported("lmdb", extra="lmdb")
    aside = path.with_name(f"~{secrets.token_hex(8)}")
    # Nobody else knows it, so it needs no locks; it is flushed once, at the end.
    settings = {"subdir": False, "map_size": MAP_BYTES, "lock": False, "sync": False, "mode": MODE}
    try:
        with lmdb.open(str(aside), **settings) as database:
            yield database
            database.sync(True)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _put(database: Any, pairs: list[tuple[bytes, bytes]]) -> None:
    """Writes all pairs or none; where the map is full it is doubled, and all are written again."""
    lmdb = imported("lmdb", extra="lmdb")
    while True:
        try:
            with database.begin(write=True) as transaction:
                for key, value in pairs:
                    transaction.put(key, value)
        except lmdb.MapFullError:
            database.set_mapsize(2 * database.info()["map_size"])
        else:
            return
