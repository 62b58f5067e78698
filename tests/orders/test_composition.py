"""Random compositions of orders against the plain list of indices that each must give."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.order import Indices, Order
from headrace.orders import (
    Blocks,
    Concat,
    Nearby,
    Part,
    Pinned,
    Range,
    Repeat,
    Select,
    Shuffled,
    Slice,
    Windowed,
)

# The oracle of an order: the whole list of indices of an epoch.
Oracle: TypeAlias = Callable[[int], list[int]]
Pair: TypeAlias = tuple[Order, Oracle]

# Enough records to cross windows and blocks, few enough for lists.
SIZES = st.integers(0, 40)
SEEDS = st.integers(-(2**63), 2**64 - 1)


def whole(order: Order, epoch: int) -> Indices:
    """All indices of one epoch."""
    return order.at(epoch, np.arange(order.count(epoch), dtype=np.int64))


def _ranges() -> st.SearchStrategy[Pair]:
    return SIZES.map(lambda size: (Range(size), lambda _: list(range(size))))


@st.composite
def _sliced(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    order, oracle = draw(inner)
    start, step = draw(st.integers(0, 50)), draw(st.integers(1, 5))
    stop = draw(st.none() | st.integers(0, 60))
    return Slice(order, start, stop, step), lambda epoch: oracle(epoch)[start:stop:step]


@st.composite
def _selected(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    order, oracle = draw(inner)
    count = order.count(0)
    picks = draw(st.lists(st.integers(0, count - 1), max_size=20)) if count else []
    return Select(order, picks), lambda epoch: [oracle(epoch)[pick] for pick in picks]


@st.composite
def _repeated(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    order, oracle = draw(inner)
    times, reshuffle = draw(st.integers(1, 3)), draw(st.booleans())

    def repeats(epoch: int) -> list[int]:
        epochs = [epoch * times + k if reshuffle else epoch for k in range(times)]
        return [index for inner_epoch in epochs for index in oracle(inner_epoch)]

    return Repeat(order, times, reshuffle=reshuffle), repeats


@st.composite
def _concatenated(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    pairs = draw(st.lists(inner, min_size=1, max_size=3))
    # More than any range here has, so that there are indices that no order visits.
    size = 50

    def joined(epoch: int) -> list[int]:
        return [size * k + index for k, (_, oracle) in enumerate(pairs) for index in oracle(epoch)]

    return Concat(tuple((order, size) for order, _ in pairs)), joined


@st.composite
def _shuffled(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    """A shuffle moves by position: its oracle is what it does to a range of the same length."""
    order, oracle = draw(inner)
    seed, window, block = draw(SEEDS), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    wrap = draw(
        st.sampled_from(
            [
                lambda inside: Shuffled(inside, seed),
                lambda inside: Windowed(inside, window, seed),
                lambda inside: Nearby(inside, window, seed),
                lambda inside: Blocks(inside, block, window, seed),
            ]
        )
    )

    def moved(epoch: int) -> list[int]:
        there = oracle(epoch)
        return [there[place] for place in whole(wrap(Range(len(there))), epoch)]

    return wrap(order), moved


@st.composite
def _pinned(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    order, oracle = draw(inner)
    kept = draw(st.integers(0, 3))
    return Pinned(order, kept), lambda _: oracle(kept)


@st.composite
def _parted(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    order, oracle = draw(inner)
    world_size = draw(st.integers(1, 5))
    rank = draw(st.integers(0, world_size - 1))
    return Part(order, rank, world_size), lambda epoch: oracle(epoch)[rank::world_size]


def _one_to_one() -> st.SearchStrategy[Pair]:
    """Compositions in which no index stands twice."""
    return st.recursive(
        _ranges(),
        lambda inner: st.one_of(_sliced(inner), _shuffled(inner), _pinned(inner), _parted(inner)),
        max_leaves=4,
    )


def _compositions() -> st.SearchStrategy[Pair]:
    """Any composition; concat is the outermost, so that its dataset sizes are known."""
    inner = st.recursive(
        _ranges(),
        lambda inner: st.one_of(
            _sliced(inner), _selected(inner), _repeated(inner), _shuffled(inner), _pinned(inner)
        ),
        max_leaves=4,
    )
    return st.one_of(inner, _concatenated(inner), _parted(inner), _parted(_concatenated(inner)))


@given(_compositions(), st.integers(0, 3), st.data())
def test_a_composition_gives_what_plain_lists_give(
    pair: Pair, epoch: int, data: st.DataObject
) -> None:
    order, oracle = pair
    expected = oracle(epoch)
    assert order.count(epoch) == len(expected)
    assert whole(order, epoch).tolist() == expected
    if expected:
        asked = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=9))
        found = order.at(epoch, np.array(asked, dtype=np.int64))
        assert found.tolist() == [expected[position] for position in asked]
        assert found.dtype == np.int64


@given(_one_to_one(), st.integers(0, 3))
def test_locate_is_the_inverse_of_at_and_minus_one_elsewhere(pair: Pair, epoch: int) -> None:
    order, oracle = pair
    position_of = {index: position for position, index in enumerate(oracle(epoch))}
    indices = np.arange(-2, 45, dtype=np.int64)
    expected = [position_of.get(index, -1) for index in indices.tolist()]
    assert order.locate(epoch, indices).tolist() == expected


@given(_compositions(), st.integers(0, 3))
def test_locate_gives_a_position_where_the_index_stands(pair: Pair, epoch: int) -> None:
    order, oracle = pair
    visits = oracle(epoch)
    places = order.locate(epoch, np.array(visits, dtype=np.int64))
    for index, place in zip(visits, places.tolist(), strict=True):
        # A part or slice may hold an index that stands first outside it.
        assert place == -1 or visits[place] == index


@given(_compositions())
def test_a_composition_is_an_order_that_pickles_compares_and_hashes(pair: Pair) -> None:
    order, _ = pair
    again = pickle.loads(pickle.dumps(order))
    assert isinstance(order, Order)
    assert again == order
    assert hash(again) == hash(order)
    assert str(again) == str(order)
    assert whole(again, 1).tolist() == whole(order, 1).tolist()
