"""Readers of text, bytes, lists and pickles: copied out of the maps, or as views of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Column
from headrace.formats.reading.unpacking import Unpackers
from headrace.formats.schema.schema import Leaf
from headrace.formats.shards.gather import address_space
from headrace.formats.shards.parts import Part
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places, Spans, Validity

# Any, in this file: values are the user's, of every type.

Pieces: TypeAlias = "Sequence[bytes | memoryview]"
# Shorter texts are decoded together and cut: 230 ns each instead of 340 at 60 characters.
JOINED_CHARS = 512


class BytesReader:
    """Text, bytes, lists and pickles: copied out of the maps one by one."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._spans = Spans(1, shards)
        self._validity = Validity(shards) if leaf.nullable else None
        self._addresses = np.zeros(shards, np.int64)
        self._values: list[npt.NDArray[np.uint8] | None] = [None] * shards
        self._memory = address_space()
        self._read = _DECODERS[leaf.kind]
        self._unpackers = Unpackers(leaf)

    def add(self, shard: int, part: Part) -> None:
        values = part.values()
        self._values[shard] = values  # keeps the map, of which only the address is used
        self._unpackers.add(shard, part)
        self._addresses[shard] = values.ctypes.data - 1
        self._spans.add(shard, part)
        if self._validity is not None:
            self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        starts, stops = self._spans.read(places)
        base = self._addresses.take(places.shards)
        memory = self._memory
        pairs = zip((starts + base).tolist(), (stops + base).tolist(), strict=True)
        pieces = self._unpackers.unpacked([memory[start:stop] for start, stop in pairs], places)
        if self._validity is None:
            return self._read(pieces)
        flags = self._validity.read(places)
        present = [piece for piece, flag in zip(pieces, flags, strict=True) if flag]
        values = iter(self._read(present))
        return [next(values) if flag else None for flag in flags]


class ViewReader:
    """Bytes as views of the map, or of what was decompressed, living as long as they are used."""

    def __init__(self, leaf: Leaf, shards: int) -> None:
        self._spans = Spans(1, shards)
        self._validity = Validity(shards) if leaf.nullable else None
        self._views = [memoryview(b"")] * shards
        self._unpackers = Unpackers(leaf)

    def add(self, shard: int, part: Part) -> None:
        self._unpackers.add(shard, part)
        self._views[shard] = part.values().data
        self._spans.add(shard, part)
        if self._validity is not None:
            self._validity.add(shard, part)

    def read(self, places: Places) -> Column:
        starts, stops = self._spans.read(places)
        spans = zip(places.each_shard(), starts.tolist(), stops.tolist(), strict=False)
        views = self._views
        found = [views[shard][start:stop] for shard, start, stop in spans]
        found = [memoryview(value) for value in self._unpackers.unpacked(found, places)]
        if self._validity is None:
            return found
        flags = self._validity.read(places)
        return [view if flag else None for view, flag in zip(found, flags, strict=True)]


def _texts(pieces: Pieces) -> list[str]:
    """The texts of the pieces."""
    if sum(map(len, pieces)) > JOINED_CHARS * len(pieces):
        return [str(piece, "utf-8") for piece in pieces]
    joined = b"".join(pieces)
    if not joined.isascii():
        return [str(piece, "utf-8") for piece in pieces]
    text = joined.decode("ascii")
    stops = np.cumsum([len(piece) for piece in pieces]).tolist()
    return [text[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _no_extension(code: int, _: memoryview) -> NoReturn:
    raise Damaged(f"a list holds an extension of type {code}")


# Made once: it is as slow to make as a few lists are to decode.
_LISTS = msgspec.msgpack.Decoder(list, ext_hook=_no_extension)


def _lists(pieces: Pieces) -> list[list[Any]]:
    try:
        return list(map(_LISTS.decode, pieces))
    except RecursionError as error:
        raise Damaged(f"a list is nested too deep: {error}") from error


def _pickled(pieces: Pieces) -> list[Any]:
    try:
        return [pickle.loads(piece) for piece in pieces]
    except (pickle.UnpicklingError, EOFError) as error:
        raise Damaged(f"a pickled value is cut or changed: {error}") from error


_DECODERS: dict[str, Callable[[Pieces], list[Any]]] = {
    "str": _texts,
    "bytes": lambda pieces: [bytes(piece) for piece in pieces],
    "numpy str": lambda pieces: [np.str_(text) for text in _texts(pieces)],
    "numpy bytes": lambda pieces: [np.bytes_(bytes(piece)) for piece in pieces],
    "list": _lists,
    "pickle": _pickled,
}
