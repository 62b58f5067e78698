"""What of a chain becomes order, runs in tasks, and runs beside the consumer."""

from __future__ import annotations

from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.engine import plan

# Any, in this file: chains of every record type.


def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("build", "wheres", "unit"),
    [
        (lambda s: s.map(same).shuffle(5, 1).repeat(2).take(9), "task order order order", 1),
        (lambda s: s.map(same).take(9).repeat(2), "task order chains", 1),
        (lambda s: s.map(same).batch(4).map(same).batch(2), "task task task task", 8),
        (lambda s: s.filter(same).map(same).batch(4).map(same), "task task consumer consumer", 1),
        (lambda s: s.filter(same).shuffle(4, 1).map(same), "task task task", 4),
        (lambda s: s.batch(3).shuffle(4, 1), "task task", 12),
        (lambda s: s.enumerate().take(3), "task consumer", 1),
        (lambda s: s.filter(same).enumerate(), "task consumer", 1),
        (lambda s: s.filter(same).repeat(2).map(same), "task chains consumer", 1),
        (lambda s: s.zip(s).shuffle(3, 1), "order order", 1),
        (lambda s: s.take(3).shard(0, 2), "order consumer", 1),
        (lambda s: s.batch(4).rebatch(3), "task consumer", 4),
    ],
)
def test_each_stage_finds_its_place(build: Any, wheres: str, unit: int) -> None:
    plan = build(hr.stream(range(100))).node.plan
    assert " ".join(plan.wheres) == wheres
    assert plan.segment.unit == unit


@pytest.mark.parametrize(
    ("build", "wheres"),
    [
        (lambda s: s.skip(2).take(3).map(same), "order order task"),
        (lambda s: s.shuffle(3, 1), "task"),
        (lambda s: s.shard(0, 2), "consumer"),
        (lambda s: s.repeat(2), "chains"),
    ],
)
def test_a_source_without_random_access_can_only_be_cut(build: Any, wheres: str) -> None:
    plan = build(hr.stream(lambda: iter(range(9)))).node.plan
    assert " ".join(plan.wheres) == wheres


def test_ranks_of_a_run_stride_every_kind_of_source() -> None:
    streams: list[Any] = [hr.stream(range(10)), hr.stream(lambda: iter(range(10))).skip(1)]
    for stream in streams:
        whole = stream.collect()
        for rank in range(3):
            run = Run(rank=rank, world_size=3)
            cursor = stream.map(same).node.open(run)
            found = list(cursor.read(99))
            expected = range(rank, 10, 3)
            skipped = list(expected)[10 - len(whole) :]
            assert found == skipped
            cursor.close()


def test_joining_in_a_row_plans_each_chain_once(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[int] = []
    place = plan._place

    def counted(*arguments: Any) -> Any:
        placed.append(1)
        return place(*arguments)

    monkeypatch.setattr(plan, "_place", counted)
    stream = hr.stream([0]).filter(lambda x: True)
    for number in range(12):
        stream = stream.concat(hr.stream([number]).map(same))
    assert len(stream.collect()) == 13
    assert len(placed) < 12**2


@pytest.mark.parametrize(
    "join",
    [
        lambda s: s.cache(),
        lambda s: s.through(lambda records: records),
        lambda s: s.concat(hr.stream(range(3))),
        lambda s: s.fork(2)[0],
    ],
    ids=["cache", "through", "concat", "fork"],
)
def test_seeded_stages_behind_whole_chains_find_the_seed_of_the_shuffle(join: Any) -> None:
    stream = join(hr.DataRef.from_sequence(range(10)).shuffle(seed=7).stream())
    drawn = stream.map(lambda x, rng: (x, int(rng.integers(1 << 30))), seeded=True)
    assert drawn.collect() == drawn.collect()


def test_a_windowed_shuffle_takes_the_seed_of_the_shuffle_before_it() -> None:
    ref = hr.DataRef.from_sequence(range(20)).shuffle(seed=7)
    assert ref.stream().shuffle(5).collect() == ref.stream().shuffle(5, seed=7).collect()
