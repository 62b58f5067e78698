"""torchdata's StatefulDataLoader with 2 workers, over the same Dataset as torch's."""

from __future__ import annotations

from functools import partial

from torchdata.stateful_dataloader import StatefulDataLoader

from benchmarks.case import Case
from benchmarks.cases.torch_memmap import read
from benchmarks.reading import WORKERS

CASES = [
    Case(
        f"workers {work}",
        "StatefulDataLoader",
        partial(read, work=work, workers=WORKERS, loader_kind=StatefulDataLoader),
    )
    for work in ("W1", "W3")
]
