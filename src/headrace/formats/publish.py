"""A shard on its way into the blobs: digested and counted as it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, cast

import xxhash

from headrace.contracts.blobs import Blobs, Bytes
from headrace.formats.manifest import Shard, shard_key


def write_shard(blobs: Blobs, folder: str, *, fill: Callable[[BinaryIO], None], rows: int) -> Shard:
    """Writes one shard under the digest of what `fill` writes."""
    digest = xxhash.xxh3_128()
    sizes: list[int] = []

    def write(sink: BinaryIO) -> None:
        counted = _Digesting(sink, digest)
        fill(cast("BinaryIO", counted))
        sizes.append(counted.tell())

    blobs.write(lambda: shard_key(folder, digest.hexdigest()), write)
    return Shard(digest.hexdigest(), rows, sizes[-1])


class _Digesting:
    """A sink that also digests and counts what goes through it."""

    closed = False  # pyarrow asks

    def __init__(self, sink: BinaryIO, digest: xxhash.xxh3_128) -> None:
        self._sink = sink
        self._digest = digest
        self._size_bytes = 0

    def write(self, piece: Bytes) -> int:
        """Writes and digests `piece`."""
        view = memoryview(piece)
        self._digest.update(view)
        self._sink.write(view)
        self._size_bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """The bytes written so far."""
        return self._size_bytes

    def flush(self) -> None:
        """Leaves flushing to whoever opened the sink."""

    def close(self) -> None:
        """Leaves closing to whoever opened the sink."""
