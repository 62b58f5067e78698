"""Records that ask for it are told what comes: in order, bounded, and seldom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Indices
from headrace.engine.telling import Teller

# Any, in this file: whatever a loader gives.

COUNT = 1000
AHEAD = 160


class Told:
    """Numbers that note what they are told and what is read."""

    ahead_positions = AHEAD
    read_ahead = 8

    def __init__(self) -> None:
        self.told: list[tuple[list[int], int]] = []
        self.reads: list[list[int]] = []

    def __len__(self) -> int:
        return COUNT

    def ahead(self, indices: Indices, *, left: int) -> None:
        self.told.append((indices.tolist(), left))

    def read(self, indices: Indices) -> list[int]:
        self.reads.append(indices.tolist())
        known = {index for told, _ in self.told for index in told}
        assert set(indices.tolist()) <= known, "each read was told before"
        return [int(index) for index in indices]


def test_what_comes_is_told_in_order_before_it_is_read() -> None:
    records = Told()
    ref = hr.DataRef(records).shuffle(seed=3)
    order = ref.stream().collect()
    assert len(order) == COUNT
    first, left = records.told[0]
    assert (first, left) == (order[:AHEAD], COUNT)
    for known, left in records.told:
        start = COUNT - left
        assert known == order[start : start + AHEAD]


def test_it_is_told_once_for_many_reads() -> None:
    records = Told()
    hr.DataRef(records).shuffle(seed=3).stream().collect()
    assert len(records.reads) == COUNT // 8
    assert len(records.told) <= 1 + len(records.reads) // 2


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(3)], ids=["inline", "threads"])
def test_a_rank_is_told_what_it_reads(backend: Any) -> None:
    records = Told()
    stream = hr.DataRef(records).shuffle(seed=3).shard(1, 4).stream().batch(8)
    with hr.DataLoader(stream, backend=backend) as loader:
        given = [int(number) for batch in loader for number in batch]
    assert (given[:AHEAD], COUNT // 4) in records.told


def test_a_thread_that_comes_late_is_told_what_lies_before() -> None:
    records = Told()
    order = hr.DataRef(records).order
    teller = Teller(records, order, epoch=0)
    for start in (16, 0, 8, 24, 16):
        teller.before(start, start + 8)
        records.read(order.at(0, np.arange(start, start + 8)))
    assert [told[0] for told, _ in records.told][:2] == [16, 0]
    assert len(records.told) <= 3


def test_a_resumed_run_is_told_from_its_place_on() -> None:
    stream = hr.DataRef(Told()).shuffle(seed=3).stream().batch(10)
    loader = hr.DataLoader(stream)
    waiting = iter(loader)
    for _ in range(30):
        next(waiting)
    records = Told()
    again = hr.DataLoader(hr.DataRef(records).shuffle(seed=3).stream().batch(10))
    again.load_state_dict(loader.state_dict())
    rest = [int(number) for batch in again for number in batch]
    assert records.told[0] == (rest[:AHEAD], COUNT - 300)


def test_members_of_a_concat_are_told_their_own_indices() -> None:
    first, second = Told(), Told()
    both = hr.concat([hr.DataRef(first), hr.DataRef(second)])
    assert both.stream().collect() == [*range(COUNT), *range(COUNT)]
    assert first.told[0] == (list(range(AHEAD)), 2 * COUNT)
    assert second.told[-1][0] == np.arange(COUNT)[-len(second.told[-1][0]) :].tolist()


def test_members_of_a_zip_are_told_their_own_indices() -> None:
    first, second = Told(), Told()
    one, other = hr.DataRef(first).shuffle(seed=1), hr.DataRef(second)
    pairs = one.stream().zip(other.stream()).collect()
    assert first.told[0] == ([left for left, _ in pairs[:AHEAD]], COUNT)
    assert second.told[0] == (list(range(AHEAD)), COUNT)
