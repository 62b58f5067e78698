"""A shard on its way into the blobs: digested and counted as it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

from headrace.contracts.blobs import Blobs, Bytes
from headrace.digests import Digest, Trust, new_digest
from headrace.formats.manifest.manifest import Shard, shard_key
from headrace.formats.manifest.placement import Placement


def write_shard(
    blobs: Blobs,
    folder: str,
    *,
    fill: Callable[[BinaryIO], Placement],
    rows: int,
    raw_bytes: Mapping[str, int],
    trust: Trust = "xxh3",
) -> Shard:
    """Writes one shard under the digest of what `fill` writes.

    `raw_bytes` are those of the columns that it compresses.
    """
    written: list[tuple[str, int, Placement]] = []

    def write(sink: BinaryIO) -> None:
        # Of this sink alone: blobs may begin once more.
        counted = _Digesting(sink, new_digest(trust))
        placement = fill(cast("BinaryIO", counted))
        written.append((counted.hexdigest(), counted.tell(), placement))

    blobs.write(lambda: shard_key(folder, written[-1][0]), write)
    digest, size_bytes, placement = written[-1]
    return Shard(digest, rows, size_bytes, placement, dict(raw_bytes))


class _Digesting:
    """A sink that also digests and counts what goes through it."""

    closed = False  # pyarrow asks

    def __init__(self, sink: BinaryIO, digest: Digest) -> None:
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

    def hexdigest(self) -> str:
        """The digest of them."""
        return self._digest.hexdigest()

    def flush(self) -> None:
        """Leaves flushing to whoever opened the sink."""

    def close(self) -> None:
        """Leaves closing to whoever opened the sink."""
