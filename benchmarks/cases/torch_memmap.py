"""torch's DataLoader over a map-style Dataset that reads mapped files record by record."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS
from benchmarks.workloads import Field, Packed, Workload


class MappedDataset(Dataset[dict[str, Any]]):
    """Records of a workload; rows of arrays are views, which the collate copies once.

    They are rows of one tensor, because the collate is 1.4 times slower from NumPy rows.
    """

    def __init__(self, source: Workload) -> None:
        self.length = len(source)
        self.fields = {name: _field(field) for name, field in source.fields.items()}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: field[index] for name, field in self.fields.items()}


class CopiedDataset(Dataset[dict[str, Any]]):
    """The same as most write it: each row a copy, since torch warns of what is read-only."""

    def __init__(self, source: Workload) -> None:
        self.length = len(source)
        self.fields = source.fields

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: _copied(field[index]) for name, field in self.fields.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return np.array(value) if isinstance(value, np.ndarray) else value


class Numbers:
    """A flat array whose values are given as Python numbers."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: int) -> Any:
        return self.array[index].item()


def _field(field: Field) -> Any:
    if isinstance(field, Packed):
        return field
    if field.ndim == 1:
        return Numbers(field)
    with warnings.catch_warnings():
        # torch warns that a mapped file cannot be written to, and nobody does.
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(field)


def _fields(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with arrays in place of tensors."""
    return {
        name: value.numpy() if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }


def read(
    bench: Bench,
    work: str,
    workers: int,
    kind: type[Dataset[dict[str, Any]]] = MappedDataset,
    loader_kind: Any = DataLoader,
) -> Figures:
    """Records a second of a DataLoader, or of a class that is made like it."""
    torch.set_num_threads(1)
    source = bench.workload(work)
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    loader: Iterable[dict[str, Any]] = loader_kind(
        kind(source),  # type: ignore[call-arg]
        batch_size=source.shape.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return read_rate(
        lambda: loader,
        records=len(source),
        per_batch=source.shape.batch_size,
        check=lambda batch: source.check(_fields(batch)),
        effort=bench.effort,
    )


def _case(work: str, name: str, workers: int) -> Case:
    return Case(work, name, lambda bench: read(bench, work.split()[-1], workers))


CASES = [
    *[_case(work, "torch DataLoader", 0) for work in ("W1", "W2", "W3", "W4")],
    *[_case(f"workers {work}", "torch DataLoader", WORKERS) for work in ("W1", "W3")],
    *[
        Case(
            work,
            "torch DataLoader, rows copied",
            partial(read, work=work, workers=0, kind=CopiedDataset),
        )
        for work in ("W1", "W3")
    ],
]
