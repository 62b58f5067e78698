"""The graph of pipes, seeds in it, adapters over it and what the linter says of it."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import pytest
from tests.compat.torchdata.dataloader2.pipes import Passing

from headrace.compat.torchdata.dataloader2.adapter import Adapter, CacheTimeout, Shuffle
from headrace.compat.torchdata.dataloader2.graph import (
    find_dps,
    list_dps,
    remove_dp,
    replace_dp,
    set_datapipes_seed,
    set_graph_random_seed,
    traverse_dps,
)
from headrace.compat.torchdata.dataloader2.graph.utils import cloned
from headrace.compat.torchdata.dataloader2.linter import _check_shuffle_before_sharding
from headrace.compat.torchdata.dataloader2.random import SeedGenerator, dist_share_seed
from headrace.compat.torchdata.dataloader2.utils import WorkerInfo
from headrace.compat.torchdata.datapipes import IterDataPipe
from headrace.compat.torchdata.datapipes.iter import (
    IterableWrapper,
    Mapper,
    ShardingFilter,
    Shuffler,
)
from headrace.contracts.errors import ArgumentError

# Any, in this file: pipes of every class.


def source() -> Any:
    return IterableWrapper(range(4))


def test_a_graph_is_nested_dicts_of_what_is_right_before() -> None:
    left = source()
    right = source().map(str)
    last = left.zip(right)
    assert traverse_dps(last) == {
        id(last): (
            last,
            {
                id(left): (left, {}),
                id(right): (right, {id(right.datapipe): (right.datapipe, {})}),
            },
        )
    }


def test_pipes_are_found_in_containers_and_partial_functions() -> None:
    one, other, third = source(), source(), source()
    holder = Passing([{"here": (one,)}, {other: 0.5}, partial(print, third)])
    assert [*traverse_dps(holder)[id(holder)][1]] == [id(one), id(other), id(third)]


def test_long_lists_of_records_are_not_searched() -> None:
    holder = Passing([source()] * 1001)
    assert traverse_dps(holder) == {id(holder): (holder, {})}


def test_a_graph_lists_each_pipe_once_the_nearest_first() -> None:
    first = source()
    left, right = first.map(str), first.map(abs)
    last = left.zip(right)
    graph = traverse_dps(last)
    assert list_dps(graph) == [last, left, right, first]
    assert list_dps(graph, left) == [last, right]
    assert list_dps(graph, [left, right]) == [last]


def test_subclasses_are_found_too() -> None:
    class Mine(ShardingFilter):
        pass

    mine = Mine(source())
    assert find_dps(traverse_dps(mine.map(abs)), ShardingFilter) == [mine]


def test_each_reference_to_a_pipe_is_replaced() -> None:
    first, other = source(), IterableWrapper("ab")
    twice = first.zip(first)
    graph = replace_dp(traverse_dps(twice), first, other)
    assert list(twice) == [("a", "a"), ("b", "b")]
    assert list_dps(graph) == [twice, other]
    nested = Passing([((first,), {"x": first})])
    replace_dp(traverse_dps(nested), first, other)
    assert nested.source_datapipe == [((other,), {"x": other})]


def test_the_last_pipe_and_what_the_new_one_stands_on_are_replaced_too() -> None:
    last = source().map(abs)
    new = last.map(str)
    assert list_dps(replace_dp(traverse_dps(last), last, new))[:2] == [new, last]
    assert list(new) == ["0", "1", "2", "3"]


def test_a_pipe_in_the_middle_is_removed() -> None:
    middle = source().map(str)
    last = middle.map(type)
    graph = remove_dp(traverse_dps(last), middle)
    assert list(last) == [int] * 4
    assert middle not in list_dps(graph)


def test_sources_and_joins_cannot_be_removed() -> None:
    first = source()
    joined = first.zip(source())
    for pipe, message in ((first, "the source DataPipe"), (joined, "the receiving DataPipe with")):
        with pytest.raises(RuntimeError, match=f"Cannot remove {message}"):
            remove_dp(traverse_dps(joined.map(str)), pipe)


def test_a_copy_of_a_graph_shares_records_and_no_pipes() -> None:
    records = [object()]
    first = IterableWrapper(records, deepcopy=False)
    twice = first.zip(first)
    copied = cloned(twice)
    assert not {id(one) for one in list_dps(traverse_dps(copied))} & {id(first), id(twice)}
    [(one, other)] = copied
    assert one is other is records[0]
    assert len(list_dps(traverse_dps(copied))) == 2


def test_what_is_before_a_filter_has_shared_seeds() -> None:
    class Mine(ShardingFilter):
        pass

    def seeded(worker: int) -> list[list[int]]:
        before = Passing(source())
        behind = Passing(Mine(before))
        set_graph_random_seed(behind, SeedGenerator(3).spawn(worker))
        return [before.seeds, behind.seeds]

    one, other = seeded(0), seeded(1)
    assert one[0] == other[0]
    assert one[1] != other[1]
    pipe = Passing(source())
    set_datapipes_seed([pipe, source()], SeedGenerator(3), True)
    assert pipe.seeds == one[0]


def test_seeds_are_functions_of_the_seed_the_worker_and_their_number() -> None:
    def drawn(generator: SeedGenerator) -> list[int]:
        return [generator.generate_shared_seed(), generator.generate_seed()]

    first = SeedGenerator(7)
    assert drawn(first) == drawn(SeedGenerator(7)) != drawn(first)
    assert drawn(pickle.loads(pickle.dumps(first))) == drawn(first)
    assert drawn(SeedGenerator(7).spawn(1))[0] == drawn(SeedGenerator(7))[0]
    assert drawn(SeedGenerator(7).spawn(1))[1] != drawn(SeedGenerator(7).spawn(2))[1]
    assert SeedGenerator(7).spawn(1, inplace=True).given == 7
    assert drawn(SeedGenerator()) != drawn(SeedGenerator())


@pytest.mark.parametrize("seed", [2**64, 1.5])
def test_a_seed_that_is_none_is_a_value_error(seed: Any) -> None:
    with pytest.raises(ValueError, match="Expected an uint64 seed"):
        SeedGenerator(seed)
    with pytest.raises(ArgumentError, match="worker_id must be a whole number of at least 0"):
        SeedGenerator(1).spawn(-1)


def test_one_rank_shares_its_seed_with_itself() -> None:
    assert dist_share_seed(2**63 + 5) == 2**63 + 5


def test_shuffles_are_turned_on_and_off() -> None:
    graph = source().shuffle().sharding_filter()
    assert list(Shuffle(enable=False)(graph)) == [0, 1, 2, 3]
    assert Shuffle(enable=None)(graph) is graph
    Shuffle()(graph)
    assert len({tuple(graph) for _ in range(20)}) > 1


def test_a_shuffle_is_added_where_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    graph = Shuffle()(source())
    assert isinstance(graph, Shuffler)
    assert "asked of a graph without a shuffle" in caplog.text
    assert isinstance(Shuffle(), Adapter)


def test_timeouts_of_caches_are_set() -> None:
    class Waiting(Passing):
        timeout = 300

        def set_timeout(self, timeout: int) -> None:
            self.timeout = timeout

    graph = Waiting(source())
    CacheTimeout(5)(graph.map(abs))
    assert graph.timeout == 5
    with pytest.raises(ValueError, match="timeout should be integer, got None"):
        CacheTimeout()


@pytest.mark.parametrize(
    ("graph", "is_shuffled"),
    [
        (source().shuffle().map(abs).sharding_filter(), True),
        (source().sharding_filter().shuffle(), False),
        (source().shuffle(), True),
        (source().shuffle().zip(source()).sharding_filter(), False),
        (source().shuffle().zip(source().shuffle()).sharding_filter(), True),
    ],
)
def test_the_linter_wants_a_shuffle_on_each_path_to_a_filter(
    graph: IterDataPipe[Any], is_shuffled: bool
) -> None:
    assert _check_shuffle_before_sharding(graph) is is_shuffled


def test_a_place_among_workers_is_a_value() -> None:
    assert WorkerInfo(2, 1) == WorkerInfo(num_workers=2, worker_id=1)


def test_mappers_are_pipes_of_ours() -> None:
    assert isinstance(source().map(str), Mapper)
