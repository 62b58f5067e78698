"""LitData reading from a store far away, by its S3 client."""

# Any, in this file: batches are dicts of tensors and lists.
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import litdata
import torch
from litdata.streaming import downloader

from benchmarks.case import Bench
from benchmarks.cases.litdata_workers import record, stored
from benchmarks.reading import WORKERS
from benchmarks.remote import Repeated, address, pick_case, stream_cases
from benchmarks.serving import FileServer

REPEATED = "repeated"
# Its obstore refuses what is not https, and it has no option for that.
downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = True


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record with bytes in place of a view of the chunk, which would not be collated."""
    return {name: bytes(value) if name == "jpeg" else value for name, value in record.items()}


def _written(bench: Bench) -> Path:
    return stored(bench, "W2")


def _repeated(bench: Bench) -> Path:
    path = bench.scratch / REPEATED
    if not path.exists():
        records = Repeated(bench)
        litdata.optimize(
            partial(record, records),
            list(range(len(records))),
            str(path),
            num_workers=1,
            chunk_bytes=records.shard_bytes,
            verbose=False,
        )
    return path


def _open(bench: Bench, server: FileServer, folder: Path, work: str, *, shuffle: bool) -> Any:
    os.environ.update(server.environment)
    options = {"endpoint_url": server.url}
    url = address(bench, work)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return litdata.StreamingDataset(
            url,
            cache_dir=str(folder),
            storage_options=options,
            shuffle=shuffle,
            transform=_plain,
        )


@contextmanager
def _epochs(
    bench: Bench, server: FileServer, folder: Path
) -> Iterator[Callable[[], Iterable[Any]]]:
    torch.set_num_threads(1)
    loader = litdata.StreamingDataLoader(
        _open(bench, server, folder, "W2", shuffle=True),
        batch_size=bench.workload("W2").shape.batch_size,
        num_workers=WORKERS,
        persistent_workers=True,
        # As in a program that only reads: to write, it has set another method for the process.
        multiprocessing_context="fork",
    )
    yield lambda: loader


def _pick(bench: Bench, server: FileServer, folder: Path, indices: Sequence[int]) -> list[Any]:
    records = _open(bench, server, folder, REPEATED, shuffle=False)
    return [records[index] for index in indices]


CASES = [
    # Not in this process: once obstore was used here, workers that are forked do without it.
    *stream_cases(f"LitData, {WORKERS} workers", _written, _epochs),
    pick_case("LitData", _repeated, _pick),
]
