"""MosaicML Streaming reading from a store far away, by its S3 client."""

# Any, in this file: the library has no types, and batches are dicts of tensors and lists.
from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.utils.data import DataLoader

from benchmarks.case import Bench
from benchmarks.reading import WORKERS, Records
from benchmarks.remote import Repeated, address, pick_case, stream_cases
from benchmarks.serving import FileServer

W2_FIELDS = {"jpeg": "bytes", "label": "int"}
W1_FIELDS = {"tokens": "ndarray:int32:512", "label": "int"}
# Its own default.
SHARD_BYTES = 2**26
REPEATED = "repeated"


def _imported() -> Any:
    """The library, without its ready datasets and its loader.

    These import torchvision and transformers; neither its writer nor its dataset needs them.
    """
    for name in ("base.dataloader", "multimodal", "text", "vision"):
        sys.modules[f"streaming.{name}"] = ModuleType(name)
    vars(sys.modules["streaming.base.dataloader"])["StreamingDataLoader"] = None
    return import_module("streaming")


STREAMING = _imported()


def _written(bench: Bench) -> Path:
    return _write(bench, "W2", Records(bench, "W2"), W2_FIELDS, SHARD_BYTES)


def _repeated(bench: Bench) -> Path:
    records = Repeated(bench)
    return _write(bench, REPEATED, records, W1_FIELDS, records.shard_bytes)


def _write(bench: Bench, name: str, records: Any, fields: dict[str, str], shard_bytes: int) -> Path:
    path = bench.scratch / name
    if not path.exists():
        with STREAMING.MDSWriter(out=str(path), columns=fields, size_limit=shard_bytes) as writer:
            for index in range(len(records)):
                writer.write(records[index])
    return path


def _open(
    bench: Bench, server: FileServer, folder: Path, name: str, *, batch_size: int, shuffle: bool
) -> Any:
    os.environ.update(server.environment)
    # It remembers the folders of all that were opened in this process.
    local = tempfile.mkdtemp(dir=folder)
    return STREAMING.StreamingDataset(
        remote=address(bench, name), local=local, batch_size=batch_size, shuffle=shuffle
    )


@contextmanager
def _epochs(
    workers: int, bench: Bench, server: FileServer, folder: Path
) -> Iterator[Callable[[], Iterable[Any]]]:
    torch.set_num_threads(1)
    size = bench.workload("W2").shape.batch_size
    records = _open(bench, server, folder, "W2", batch_size=size, shuffle=True)
    loader: Any = DataLoader(records, size, num_workers=workers, persistent_workers=workers > 0)
    yield lambda: loader


def _pick(bench: Bench, server: FileServer, folder: Path, indices: Sequence[int]) -> list[Any]:
    records = _open(bench, server, folder, REPEATED, batch_size=1, shuffle=False)
    return [records[index] for index in indices]


CASES = [
    *stream_cases("MosaicML Streaming", _written, partial(_epochs, 0)),
    *stream_cases(f"MosaicML Streaming, {WORKERS} workers", _written, partial(_epochs, WORKERS)),
    pick_case("MosaicML Streaming", _repeated, _pick),
]
