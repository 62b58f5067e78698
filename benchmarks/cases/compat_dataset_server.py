"""dataset_server's documented loader, through `headrace.compat`: one worker, arrays."""

# Any, in this file: records and batches are lists of arrays.
from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate
from headrace.compat.dataset_server import DataLoader

# What dataset_server was measured with.
RECORDS, BATCH, NUMBERS = 20_000, 8, 10


class Arrays:
    """Records of one array of ten numbers, each one's first number its index."""

    def __init__(self, **params: Any) -> None:
        self.records = np.arange(params["records"])[:, None] + np.arange(NUMBERS)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> list[Any]:
        return [self.records[index]]


def _loader(records: int) -> DataLoader:
    return DataLoader(
        dataset_class=Arrays,
        dataset_params={"records": records},
        batch_size=BATCH,
        nb_worker=1,
        shuffle=True,
    )


def _rate(bench: Bench) -> Figures:
    records = bench.effort.records(RECORDS)
    with _loader(records) as loader:
        return read_rate(
            lambda: loader, records=records, per_batch=BATCH, check=_check, effort=bench.effort
        )


def _start(bench: Bench) -> Figures:
    """Seconds from the construction to the first batch."""
    began = time.perf_counter()
    with _loader(bench.effort.records(RECORDS)) as loader:
        _check(next(loader))
        return {"value": time.perf_counter() - began, "unit": "s"}


def _check(batch: list[Any]) -> None:
    (array,) = batch
    expect(array.shape == (BATCH, NUMBERS), f"the first batch has the shape {array.shape}")
    wanted = array[:, :1] + np.arange(NUMBERS)
    expect(bool((array == wanted).all()), "the first batch is not of the rows it names")
    expect(array[:, 0].tolist() != list(range(BATCH)), "the first batch is not shuffled")


CASES = [
    Case("compat dataset_server", "headrace", _rate),
    Case("compat dataset_server", "headrace, to the first batch", _start),
]
