"""Hugging Face datasets: NumPy format, shuffled by an index mapping, read in batches."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate, settle, warm
from benchmarks.sizes import Effort
from benchmarks.workloads import Field, Packed, Workload

datasets.disable_progress_bars()

FEATURES = {
    "W1": {
        "tokens": datasets.Sequence(datasets.Value("int32"), length=512),
        "label": datasets.Value("int64"),
    },
    "W2": {"jpeg": datasets.Value("binary"), "label": datasets.Value("int64")},
    "W3": {"image": datasets.Array3D((96, 96, 3), "float32")},
    "W4": {
        "id": datasets.Value("int64"),
        "x": datasets.Sequence(datasets.Value("float32"), length=16),
        "text": datasets.Value("string"),
    },
}


def _records(data_folder: str, effort: dict[str, Any], work: str) -> Iterator[dict[str, Any]]:
    # Plain arguments, because datasets fingerprints them.
    bench = Bench(Path(data_folder), Path(), Effort(**effort))
    yield from bench.workload(work).records()


def _fill(bench: Bench, work: str, folder: Path) -> datasets.Dataset:
    return datasets.Dataset.from_generator(
        _records,
        features=datasets.Features(FEATURES[work]),
        cache_dir=str(folder),
        gen_kwargs={
            "data_folder": str(bench.data_folder),
            "effort": asdict(bench.effort),
            "work": work,
        },
    )


def _stored(bench: Bench, work: str) -> Path:
    path = bench.scratch / work
    if not path.exists():
        building = bench.scratch / f"{work}.building"
        _fill(bench, work, building).save_to_disk(str(path))
        shutil.rmtree(building)
    return path


def _fields(batch: dict[str, Any], source: Workload) -> dict[str, Any]:
    """The batch with lists of objects and strings, and whole numbers as wide as they were.

    The NumPy format of datasets gives every whole number as int64.
    """
    return {name: _plain(value, source.fields[name]) for name, value in batch.items()}


def _plain(value: Any, field: Field) -> Any:
    if isinstance(field, Packed):
        return value.tolist()
    return value.astype(field.dtype) if value.dtype == np.int64 else value


def _read(bench: Bench, work: str) -> Figures:
    source = bench.workload(work)
    path = _stored(bench, work)
    warm(path)
    stored = datasets.load_from_disk(str(path)).with_format("numpy")
    seeds = iter(range(1, 1 << 30))

    def epoch() -> Iterator[dict[str, Any]]:
        shuffled = stored.shuffle(seed=next(seeds), keep_in_memory=True)
        return iter(shuffled.iter(batch_size=source.shape.batch_size))

    return read_rate(
        epoch,
        records=len(source),
        per_batch=source.shape.batch_size,
        check=lambda batch: source.check(_fields(batch, source)),
        effort=bench.effort,
    )


def _write(bench: Bench, work: str) -> Figures:
    source = bench.workload(work)
    folder = bench.scratch / "write"
    shutil.rmtree(folder, ignore_errors=True)
    settle()
    started = time.perf_counter()
    written = _fill(bench, work, folder)
    elapsed = time.perf_counter() - started
    expect(len(written) == len(source), "datasets has not all records")
    last = written.with_format("numpy")[len(source) - 1]
    name = next(iter(source.fields))
    expect(np.array_equal(last[name], source.fields[name][-1]), "datasets has another last row")
    del written
    shutil.rmtree(folder)
    return {"value": len(source) / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _case(work: str, name: str, run: Callable[[Bench, str], Figures]) -> Case:
    prefix = "write " if run is _write else ""
    return Case(prefix + work, name, lambda bench: run(bench, work))


CASES = [
    *[_case(work, "HF datasets", _read) for work in ("W1", "W2", "W3", "W4")],
    *[_case(work, "HF datasets, no fsync", _write) for work in ("W1", "W4")],
]
