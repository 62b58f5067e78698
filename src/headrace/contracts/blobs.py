"""The contract of stored bytes: whole blobs by key, written at once or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = "bytes | bytearray | memoryview"
# A read-only array of shape (size,) uint8 over the bytes of one blob.
Mapped: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BlobStat:
    """What a listing says of a blob: its key, size, and when it was last written."""

    key: str
    size_bytes: int
    modified_ns: int


@runtime_checkable
class Blobs(Protocol):
    """Bytes by key, where a key is a path of plain names joined by `/`.

    A blob appears whole or not at all, and what has returned is durable.

    Some attributes are optional. `is_remote: bool` says that a network lies between: single
    records are then read by `ranges`. Blobs that keep copies here have `ahead(sizes)`, which
    fetches what will be mapped, keys in their order with the size of each, and gives a plan to be
    closed; `has_file(key)`; `bound_bytes: int`, how many bytes of copies they may have; and
    `is_whole: bool`, whether nothing of theirs may be read by ranges.
    """

    @property
    def url(self) -> str:
        """Where the blobs are, as the user wrote it."""
        ...

    def get(self, key: str) -> bytes:
        """All bytes of a blob. Raises NotFound."""
        ...

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob, None where there is none."""
        ...

    def map(self, key: str) -> Mapped:
        """The bytes of a blob without copying them where possible. Raises NotFound."""
        ...

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """The bytes `starts[n]:ends[n]` of a blob, read-only, for each n.

        Raises:
            NotFound: there is no such blob.
            IntegrityError: it ends before one of them does.
        """
        ...

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a blob. Raises VersionExists where it exists and `replace` is not said."""
        ...

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a blob that `fill` gives piece by piece, under the key that is then known.

        A blob that is there already under that key is kept: keys of written blobs name their
        content. Returns the key.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes a blob; one that is not there is no error."""
        ...

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The blobs under a folder, in any order."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The names right under a folder that are folders themselves."""
        ...


def is_remote(blobs: Blobs) -> bool:
    """Whether a network lies between here and the blobs."""
    return bool(getattr(blobs, "is_remote", False))
