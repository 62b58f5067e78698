"""Loaders with a ledger, and what an audit found in few words."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headrace as hr

# Any, in this file: batches of every type.
Make = Callable[..., hr.DataLoader[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def make(folder: Path) -> Make:
    """A loader over 103 shuffled records in batches of 4, with the ledger of this test."""

    def made(size: int = 103, **parameters: Any) -> hr.DataLoader[Any]:
        stream = hr.DataRef.from_sequence(range(size)).shuffle(seed=7).stream().batch(4)
        return hr.DataLoader(stream, ledger=hr.Ledger(folder), **parameters)

    return made


def told(path: Any, epoch: int = 0) -> dict[str, int]:
    """The numbers of an epoch that are not 0, but for `positions`."""
    found = next(one for one in hr.audit(path).epochs if one.epoch == epoch)
    numbers = {
        "delivered": found.delivered,
        "repeated": found.repeated.count,
        "lost": found.lost.count,
        "doubled": found.doubled.count,
        "padding": found.padding,
        "dropped": found.dropped,
        "finished": int(found.has_finished),
    }
    return {name: number for name, number in numbers.items() if number}


def next_millisecond() -> None:
    """Returns when a millisecond has passed: ledgers tell times apart by these."""
    until = time.time_ns() + 1_000_000
    while time.time_ns() < until:
        pass
