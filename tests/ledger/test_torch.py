"""A loader with a ledger and torch's workers."""

from __future__ import annotations

from pathlib import Path

import pytest

import headrace as hr
from headrace.adapters.torch import IterableDataset
from headrace.contracts.errors import StreamError


def test_workers_of_torch_are_refused_a_ledger(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    loader = hr.DataLoader(hr.stream(range(8)).batch(2), ledger=hr.Ledger(folder))
    batches = IterableDataset(loader)
    workers = torch.utils.data.DataLoader(
        batches, batch_size=None, num_workers=1, multiprocessing_context="spawn"
    )
    with pytest.raises(StreamError, match="torch's workers, which cannot note them"):
        iter(workers)

    assert len(list(torch.utils.data.DataLoader(batches, batch_size=None))) == 4
    assert hr.audit(folder).is_proven
