"""Bytes that gather on the local disk until they can be sent, under a key known at their end."""

from __future__ import annotations

import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.blobs.files import writing
from headrace.blobs.stores.failures import answer_of
from headrace.deferred import obstore

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from obstore.store import ObjectStore

# Larger blobs are sent in parts of this size, some at a time: this bounds the memory of a write.
PART_BYTES = 8 * 2**20
PARTS_AT_ONCE = 4
# What stores call parts that they do not know.
GONE = frozenset({"NoSuchUpload"})


class Gathering(io.RawIOBase):
    """A file to write to that has no name, so that it goes with the process at the latest.

    Only its own failures become StorageError: what else is raised while it is filled comes from
    the user's code and keeps its type.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.gettempdir())
        self.size_bytes = 0
        with writing(self._folder):
            self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, payload: ReadableBuffer, /) -> int:
        """Adds bytes at the end, all of them."""
        size_bytes = memoryview(payload).nbytes
        with writing(self._folder, self.size_bytes):
            self.file.write(payload)
        self.size_bytes += size_bytes
        return size_bytes

    def rewind(self) -> None:
        """Goes to the first byte, to be read by `file`."""
        with writing(self._folder, self.size_bytes):
            self.file.seek(0)

    def close(self) -> None:
        """Lets go of the file, which is gone then."""
        if not self.closed:
            super().close()
            # A full disk fails again here; the first failure has been raised already.
            with suppress(OSError):
                self.file.close()


def send(store: ObjectStore, key: str, gathering: Gathering) -> None:
    """Writes what was gathered as a blob, whose key names its content.

    Raises:
        BaseError: what obstore says, or FileNotFoundError.
        StorageError: the disk refuses.
    """
    gathering.rewind()
    try:
        obstore.put(
            store, key, gathering.file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )
    except FileNotFoundError as error:
        # Parts that were joined are no parts any more: so says the store where it is asked again,
        # because its first answer was lost.
        if answer_of(error).code not in GONE or not _is_there(store, key, gathering.size_bytes):
            raise


def _is_there(store: ObjectStore, key: str, size_bytes: int) -> bool:
    with suppress(FileNotFoundError):
        return bool(obstore.head(store, key)["size"] == size_bytes)
    return False
