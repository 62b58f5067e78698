"""headrace reading from a store far away: W2 into an empty cache, and some records of many."""

# Any, in this file: loaders and DataRefs are used through their public methods alone.
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, warm
from benchmarks.remote import (
    CHOSEN,
    ROW_BYTES,
    SEED,
    Repeated,
    address,
    later_rate,
    pick_case,
    picked,
    stream_cases,
)
from benchmarks.serving import FileServer
from benchmarks.stored import REPEATED, VERSION, stored, stored_repeated
from headrace.formats.manifest.placement import spans_of
from headrace.formats.schema.schema import leaves_of

# Requests that are so far apart or farther are two.
GAP_BYTES = 2**20
# From a dataset to the order that it is read in.
Order = Callable[[Any], Any]


def far_storage(bench: Bench, server: FileServer, folder: Path) -> hr.Storage:
    """What this group has stored, by way of the server."""
    url = address(bench, "stored")
    return hr.Storage(url, storage_options=server.storage_options, cache_dir=folder)


def _by_shard(ref: Any) -> Any:
    """The shards in a random order, and the records of each."""
    return ref.shuffle(SEED, "blocks", window=1, block=ref.records.shard_records)


def _global(ref: Any) -> Any:
    return ref.shuffle(SEED)


@contextmanager
def _loading(ref: Any, order: Order, size: int) -> Iterator[Callable[[], Iterable[Any]]]:
    with hr.DataLoader(order(ref).stream().batch(size)) as loader:
        yield lambda: loader


@contextmanager
def _epochs(
    order: Order, bench: Bench, server: FileServer, folder: Path
) -> Iterator[Callable[[], Iterable[Any]]]:
    ref = far_storage(bench, server, folder).fetch("W2", VERSION)
    with _loading(ref, order, bench.workload("W2").shape.batch_size) as epoch:
        yield epoch


def _local(bench: Bench) -> Figures:
    """The same epochs of the storage that the server reads."""
    ref = stored(bench, "W2")
    warm(_written(bench))
    with _loading(ref, _by_shard, bench.workload("W2").shape.batch_size) as epoch:
        return later_rate(bench, epoch)


def _written(bench: Bench) -> Path:
    stored(bench, "W2")
    return bench.scratch / "stored" / "W2"


def _repeated(bench: Bench) -> Path:
    stored_repeated(bench)
    return bench.scratch / "stored" / REPEATED


def _pick(bench: Bench, server: FileServer, folder: Path, indices: Sequence[int]) -> Any:
    return far_storage(bench, server, folder).fetch(REPEATED, VERSION).read(indices)


def _sent(bench: Bench) -> Figures:
    """The bytes that came, the manifest left out, as a part of those of the records."""
    figures = picked(bench, _repeated, _pick)
    manifest_bytes = (_repeated(bench) / "versions" / f"{VERSION}.json").stat().st_size
    sent_bytes = figures["sent_bytes"] - manifest_bytes
    return {"value": sent_bytes / (CHOSEN * ROW_BYTES), "unit": "x", "sent_bytes": sent_bytes}


def _asked(bench: Bench) -> Figures:
    """The requests, the manifest's left out, as a part of the least that keeps to both bars."""
    requests = picked(bench, _repeated, _pick)["requests"] - 1
    least, joined = _least(bench)
    value = requests / least
    return {"value": value, "unit": "x", "requests": requests, "least": least, "joined": joined}


def _least(bench: Bench) -> tuple[int, int]:
    """The requests with gaps below 1 MiB read over: within twice the bytes, and whatever comes."""
    manifest = stored_repeated(bench).records.manifest
    indices = np.sort(Repeated(bench).chosen())
    ends = np.cumsum([shard.rows for shard in manifest.shards])
    least = joined = 0
    for number, shard in enumerate(manifest.shards):
        first = int(ends[number]) - shard.rows
        rows = indices[(indices >= first) & (indices < ends[number])] - first
        if not len(rows):
            continue
        gaps, wanted_bytes = _gaps(shard, rows)
        near = gaps[gaps <= GAP_BYTES]
        joined += 1 + len(gaps) - len(near)
        least += 1 + len(gaps) - int((np.cumsum(near) <= wanted_bytes).sum())
    return least, joined


def _gaps(shard: Any, rows: Any) -> tuple[Any, int]:
    """The gaps between the wanted bytes of a shard, the smallest in front, and these bytes."""
    leaves = leaves_of(shard.buffers.schema)
    spans = spans_of(shard.buffers, shard.size_bytes)
    columns = list(zip(leaves, (own["values"][0] for own in spans), strict=True))
    begins = np.concatenate([begin + rows * leaf.row_bytes for leaf, begin in columns])
    lengths = np.concatenate([np.full(len(rows), leaf.row_bytes) for leaf, _ in columns])
    order = begins.argsort()
    ends = (begins + lengths)[order]
    return np.sort(begins[order][1:] - ends[:-1]), int(lengths.sum())


CASES = [
    *stream_cases("headrace", _written, partial(_epochs, _by_shard)),
    *stream_cases("headrace, global shuffle", _written, partial(_epochs, _global)),
    Case("remote W2 again", "headrace, local", _local),
    pick_case("headrace", _repeated, _pick),
    Case("remote sparse", "headrace: bytes", _sent),
    Case("remote sparse", "headrace: requests", _asked),
]
