"""A plain parallel download of the files that headrace reads: W2, and whole shards of many."""

# Any, in this file: what comes from obstore.
from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import obstore
from obstore.store import S3Store

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, warm
from benchmarks.remote import Repeated, far
from benchmarks.serving import FileServer
from benchmarks.stored import stored, stored_repeated

# Of 4 and 8 MiB, and 8, 16 and 24 at once, none was clearly faster here.
PIECE_BYTES, PIECES_AT_ONCE = 8 * 2**20, 16


def _records(bench: Bench, *, keep: bool) -> Figures:
    """Records a second, were nothing done but to fetch the files that they are in."""
    ref = stored(bench, "W2")
    paths = _shards(bench, ref, range(len(ref)))
    counts, elapsed, size_bytes = _timed(bench, paths, keep=keep)
    rate = len(ref) / elapsed
    return {"value": rate, "unit": "records/s", "MB_per_s": size_bytes / elapsed / 1e6, **counts}


def _whole(bench: Bench) -> Figures:
    """Milliseconds to fetch the shards that hold some records."""
    ref = stored_repeated(bench)
    paths = _shards(bench, ref, Repeated(bench).chosen())
    counts, elapsed, size_bytes = _timed(bench, paths, keep=False)
    return {"value": elapsed * 1e3, "unit": "ms", "MB_per_s": size_bytes / elapsed / 1e6, **counts}


def _shards(bench: Bench, ref: Any, indices: Sequence[int]) -> list[Path]:
    """The files of the shards that some records are in."""
    manifest = ref.records.manifest
    ends = np.cumsum([shard.rows for shard in manifest.shards])
    numbers = np.unique(ends.searchsorted(indices, side="right")).tolist()
    folder = bench.scratch / "stored" / manifest.dataset / "shards"
    return [folder / f"{manifest.shards[number].digest}.arrow" for number in numbers]


def _timed(bench: Bench, paths: Sequence[Path], *, keep: bool) -> tuple[dict[str, int], float, int]:
    """What was counted, the seconds, and the bytes of the files."""
    warm(paths[0].parent)
    with far(bench) as (server, folder):
        started = time.perf_counter()
        with (folder / "all").open("wb", buffering=0) as file:
            for piece in _pieces(bench, server, paths):
                if keep:
                    file.write(piece)
        elapsed = time.perf_counter() - started
        counts = server.counts()
    size_bytes = sum(path.stat().st_size for path in paths)
    expect(counts["sent_bytes"] == size_bytes, f"{counts['sent_bytes']} of {size_bytes} bytes came")
    return counts, elapsed, size_bytes


def _pieces(bench: Bench, server: FileServer, paths: Sequence[Path]) -> Iterator[Any]:
    """All bytes of the files, in their order."""
    store = S3Store(bench.scratch.name, **server.storage_options)
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(PIECES_AT_ONCE) as pool:
        for path in paths:
            key, size_bytes = str(path.relative_to(bench.scratch)), path.stat().st_size
            for start in range(0, size_bytes, PIECE_BYTES):
                stop = min(start + PIECE_BYTES, size_bytes)
                piece = pool.submit(obstore.get_range, store, key, start=start, end=stop)
                waiting.append(piece)
                if len(waiting) == PIECES_AT_ONCE:
                    yield waiting.popleft().result()
        for piece in waiting:
            yield piece.result()


CASES = [
    Case("remote W2", "plain download, into a file", lambda bench: _records(bench, keep=True)),
    Case("remote W2", "limit: plain download", lambda bench: _records(bench, keep=False)),
    Case("remote sparse", "whole shards, plain download", _whole),
]
