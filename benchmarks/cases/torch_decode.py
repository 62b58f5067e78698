"""torch's DataLoader with 2 workers that decode W2d."""

# Any, in this file: batches are dicts of tensors.
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader

from benchmarks.case import Bench
from benchmarks.decoding import BATCH, decode_cases, decoded
from benchmarks.reading import WORKERS, Records


@contextmanager
def _epochs(bench: Bench) -> Iterator[Callable[[], Any]]:
    torch.set_num_threads(1)
    records: Any = Records(bench, "W2", decoded)
    loader: Any = DataLoader(
        records, BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True
    )
    yield lambda: loader


CASES = decode_cases("torch DataLoader", _epochs)
