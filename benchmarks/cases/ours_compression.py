"""Documentation stored compressed record by record: its size, and the speed of reading it."""

# Any, in this file: records are read as DataRefs give them.
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import zstandard

from benchmarks.case import Bench, Case
from benchmarks.documentation import MOST_BYTES, files, passages
from benchmarks.measure import Figures, expect, warm
from benchmarks.stored import VERSION, storage_at
from headrace.formats.compression.zstd import DEFAULT_LEVEL

TEXTS: dict[str, Callable[[int], list[str]]] = {"files": files, "passages": passages}
CODECS = {"plain": {}, "zstd": {"text": "zstd"}, "zstd:9": {"text": "zstd:9"}}
BLOCK = 1024
SINGLE = 2_000
SEED = 1


def _texts(bench: Bench, what: str) -> list[str]:
    return TEXTS[what](int(MOST_BYTES * bench.effort.scale))


def _stored(bench: Bench, what: str, codec: str) -> Any:
    name = f"{what}-{codec.replace(':', '-')}"
    storage = storage_at(bench.scratch / "compression", durable=False)
    if name not in storage.datasets():
        records = ({"text": text} for text in _texts(bench, what))
        storage.submit(records, name, VERSION, compress=CODECS[codec])
    warm(bench.scratch / "compression" / name)
    return storage.fetch(name, VERSION)


def _bytes(bench: Bench, what: str) -> int:
    return sum(len(text.encode()) for text in _texts(bench, what))


def _file_ratio(bench: Bench, what: str, codec: str) -> Figures:
    """All text over the shards' files, with all that they need to be read."""
    ref = _stored(bench, what, codec)
    folder = bench.scratch / "compression" / f"{what}-{codec.replace(':', '-')}" / "shards"
    expect(ref[len(ref) - 1]["text"] == _texts(bench, what)[-1], "another record came back")
    size_bytes = sum(path.stat().st_size for path in folder.iterdir())
    return {"value": _bytes(bench, what) / size_bytes, "unit": "x", "size_bytes": size_bytes}


def _alone_ratio(bench: Bench, what: str) -> Figures:
    """Each record by itself and without a dictionary, and nothing of a file around it."""
    compress = zstandard.ZstdCompressor(level=DEFAULT_LEVEL, write_checksum=False).compress
    size_bytes = sum(len(compress(text.encode())) for text in _texts(bench, what))
    return {"value": _bytes(bench, what) / size_bytes, "unit": "x", "size_bytes": size_bytes}


def _whole_ratio(bench: Bench, what: str) -> Figures:
    """All of it as one frame, of which no record can be read by itself."""
    joined = "".join(_texts(bench, what)).encode()
    size_bytes = len(zstandard.ZstdCompressor(level=DEFAULT_LEVEL).compress(joined))
    return {"value": len(joined) / size_bytes, "unit": "x", "size_bytes": size_bytes}


def _write(bench: Bench, what: str, codec: str) -> Figures:
    texts = _texts(bench, what)
    storage = storage_at(bench.scratch / "compressing", durable=False)
    started = time.perf_counter()
    storage.submit({"text": texts}, what, VERSION, compress=CODECS[codec], replace=True)
    elapsed = time.perf_counter() - started
    storage.delete(what, VERSION)
    storage.prune(grace_s=0)
    return {"value": _bytes(bench, what) / elapsed / 1e6, "unit": "MB/s", "elapsed_s": elapsed}


def _single(bench: Bench, what: str, codec: str) -> Figures:
    """One record after the other, from anywhere."""
    ref = _stored(bench, what, codec)
    indices = np.random.default_rng(SEED).integers(0, len(ref), SINGLE).tolist()
    started = time.perf_counter()
    for index in indices:
        ref[index]
    elapsed = time.perf_counter() - started
    return {"value": elapsed / SINGLE * 1e6, "unit": "us/record", "elapsed_s": elapsed}


def _blocks(bench: Bench, what: str, codec: str) -> Figures:
    """All records in a global shuffle, in blocks."""
    ref = _stored(bench, what, codec)
    order = np.random.default_rng(SEED).permutation(len(ref))
    ref.read(order[:BLOCK])
    started = time.perf_counter()
    for start in range(0, len(order), BLOCK):
        ref.read(order[start : start + BLOCK])
    elapsed = time.perf_counter() - started
    return {"value": _bytes(bench, what) / elapsed / 1e6, "unit": "MB/s", "elapsed_s": elapsed}


MEASURES = {"ratio": _file_ratio, "write": _write, "read blocks": _blocks, "ref[i]": _single}


def _case(what: str, measure: str, codec: str) -> Case:
    name = f"{what}, {measure}, {codec}"
    return Case("compression", name, lambda bench: MEASURES[measure](bench, what, codec))


def _cases(what: str) -> list[Case]:
    return [
        Case("compression", f"{what}, ratio, alone", lambda bench: _alone_ratio(bench, what)),
        Case("compression", f"{what}, ratio, one frame", lambda bench: _whole_ratio(bench, what)),
        *[_case(what, measure, codec) for measure in MEASURES for codec in CODECS],
    ]


CASES = [case for what in TEXTS for case in _cases(what)]
