"""The stages of the facade's own, by the suite that every stage runs; and where steps move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import headrace as hr
from headrace.compat.squirrel.iterstream import IterableSource
from headrace.compat.squirrel.iterstream.chaining import moved
from headrace.compat.squirrel.iterstream.looping import Counted, Loops
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker
from headrace.compat.squirrel.iterstream.watched import Watched
from headrace.contracts.errors import ArgumentError, RankError
from headrace.stages import AsyncMap, Batch, Enumerate, Filter, Map, Shard, Shuffle, Take
from headrace.testing import check_stage


def seen(records: Iterator[Any]) -> Iterator[Any]:
    yield from records


def test_watched_conforms() -> None:
    check_stage(lambda stream: stream.apply(Watched(seen)), seen)
    check_stage(lambda stream: stream.filter(lambda x: x % 3).apply(Watched(seen)).map(str))


def test_counted_conforms() -> None:
    loops = Loops()
    check_stage(lambda stream: stream.apply(Counted(loops)), seen)
    check_stage(lambda stream: stream.apply(Counted(loops)).repeat(2))


# What a step may be moved before; the split of a rank keeps the lengths of ranks equal.
two = ByRank(sent=(1, 2))
shard = Shard(1, 2)
mapped, later, kept = Map(str), AsyncMap(str), Filter(bool)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([mapped, two, later], [shard, mapped, later], id="rank before map"),
        pytest.param([later, Shuffle(5), two], [Shuffle(5), shard, later], id="rank and shuffle"),
        pytest.param([later, Take(5)], [Take(5), later], id="take before async_map"),
        pytest.param([kept, two], [kept, shard], id="no rank before filter"),
        pytest.param([Batch(2), mapped, two], [Batch(2), shard, mapped], id="no rank before batch"),
        pytest.param([Enumerate(), two], [Enumerate(), shard], id="no rank before numbers"),
        pytest.param([Take(5), two], [Take(5), shard], id="no rank before take"),
        pytest.param([mapped, ByWorker()], [mapped], id="no worker outside of one"),
    ],
)
def test_steps_move_as_far_as_they_mean_the_same(steps: Any, expected: Any) -> None:
    assert moved(steps) == expected


def test_s_b9_a_rank_runs_nothing_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    ran: list[int] = []

    def noted(number: int) -> int:
        ran.append(number)
        return number

    source = IterableSource(range(40))
    for chain in (
        source.map(noted).split_by_rank_pytorch(),
        source.async_map(noted).split_by_rank_pytorch(),
        source.map(noted).monitor(len).shuffle(seed=1).split_by_rank_pytorch(),
        IterableSource(iter(range(40))).map(noted).split_by_rank_pytorch(),
    ):
        ran.clear()
        assert sorted(chain.collect()) == sorted(ran)
        assert len(ran) == 10


def test_s_b12_the_rank_is_that_of_the_moment_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = IterableSource(range(6)).split_by_rank_pytorch()
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert chain.collect() == list(range(rank, 6, 2))


def test_s_b12_a_group_by_name_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must be a process group, got the text 'world'"):
        IterableSource([1]).split_by_rank_pytorch("world")


def test_a_rank_outside_of_its_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        outside = torch.distributed.GroupMember.NON_GROUP_MEMBER
        with pytest.raises(RankError, match="a process group that this process is not in"):
            IterableSource([1]).split_by_rank_pytorch(outside).collect()
        assert IterableSource([1, 2]).split_by_rank_pytorch().collect() == [1, 2]
    finally:
        torch.distributed.destroy_process_group()


def test_a_stream_of_headrace_and_a_dataref_are_sources() -> None:
    ref = hr.DataRef.from_sequence(range(9))

    def texts(source: Any) -> list[Any]:
        return IterableSource(source).map(str).collect()

    assert texts(ref[3:6]) == texts(hr.stream([3, 4, 5])) == ["3", "4", "5"]
