"""YogaDL's shuffle as an order: exact from any offset, for every shard, in every epoch."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.compat.yogadl import RandomStateShuffled
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Part, Range, Repeat
from headrace.testing import check_order

SIZES, WORLDS, SEEDS = st.integers(0, 60), st.integers(1, 7), st.integers(0, 2**32 - 1)


def visits(part: Part, epoch: int) -> list[int]:
    found: list[int] = part.indices(epoch, 0, part.count(epoch)).tolist()
    return found


@given(SIZES, WORLDS, SEEDS)
def test_each_shard_is_the_list_that_yogadl_shuffles(size: int, world_size: int, seed: int) -> None:
    order = RandomStateShuffled(Range(size), seed, world_size)

    for epoch in (0, 1, 5):
        for rank in range(world_size):
            keys = list(range(size))[rank::world_size]
            np.random.RandomState((seed + epoch) % 2**32).shuffle(keys)

            assert visits(Part(order, rank, world_size), epoch) == keys


@pytest.mark.parametrize(
    "order",
    [
        RandomStateShuffled(Range(0), 7),
        RandomStateShuffled(Range(30), 7),
        RandomStateShuffled(Range(31), 7, 4),
        RandomStateShuffled(Range(3), 7, 5),
        RandomStateShuffled(Range(30), 2**32 - 1, reshuffles=False),
        Repeat(RandomStateShuffled(Range(9), 7), 3),
    ],
    ids=str,
)
def test_it_is_an_order_like_headraces_own(order: RandomStateShuffled) -> None:
    check_order(order)


def test_without_reshuffling_every_epoch_is_the_first_one() -> None:
    shuffled = RandomStateShuffled(Range(20), 5)
    pinned = RandomStateShuffled(Range(20), 5, reshuffles=False)
    positions = np.arange(20)

    assert (pinned.at(3, positions) == shuffled.at(0, positions)).all()
    assert (shuffled.at(3, positions) != shuffled.at(0, positions)).any()


def test_a_table_is_drawn_once_an_epoch_and_does_not_travel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[int] = []
    original = np.random.RandomState

    def noted(seed: int) -> np.random.RandomState:
        drawn.append(seed)
        return original(seed)

    monkeypatch.setattr(np.random, "RandomState", noted)
    order = RandomStateShuffled(Range(1000), 7)

    for start in range(0, 1000, 10):
        order.at(2, np.arange(start, start + 10))

    assert drawn == [9]
    assert len(pickle.dumps(order)) < 1000


def test_a_loader_goes_on_exactly_where_it_was_stopped() -> None:
    order = RandomStateShuffled(Range(100), 777)
    stream = hr.DataRef(hr.DataRef.from_sequence(range(100)).records, order).stream().batch(7)
    whole = [batch.tolist() for epoch in range(2) for batch in stream.epoch(epoch)]
    for stop in (1, 9, 15, 20):
        with hr.DataLoader(stream) as loader:
            taken: list[list[int]] = []
            while len(taken) < stop:
                for batch in loader:
                    taken.append(batch.tolist())
                    if len(taken) == stop:
                        break
            state = loader.state_dict()
        with hr.DataLoader(stream, backend=hr.Threads(2)) as loader:
            loader.load_state_dict(state)
            while len(taken) < len(whole):
                taken += [batch.tolist() for batch in loader]

        assert taken == whole


def test_what_cannot_be_shuffled_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"shuffle_seed must be a whole number.*got -1"):
        RandomStateShuffled(Range(3), -1)
    with pytest.raises(ArgumentError, match=r"shuffle_seed must be below 2\*\*32.*got 4294967296"):
        RandomStateShuffled(Range(3), 2**32)
    with pytest.raises(ArgumentError, match=r"num_shards must be a whole number of at least 1"):
        RandomStateShuffled(Range(3), 7, 0)
    with pytest.raises(StreamError, match="cannot shuffle .* which has no end"):
        RandomStateShuffled(Repeat(Range(3), None), 7)
