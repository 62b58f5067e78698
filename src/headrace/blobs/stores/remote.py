"""Files of object stores and web servers, read range by range."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from headrace.blobs.showable import showable
from headrace.blobs.stores.addresses import asking, located_in
from headrace.blobs.stores.options import Options, with_timeout
from headrace.contracts.errors import StorageError
from headrace.deferred import obstore, obstore_exceptions

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Any, in this file: what obstore answers has no public type.

# Large enough that the way to the store does not count, small enough for many files at once.
PIECE_BYTES = 8 * 2**20
BUFFER_BYTES = 64 * 2**10
# A range is here within the limit that obstore sets; a file that comes in one answer takes as
# long as its reader does.
WHOLE_TIMEOUT = "24h"
# The status of an answer, which obstore has no class of error for.
NO_SUCH_RANGE = "416"


@dataclass(frozen=True)
class Remote:
    """Opens a file of a store or server; each time it is read anew, range by range.

    A server that knows no ranges gives the file in one answer; to go back in it is to ask again.
    """

    # Of both, a part may be secret.
    url: str = field(repr=False)
    options: Options = field(default=(), repr=False)

    def __call__(self) -> BinaryIO:
        return io.BufferedReader(_Reading(self), BUFFER_BYTES)


class _Reading(io.RawIOBase):
    """The bytes of a remote file; one piece of them is in memory."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote
        self._at = 0
        self._start, self._piece = 0, memoryview(b"")
        with asking(remote.url, remote.options):
            self._pieces = _pieces_of(remote)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._pieces.size}
        self._at = origins[whence] + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer).cast("B") as view:
            wanted = min(len(view), self._pieces.size - self._at)
            if wanted <= 0:
                return 0
            if not self._start <= self._at < self._start + len(self._piece):
                with asking(self._remote.url, self._remote.options):
                    self._start, self._piece = self._pieces.at(self._at, wanted)
            found = self._piece[self._at - self._start :][:wanted]
            view[: len(found)] = found
        self._at += len(found)
        return len(found)


class _Pieces(Protocol):
    """The pieces of a file by the positions in them."""

    size: int

    def at(self, position: int, wanted: int) -> tuple[int, memoryview]:
        """Where a piece begins that holds the position, and its bytes."""
        ...


class _Ranges:
    """Pieces that are asked for one by one."""

    def __init__(self, store: Any, key: str, first: Any) -> None:
        self.size = int(first.meta["size"])
        self._store, self._key = store, key
        # Asked for, and read when a byte of it is wanted.
        self._first = first
        tag = first.meta["e_tag"] or ""
        # One piece of each of two files would be a third that nobody wrote. Weak tags never match.
        self._match = {"if_match": tag} if tag and not tag.startswith("W/") else {}

    def at(self, position: int, wanted: int) -> tuple[int, memoryview]:
        answer, self._first = self._first, None
        if answer is None or position:
            stop = min(self.size, position + max(wanted, PIECE_BYTES))
            options: Any = {"range": (position, stop), **self._match}
            answer = obstore.get(self._store, self._key, options=options)
        return position, memoryview(answer.bytes())


class _Whole:
    """The pieces of one answer, in the order in which they come."""

    def __init__(self, remote: Remote) -> None:
        self._url = remote.url
        self._options = with_timeout(remote.options, WHOLE_TIMEOUT)
        self._start = 0
        self._coming: Iterator[Any] = iter(())
        self.size = self._ask()

    def at(self, position: int, wanted: int) -> tuple[int, memoryview]:
        if position < self._start:
            self._ask()
        for piece in self._coming:
            start, self._start = self._start, self._start + len(piece)
            if position < self._start:
                return start, memoryview(piece)
        raise StorageError(
            f"{showable(self._url)} was to be read, and ends after {self._start:,} of "
            f"{self.size:,} bytes. Read it again."
        )

    def _ask(self) -> int:
        answer = obstore.get(*located_in(self._url, self._options))
        self._start, self._coming = 0, iter(answer.stream(min_chunk_size=PIECE_BYTES))
        return int(answer.meta["size"])


class _Nothing:
    """The pieces of an empty file."""

    size = 0

    def at(self, position: int, wanted: int) -> tuple[int, memoryview]:
        return position, memoryview(b"")


def _pieces_of(remote: Remote) -> _Pieces:
    store, key = located_in(remote.url, remote.options)
    try:
        first = obstore.get(store, key, options={"range": (0, PIECE_BYTES)})
    except obstore_exceptions.NotSupportedError:
        return _Whole(remote)
    except obstore_exceptions.BaseError as error:
        # No range begins in an empty file. What else there is is no reason to ask again.
        if NO_SUCH_RANGE not in str(error) or obstore.head(store, key)["size"]:
            raise
        return _Nothing()
    return _Ranges(store, key, first)
