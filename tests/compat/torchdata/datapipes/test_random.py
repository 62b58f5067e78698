"""What is drawn at random: each record once, the same with one seed, and shared without overlap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import headrace as hr
from headrace.compat.torchdata.datapipes import IterDataPipe
from headrace.compat.torchdata.datapipes.iter import (
    SHARDING_PRIORITIES,
    IterableWrapper,
    SampleMultiplexer,
    ShardingFilter,
)
from headrace.compat.torchdata.datapipes.map import SequenceWrapper
from headrace.contracts.errors import RankError

# Any, in this file: pipes of every type.
N = 40


def numbers() -> IterDataPipe[Any]:
    return IterableWrapper(range(N))


SHUFFLES: dict[str, Callable[[], Any]] = {
    "shuffle": lambda: numbers().shuffle(),
    "shuffle in windows": lambda: numbers().shuffle(buffer_size=7),
    "shuffle of batches' records": lambda: numbers().batch(4).shuffle(unbatch_level=1),
    "shuffle behind a filter": lambda: numbers().filter(lambda n: n >= 0).shuffle(),
    "in_batch_shuffle": lambda: numbers().batch(N).in_batch_shuffle().unbatch(),
    "shuffled_flatmap": lambda: IterableWrapper(
        [list(range(at, at + 5)) for at in range(0, N, 5)]
    ).shuffled_flatmap(buffer_size=3),
    "bucketbatch": lambda: numbers().bucketbatch(3, batch_num=2).unbatch(),
    "bucketbatch by buffers": lambda: (
        numbers()
        .bucketbatch(3, batch_num=2, bucket_num=2, sort_key=sorted, use_in_batch_shuffle=False)
        .unbatch()
    ),
    "shuffle of a MapDataPipe": lambda: SequenceWrapper(range(N)).shuffle(),
    "a mixture": lambda: SampleMultiplexer(
        {IterableWrapper(range(N // 2)): 2, IterableWrapper(range(N // 2, N)): 1}
    ),
}


@pytest.mark.parametrize("name", SHUFFLES)
def test_a_shuffle_gives_each_record_once_in_another_order_each_pass(name: str) -> None:
    pipe = SHUFFLES[name]()

    first, second = list(pipe), list(pipe)

    assert sorted(first) == sorted(second) == list(range(N))
    assert first != second


@pytest.mark.parametrize("name", SHUFFLES)
def test_a_seed_and_an_epoch_say_the_order(name: str) -> None:
    def loaded(seed: int) -> list[list[Any]]:
        loader = hr.DataLoader(SHUFFLES[name]().stream(), seed=seed)
        return [list(loader), list(loader)]

    assert loaded(3) == loaded(3)
    assert loaded(3)[0] != loaded(3)[1]
    assert loaded(3) != loaded(4)


@pytest.mark.parametrize("name", [name for name in SHUFFLES if "bucketbatch" not in name])
def test_set_seed_counts_for_one_pass(name: str) -> None:
    def seeded() -> Any:
        pipe = SHUFFLES[name]()
        (at,) = [one for one in [pipe, *vars(pipe).values()] if hasattr(type(one), "set_seed")]
        assert at.set_seed(5) is at
        return pipe

    pipe = seeded()
    first = list(pipe)
    assert first == list(seeded())
    assert first != list(pipe)


def test_a_torch_seed_counts_where_no_other_is_given() -> None:
    torch = pytest.importorskip("torch")

    def drawn() -> list[Any]:
        torch.manual_seed(1)
        return list(numbers().shuffle())

    assert drawn() == drawn()


@pytest.mark.parametrize("name", [name for name in SHUFFLES if "mixture" not in name])
def test_a_shuffle_that_is_off_keeps_the_order(name: str) -> None:
    pipe = SHUFFLES[name]()
    if not hasattr(type(pipe), "set_shuffle"):
        return
    assert list(pipe.set_shuffle(False)) == list(range(N))


@pytest.mark.parametrize("world_size", [1, 2, 3, 50])
@pytest.mark.parametrize(
    "build",
    [
        lambda: numbers().sharding_filter(),
        lambda: numbers().filter(lambda n: n % 5 > 0).sharding_filter(),
        lambda: numbers().shuffle().sharding_filter().map(abs),
    ],
    ids=["records", "what a filter left", "shuffled"],
)
def test_shares_are_the_whole_without_overlap(build: Callable[[], Any], world_size: int) -> None:
    shares: list[Any] = []
    for rank in range(world_size):
        pipe = build()
        sharding = pipe if isinstance(pipe, ShardingFilter) else pipe.datapipe
        sharding.apply_sharding(world_size, rank)
        shares += hr.DataLoader(pipe.stream(), seed=1)

    assert sorted(shares) == sorted(build())


def test_ranks_vary_slower_than_workers() -> None:
    def share(rank: int, worker: int) -> list[int]:
        pipe = numbers().sharding_filter()
        pipe.apply_sharding(3, worker, SHARDING_PRIORITIES.MULTIPROCESSING)
        pipe.apply_sharding(2, rank, SHARDING_PRIORITIES.DISTRIBUTED)
        return list(pipe)

    assert [share(rank, worker)[0] for rank in range(2) for worker in range(3)] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    assert share(1, 0) == list(range(3, N, 6))


def test_a_sharding_of_one_group_passes_over_the_others() -> None:
    pipe = numbers().sharding_filter(SHARDING_PRIORITIES.DISTRIBUTED)
    pipe.apply_sharding(3, 1, SHARDING_PRIORITIES.MULTIPROCESSING)
    assert list(pipe) == list(range(N))
    pipe.apply_sharding(2, 1, SHARDING_PRIORITIES.DISTRIBUTED)
    assert list(pipe) == list(range(1, N, 2))


def test_default_shares_do_not_mix_with_others() -> None:
    pipe = numbers().sharding_filter()
    pipe.apply_sharding(2, 0)
    with pytest.raises(RankError, match="cannot mix DEFAULT and non DEFAULT"):
        pipe.apply_sharding(2, 0, SHARDING_PRIORITIES.DISTRIBUTED)


def test_a_dispatcher_passes_records_on() -> None:
    pipe = numbers().sharding_round_robin_dispatch(SHARDING_PRIORITIES.MULTIPROCESSING)
    assert list(pipe) == list(range(N))


@pytest.mark.parametrize("branches", [2, 3])
def test_branches_read_side_by_side_see_one_shuffle(branches: int) -> None:
    pipes = numbers().shuffle().fork(branches)

    for _ in range(2):
        together = list(zip(*pipes, strict=True))
        assert all(len(set(records)) == 1 for records in together)
    assert list(pipes[0]) == list(pipes[1]), "one after the other"


def test_a_split_of_a_shuffle_has_no_overlap() -> None:
    train, valid = numbers().shuffle().random_split({"train": 30, "valid": 10}, seed=0)

    assert sorted([*train, *valid]) == list(range(N))
    both = list(zip(train, valid, strict=False))
    assert len(both) == 10, "read at the same time"
    assert (len(train), len(valid)) == (30, 10)


def test_override_seed_splits_otherwise() -> None:
    train, valid = numbers().random_split({"train": 0.5, "valid": 0.5}, seed=0)
    before = list(train)

    assert train.override_seed(1) is train
    assert list(train) != before
    assert sorted([*train, *valid]) == list(range(N)), "for all parts"


def test_branches_apart_by_more_than_the_buffer_are_no_error_in_loops_of_their_own() -> None:
    evens, odds = IterableWrapper(range(5000)).demux(2, lambda n: n % 2, buffer_size=10)

    assert list(evens) == list(range(0, 5000, 2))
    assert list(odds) == list(range(1, 5000, 2))
