"""Records in WebDataset tars: random access by an index of their headers, or drawn."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.contracts.order import Indices
from headrace.sources.file import File, Local
from headrace.sources.files.paths import Files, located, names_of
from headrace.sources.files.pixels import pixels
from headrace.sources.files.tar_members import (
    KEY,
    TAR_SUFFIXES,
    Group,
    content,
    groups,
    is_compressed,
    opened_tar,
    read_to_end,
    span,
)

# Any, in this file: decoded members are of every type.
T = TypeVar("T")


@dataclass(frozen=True)
class TarRecords:
    """The records of uncompressed tars, one tar after the other.

    The headers are read once, when it is made; then a record is read by itself. It is safe among
    threads and pickles, and holds no file open.

    **Cost**: some 40 microseconds a file in a tar to open, 16 bytes of memory, and the keys.
    """

    files: tuple[File, ...]
    decode: bool = False
    keys: list[str] = field(init=False, repr=False, compare=False)
    fields: tuple[str, ...] = field(init=False, repr=False)
    # Shape (records, fields, 2): where each file begins, and its size.
    spans: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    # The index of the first record of each tar.
    starts: list[int] = field(init=False, repr=False, compare=False)
    sizes: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys: list[str] = []
        starts: list[int] = []
        spans: list[list[tuple[int, int]]] = []
        fields: tuple[str, ...] = ()
        for file in self.files:
            starts.append(len(keys))
            with opened_tar(file) as opened:
                for group in groups(opened, file, span):
                    fields = fields or tuple(group.parts)
                    spans.append(_in_order(group, fields, file))
                    keys.append(group.key)
        if not keys:
            raise _empty(self.files)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "spans", np.array(spans, np.int64))
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "sizes", [os.stat(file.path).st_size for file in self.files])

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def identity(self) -> str:
        """The name of the first tar, the number of tars and of records."""
        return f"{names_of('tar', self.files)}[{len(self)}]"

    def read(self, indices: Indices) -> list[dict[str, Any]]:
        """The records at `indices`; each tar that holds one is opened once."""
        found: list[dict[str, Any]] = [{}] * len(indices)
        tars = np.searchsorted(self.starts, indices, side="right") - 1
        for number in np.unique(tars).tolist():
            file = self.files[number]
            with open(file.path, "rb", buffering=0) as opened:
                self._check_size(opened.fileno(), number)
                for place in np.flatnonzero(tars == number).tolist():
                    found[place] = self._record(opened.fileno(), int(indices[place]), file)
        return found

    def _record(self, descriptor: int, index: int, file: File) -> dict[str, Any]:
        spans: list[list[int]] = self.spans[index].tolist()
        contents = [_bytes_at(descriptor, start, size, file) for start, size in spans]
        return _record(self.keys[index], self.fields, contents, file if self.decode else None)

    def _check_size(self, descriptor: int, number: int) -> None:
        # What stands where the index says would be anything.
        if os.fstat(descriptor).st_size != self.sizes[number]:
            raise _changed(self.files[number])


@dataclass(frozen=True)
class TarDrawn:
    """The records of tars that can only be drawn from: one is compressed at least, or far."""

    files: tuple[File, ...]
    decode: bool = False

    @property
    def identity(self) -> str:
        """The name of the first tar and their number."""
        return names_of("tar", self.files)

    @property
    def size(self) -> None:
        """Not known before the tars are read."""
        return None

    @property
    def is_endless(self) -> bool:
        """Tars end."""
        return False

    def draw(self, epoch: int) -> Iterator[dict[str, Any]]:
        """A fresh pass."""
        fields: tuple[str, ...] = ()
        for file in self.files:
            with opened_tar(file) as opened:
                for group in groups(opened, file, partial(content, opened)):
                    fields = fields or tuple(group.parts)
                    contents = _in_order(group, fields, file)
                    yield _record(group.key, fields, contents, file if self.decode else None)
                read_to_end(opened)
        if not fields:
            raise _empty(self.files)


def tar_source(places: Files, *, decode: bool = False) -> TarRecords | TarDrawn:
    """The records of tars: with random access where all are plain files of this machine.

    Raises:
        ArgumentError: no such file, no whole tar, or no records.
        RecordError: a record has other files than those before it, or one twice.
    """
    found = located(places, suffixes=TAR_SUFFIXES)
    is_plain = all(isinstance(file.opener, Local) and not is_compressed(file) for file in found)
    return (TarRecords if is_plain else TarDrawn)(found, decode)


def _bytes_at(descriptor: int, start: int, size: int, file: File) -> bytes:
    found = os.pread(descriptor, size, start)
    if len(found) == size:
        return found
    if not found:
        raise _changed(file)
    # The system gives 2 GiB at a time at most.
    return found + _bytes_at(descriptor, start + len(found), size - len(found), file)


def _changed(file: File) -> StorageError:
    return StorageError(
        f"the tar {str(file)!r} has changed since it was opened. Open it anew, or write new tars "
        "under new names."
    )


def _in_order(group: Group[T], fields: Sequence[str], file: File) -> list[T]:
    if group.parts.keys() == set(fields):
        return [group.parts[name] for name in fields]
    raise RecordError(
        f"the record {group.key!r} in {str(file)!r} has the files {sorted(group.parts)}, the "
        f"records before it have {sorted(fields)}. All records have the same files: write those "
        "with others to tars of their own."
    )


def _record(
    key: str, fields: Sequence[str], contents: Sequence[bytes], decoded_from: File | None
) -> dict[str, Any]:
    record: dict[str, Any] = {KEY: key}
    for name, encoded in zip(fields, contents, strict=True):
        record[name] = encoded
        if decoded_from is not None:
            record[name] = _decoded(encoded, name, key, decoded_from)
    return record


def _decoded(encoded: bytes, name: str, key: str, file: File) -> Any:
    decoder = DECODERS.get(name.rpartition(".")[2])
    if decoder is None:
        return encoded
    try:
        return decoder(encoded)
    except ImportError:
        raise
    except Exception as error:  # a decoder may raise anything
        raise RecordError(
            f"{name!r} of the record {key!r} in {str(file)!r} cannot be decoded: "
            f"{type(error).__name__}: {error}. Read it with decode=False to look at its bytes."
        ) from error


def _array(encoded: bytes) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(io.BytesIO(encoded), allow_pickle=False)
    return array


def _empty(files: Sequence[File]) -> ArgumentError:
    return ArgumentError(
        f"{', '.join(repr(str(file)) for file in files[:4])} holds no records. A record is the "
        'files of one name, such as "0001.jpg" and "0001.cls".'
    )


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "json": json.loads,
    **dict.fromkeys(("cls", "cls2", "index"), int),
    "txt": bytes.decode,
    "npy": _array,
    **dict.fromkeys(("jpg", "jpeg", "png"), pixels),
}
