"""The union over workers and ranks is the whole, and nothing comes twice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.compat.torchdata.dataloader2.pipes import Passing, is_even

import headrace as hr
from headrace.compat.torchdata.dataloader2 import (
    DataLoader2,
    DistributedReadingService,
    MultiProcessingReadingService,
    SequentialReadingService,
)
from headrace.compat.torchdata.dataloader2.sharing import shared_out
from headrace.compat.torchdata.datapipes import IterDataPipe
from headrace.compat.torchdata.datapipes.iter import (
    SHARDING_PRIORITIES,
    IterableWrapper,
)
from headrace.contracts.errors import ArgumentError, RankError

# Any, in this file: records of every type.
pytestmark = pytest.mark.timeout(90)
WORKERS = SHARDING_PRIORITIES.MULTIPROCESSING
Graph = Callable[[], Any]


def filtered() -> Any:
    return IterableWrapper(range(60)).shuffle().sharding_filter().map(abs).batch(5)


def dispatched() -> Any:
    graph = IterableWrapper(range(60)).shuffle().sharding_round_robin_dispatch(WORKERS)
    return graph.map(abs).batch(5)


def rows_of_files() -> Any:
    rows = IterableWrapper([0, 100]).flatmap(lambda n: range(n, n + (20 if n else 40)))
    return rows.shuffle(buffer_size=30).sharding_filter().map(abs).batch(5)


def rows_dispatched() -> Any:
    rows = IterableWrapper([0, 100]).flatmap(lambda n: range(n, n + (20 if n else 40)))
    return rows.shuffle(buffer_size=30).sharding_round_robin_dispatch(WORKERS).map(abs).batch(5)


def after_a_class_of_ones_own() -> Any:
    return Passing(IterableWrapper(range(60)).shuffle()).sharding_filter().map(abs).batch(5)


def between_classes_of_ones_own() -> Any:
    return Passing(after_a_class_of_ones_own())


def after_a_filter() -> Any:
    return IterableWrapper(range(120)).filter(is_even).shuffle().sharding_filter().batch(5)


def in_two_branches() -> Any:
    left = IterableWrapper(range(30)).shuffle().sharding_filter()
    right = IterableWrapper(range(30, 60)).sharding_round_robin_dispatch(WORKERS)
    return left.concat(right).batch(5)


def dispatched_and_filtered() -> Any:
    graph = IterableWrapper(range(60)).shuffle().sharding_round_robin_dispatch(WORKERS)
    return graph.map(abs).sharding_filter().batch(5)


def header_first() -> Any:
    return IterableWrapper(range(100)).header(60).shuffle().sharding_filter().batch(5)


def in_batches() -> Any:
    return IterableWrapper(range(60)).shuffle().batch(5).sharding_filter()


def synced_already() -> Any:
    return filtered().fullsync()


GRAPHS: list[Graph] = [
    filtered,
    dispatched,
    rows_of_files,
    rows_dispatched,
    after_a_class_of_ones_own,
    after_a_filter,
    in_two_branches,
    dispatched_and_filtered,
    header_first,
    in_batches,
    synced_already,
]
# The second number is that of the workers on which the epoch goes on.
WITH_WORKERS = pytest.mark.parametrize(
    ("graph", "workers"),
    [
        (filtered, (2, 4)),
        (rows_of_files, (4, 0)),
        (rows_dispatched, (0, 2)),
        (dispatched, (4, 0)),
        (between_classes_of_ones_own, (0, 2)),
    ],
)


def service_of(workers: int) -> Any:
    ranks = DistributedReadingService(timeout=60)
    if not workers:
        return ranks
    return SequentialReadingService(ranks, MultiProcessingReadingService(workers))


def read(rank: int, graph: Graph, workers: tuple[int, int]) -> list[list[int]]:
    """Two epochs of a rank, the first of which goes on on other workers in its middle."""
    with DataLoader2(graph(), reading_service=service_of(workers[0])) as loader:
        head = list(itertools.chain(*itertools.islice(loader, 3)))
        state = json.loads(json.dumps(loader.state_dict()))
    with DataLoader2(graph(), reading_service=service_of(workers[1])) as loader:
        loader.load_state_dict(state)
        return [head + list(itertools.chain(*loader)), list(itertools.chain(*loader))]


def check(graph: Graph, ranks: list[list[list[int]]]) -> None:
    whole = sorted(itertools.chain(*graph()))
    assert len(whole) == 60
    for epoch in range(2):
        parts = [rank[epoch] for rank in ranks]
        assert sorted(itertools.chain(*parts)) == whole
        assert len(parts[0]) == len(parts[1])
    # Each epoch has an order of its own.
    assert ranks[0][0] != ranks[0][1]


@pytest.mark.slow
@pytest.mark.parametrize("graph", GRAPHS)
def test_two_ranks_have_the_whole_and_nothing_twice(two_ranks: Any, graph: Graph) -> None:
    check(graph, two_ranks.each(read, graph, (0, 0)))


@pytest.mark.slow
@WITH_WORKERS
def test_two_ranks_with_workers_have_the_whole_and_nothing_twice(
    two_ranks: Any, graph: Graph, workers: tuple[int, int]
) -> None:
    check(graph, two_ranks.each(read, graph, workers))


@pytest.mark.slow
@pytest.mark.parametrize(("graph", "workers"), [(filtered, 2), (rows_dispatched, 4)])
def test_workers_have_the_whole_and_nothing_twice(graph: Graph, workers: int) -> None:
    with DataLoader2(graph(), reading_service=MultiProcessingReadingService(workers)) as loader:
        epochs = [list(itertools.chain(*loader)) for _ in range(2)]
    whole = sorted(itertools.chain(*graph()))
    assert [sorted(epoch) for epoch in epochs] == [whole, whole]
    assert epochs[0] != epochs[1]


def ends(rank: int) -> list[int]:
    def part(graph: Any) -> int:
        service = DistributedReadingService(timeout=60)
        return len(list(DataLoader2(graph, reading_service=service)))

    odd = IterableWrapper(range(7)).sharding_filter()
    unknown = IterableWrapper(range(20)).sharding_filter().filter(lambda x: x % 4 == 0)
    return [part(odd), part(unknown)]


@pytest.mark.slow
def test_ranks_end_together_where_the_shortest_ends(two_ranks: Any) -> None:
    # Of the even numbers, which rank 0 has, every other one is left; rank 1 has none.
    assert two_ranks.each(ends) == [[3, 0], [3, 0]]


def seeds(rank: int) -> list[list[int]]:
    loader = DataLoader2(filtered(), reading_service=DistributedReadingService(timeout=60))
    found = []
    for epoch in range(2):
        loader.seed(epoch + 10 * rank)
        found.append(list(itertools.chain(*loader)))
    return found


@pytest.mark.slow
def test_the_seed_of_rank_0_is_that_of_all(two_ranks: Any) -> None:
    ranks = two_ranks.each(seeds)
    for epoch in range(2):
        assert sorted(ranks[0][epoch] + ranks[1][epoch]) == list(range(60))


def unmarked(rank: int) -> list[int]:
    service = DistributedReadingService(timeout=60)
    return list(DataLoader2(IterableWrapper(range(6)), reading_service=service))


@pytest.mark.slow
def test_a_graph_without_a_mark_gives_all_on_each_rank(two_ranks: Any) -> None:
    assert two_ranks.each(unmarked) == [list(range(6))] * 2


def test_a_graph_without_a_mark_says_so(caplog: pytest.LogCaptureFixture) -> None:
    shared_out(IterableWrapper(range(6)), hr.Ranks(0, 2))
    assert "gives all of its records on each of the ranks: it has no sharding_filter" in caplog.text


def stopped(rank: int, graph: Graph, count: int) -> tuple[list[int], Any]:
    loader = DataLoader2(graph(), reading_service=DistributedReadingService(timeout=60))
    loader.seed(5)
    head = list(itertools.chain(*itertools.islice(loader, count)))
    return head, json.loads(json.dumps(loader.state_dict()))


def resumed(rank: int, graph: Graph, states: list[Any]) -> list[int]:
    loader = DataLoader2(graph(), reading_service=DistributedReadingService(timeout=60))
    loader.load_state_dict(states[rank])
    return list(itertools.chain(*loader))


@pytest.mark.slow
@pytest.mark.parametrize("graph", [filtered, rows_of_files, in_two_branches])
def test_ranks_go_on_where_they_stopped(two_ranks: Any, graph: Graph) -> None:
    heads, states = zip(*two_ranks.each(stopped, graph, 2), strict=True)
    rests = two_ranks.each(resumed, graph, list(states))
    assert sorted(itertools.chain(*heads, *rests)) == sorted(itertools.chain(*graph()))


@pytest.mark.slow
@pytest.mark.parametrize("graph", [filtered, rows_of_files])
def test_the_states_of_two_ranks_go_on_on_one(two_ranks: Any, graph: Graph) -> None:
    heads, states = zip(*two_ranks.each(stopped, graph, 2), strict=True)
    loader: Any = DataLoader2(graph())
    loader.load_state_dict(list(states))
    rest = list(itertools.chain(*loader))
    assert sorted([*itertools.chain(*heads), *rest]) == sorted(itertools.chain(*graph()))
    assert sorted(itertools.chain(*loader)) == sorted(itertools.chain(*graph()))


def test_without_a_process_group_it_says_what_it_needs() -> None:
    loader = DataLoader2(filtered(), reading_service=DistributedReadingService())
    with pytest.raises(RankError, match="Torch Distributed is required to be initialized"):
        iter(loader)
    with pytest.raises(ArgumentError, match="timeout_s must be a number of seconds above 0"):
        DistributedReadingService(timeout=0)


def test_a_share_that_was_said_by_hand_stays() -> None:
    graph = IterableWrapper(range(10)).sharding_filter()
    graph.apply_sharding(2, 1)
    assert list(DataLoader2(graph.map(abs))) == [1, 3, 5, 7, 9]


class Halving(IterDataPipe[int]):
    """A class of a user's own that takes shares, and knows nothing of groups."""

    def __init__(self, source_datapipe: Any) -> None:
        self.source_datapipe = source_datapipe
        self.share = (1, 0)

    def apply_sharding(self, num_of_instances: int, instance_id: int) -> None:
        self.share = (num_of_instances, instance_id)

    def __iter__(self) -> Iterator[int]:
        count, place = self.share
        yield from itertools.islice(self.source_datapipe, place, None, count)


def halved() -> Any:
    return Halving(IterableWrapper(range(60)).shuffle()).batch(5)


@pytest.mark.slow
def test_a_class_of_ones_own_that_takes_shares_is_told_them(two_ranks: Any) -> None:
    check(halved, two_ranks.each(read, halved, (0, 0)))
