"""Mixed orders against a plain walk over the turns, one position after the other."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.order import Indices, Order
from headrace.orders import (
    INFINITE,
    InTurn,
    Mix,
    Part,
    Range,
    Repeat,
    Shuffled,
    Slice,
    Stop,
    Stretch,
    Weighted,
    counts_of,
    needs_seed,
    pass_epoch,
    with_seed,
)


def whole(order: Order, epoch: int = 0) -> Indices:
    return order.at(epoch, np.arange(order.count(epoch), dtype=np.int64))


def mix(
    sizes: list[int],
    weights: Any = None,
    stop: Stop = "first",
    max_repeats: int | None = None,
    seed: int | None = 7,
) -> Mix:
    orders = tuple((Range(size), size) for size in sizes)
    return Mix(orders, Weighted(counts_of(weights, len(sizes)), seed), stop, max_repeats)


# -- the oracle: plain Python, turn by turn ------------------------------------------------------


@dataclass
class Walk:
    """A mix walked through; only the random order inside a period is taken from the pattern."""

    lengths: list[int]
    counts: tuple[tuple[int, tuple[int, ...]], ...]
    stop: Stop
    max_repeats: int | None

    def periods(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The turns of each period: those of the newest weights that have begun."""
        position = period = 0
        while True:
            counts = [turns for begin, turns in self.counts if begin <= position][-1]
            yield period, counts
            position, period = position + sum(counts), period + 1

    def limits(self) -> list[int | float]:
        """How often each source is read, found by going from period to period."""
        passes = self.max_repeats if self.stop == "cycle" else 1
        caps = [n * passes if passes else (n and float("inf")) for n in self.lengths]
        if self.stop == "all":
            return caps
        had = [Fraction(0)] * len(caps)
        last = self.counts[-1]
        if self.stop == "first" and not all(
            n for s, n in enumerate(self.lengths) if self.turns_left(s, 0)
        ):
            return [0] * len(caps)
        for period, counts in self.periods():
            is_last = self.at(period) >= last[0]
            ends = {
                s: (n - had[s]) / counts[s]
                for s, n in enumerate(self.lengths)
                if counts[s] and had[s] <= n
            }
            due = [share for share in ends.values() if share <= 1]
            is_done = self.stop == "first" and bool(due)
            if self.stop == "cycle":
                # Those that are not whole yet, and still can be.
                open_ = [
                    s
                    for s, n in enumerate(self.lengths)
                    if had[s] < n
                    and (last[1][s] or (not is_last and self.turns_left(s, period)))
                    and had[s] + self.turns_left(s, period) >= n
                ]
                is_done = not open_ or all(s in ends and ends[s] <= 1 for s in open_)
                due = [ends[s] for s in open_] if is_done else []
            if is_done:
                share = min(due) if self.stop == "first" else max(due, default=Fraction(0))
                had = [h + c * share for h, c in zip(had, counts, strict=True)]
                # "first" gives whole records only, "cycle" each its whole.
                ended = [h // 1 if self.stop == "first" else -(-h // 1) for h in had]
                return [min(cap, int(h)) for cap, h in zip(caps, ended, strict=True)]
            if is_last and self.stop == "first" and not any(last[1][s] for s in ends):
                return caps
            had = [h + c for h, c in zip(had, counts, strict=True)]
        raise AssertionError

    def at(self, wanted: int) -> int:
        position = 0
        for period, counts in self.periods():
            if period == wanted:
                return position
            position += sum(counts)
        raise AssertionError

    def turns_left(self, source: int, begin: int) -> float:
        """The turns of a source from a period on."""
        if self.counts[-1][1][source]:
            return float("inf")
        left, position = 0, 0
        for period, counts in self.periods():
            if position >= self.counts[-1][0]:
                return left
            left += counts[source] if period >= begin else 0
            position += sum(counts)
        raise AssertionError

    def visits(self, order: Mix, epoch: int) -> list[tuple[int, int]]:
        """(source, how many came before) at each position."""
        limits, had = self.limits(), [0] * len(self.lengths)
        found: list[tuple[int, int]] = []
        for period, counts in self.periods():
            for source in turns_of(order, epoch, period, counts):
                if had[source] < limits[source]:
                    found.append((source, had[source]))
                    had[source] += 1
            left = [s for s in range(len(had)) if had[s] < limits[s]]
            if not any(self.turns_left(s, period + 1) for s in left):
                return found
        raise AssertionError


def turns_of(order: Mix, epoch: int, period: int, counts: tuple[int, ...]) -> list[int]:
    """The source of each turn of a period."""
    pattern = order.pattern
    stretch = [one for one in pattern.stretches if one.period <= period][-1]
    assert stretch.counts.tolist() == list(counts)
    (slots,) = pattern.slots(epoch, stretch, np.array([period])).tolist()
    owners = [source for source, count in enumerate(counts) for _ in range(count)]
    return [source for _, source in sorted(zip(slots, owners, strict=True))]


def indices_of(visits: list[tuple[int, int]], lengths: list[int]) -> list[int]:
    return [sum(lengths[:source]) + before % lengths[source] for source, before in visits]


# Shares that make periods of a few turns beside those of some hundreds.
RATIOS = st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any)


@st.composite
def mixes(draw: st.DrawFn) -> tuple[Mix, Walk]:
    first = draw(RATIOS)
    several = st.lists(st.integers(0, 4), min_size=len(first), max_size=len(first)).filter(any)
    later = draw(st.dictionaries(st.integers(1, 60), several, max_size=3))
    # Turns as they are, not scaled up: more periods in fewer positions.
    counts = tuple(sorted((begin, tuple(one)) for begin, one in {0: first, **later}.items()))
    lengths = draw(st.lists(st.integers(0, 25), min_size=len(first), max_size=len(first)))
    stop: Stop = draw(st.sampled_from(["first", "all", "cycle"]))
    max_repeats = draw(st.none() | st.integers(1, 3)) if stop == "cycle" else None
    orders = tuple((Range(length), length) for length in lengths)
    order = Mix(orders, Weighted(counts, draw(st.integers(0, 99))), stop, max_repeats)
    return order, Walk(lengths, counts, stop, max_repeats)


@given(mixes(), st.integers(0, 3), st.data())
def test_a_mix_gives_what_a_walk_over_its_turns_gives(
    pair: tuple[Mix, Walk], epoch: int, data: st.DataObject
) -> None:
    order, walk = pair
    expected = indices_of(walk.visits(order, epoch), walk.lengths)
    assert order.count(epoch) == len(expected)
    assert whole(order, epoch).tolist() == expected
    if expected:
        asked = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=9))
        found = order.at(epoch, np.array(asked, dtype=np.int64))
        assert found.tolist() == [expected[position] for position in asked]
    indices = np.arange(-1, sum(walk.lengths) + 2)
    first = {index: place for place, index in reversed(list(enumerate(expected)))}
    assert order.locate(epoch, indices).tolist() == [first.get(i, -1) for i in indices.tolist()]


@given(st.integers(1, 40), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.booleans())
def test_interleaving_is_round_robin(size: int, more: list[int], is_all: bool) -> None:
    lengths = [size, *more]
    orders = tuple((Range(length), length) for length in lengths)
    found = whole(Mix(orders, InTurn(len(lengths)), "all" if is_all else "first")).tolist()
    expected = []
    for turn in range((max(lengths) + 1) * len(lengths)):
        before, source = divmod(turn, len(lengths))
        if before < lengths[source]:
            expected.append(sum(lengths[:source]) + before)
        elif not is_all:
            break
    assert found == expected


# -- what a pattern promises ---------------------------------------------------------------------


@given(RATIOS, st.integers(0, 2**60), st.integers(0, 5))
def test_each_period_has_the_exact_counts_in_an_order_of_its_own(
    ratios: list[int], first: int, epoch: int
) -> None:
    pattern = Weighted(counts_of(ratios, len(ratios)), 3)
    (stretch,) = pattern.stretches
    slots = pattern.slots(epoch, stretch, np.arange(first, first + 3))
    assert (np.sort(slots, axis=1) == np.arange(stretch.size)).all()
    if sum(ratio > 0 for ratio in ratios) > 1:
        assert len({tuple(row) for row in slots.tolist()}) == 3


def test_a_turn_falls_on_each_place_equally_often() -> None:
    pattern = Weighted(((0, (1, 3)),), 5)
    (stretch,) = pattern.stretches
    slots = pattern.slots(0, stretch, np.arange(40_000))
    shares = np.bincount(slots[:, 0], minlength=4) / 40_000
    # Four standard deviations of a share of a quarter.
    assert (abs(shares - 0.25) < 4 * (0.25 * 0.75 / 40_000) ** 0.5).all()


def test_periods_beyond_the_widest_table_are_permutations_too() -> None:
    order = mix([1] * 5_000, stop="all")
    assert sorted(whole(order).tolist()) == list(range(5_000))


def test_a_schedule_begins_at_the_next_end_of_a_period() -> None:
    order = mix([10**6, 10**6], {0: [1, 1], 300: [3, 1], 300 + 1: [0, 1]}, stop="all")
    begins = [(one.begin, one.counts.tolist()) for one in order.pattern.stretches]
    assert begins == [(0, [128, 128]), (512, [0, 256])]
    first = whole(Slice(order, 0, 512)) < 10**6
    assert first.sum() == 256
    assert not (whole(Slice(order, 512, 5_000)) < 10**6).any()


def test_a_second_change_waits_for_the_period_of_the_first() -> None:
    pattern = Weighted(counts_of({0: [1, 1], 100: [3, 1], 1_000: [1, 3]}, 2), 1)

    def shown(stretch: Stretch) -> tuple[int, int, list[int], list[int]]:
        return stretch.begin, stretch.period, stretch.counts.tolist(), stretch.before.tolist()

    assert [shown(stretch) for stretch in pattern.stretches] == [
        (0, 0, [128, 128], [0, 0]),
        (256, 1, [192, 64], [128, 128]),
        (1_024, 4, [64, 192], [704, 320]),
    ]


# -- ends ----------------------------------------------------------------------------------------


def test_first_ends_with_the_source_that_is_used_up_first() -> None:
    assert Counter((whole(mix([10, 1_000])) >= 10).tolist()) == {False: 10, True: 10}
    assert mix([10**12, 30], [0.75, 0.25]).count(0) == 120


@given(st.lists(st.integers(0, 700), min_size=1, max_size=6), st.integers(0, 3))
def test_all_gives_every_record_exactly_once(sizes: list[int], epoch: int) -> None:
    weights = [0.123 + 0.3 * k for k in range(len(sizes))]
    assert sorted(whole(mix(sizes, weights, "all"), epoch).tolist()) == list(range(sum(sizes)))


def test_when_a_source_has_ended_the_others_keep_their_proportions() -> None:
    order = mix([50, 10_000, 10_000], [2, 3, 1], "all")
    # Of the 258 turns of a period 129 and 43 are left; the first has the 50 records besides.
    after = whole(Slice(order, 222, 222 + 172 * 20))
    assert ((after >= 10_050).sum(), (after >= 50).sum()) == (43 * 20, 172 * 20)


def test_cycle_goes_on_until_each_was_seen_whole() -> None:
    seen = Counter(whole(mix([10, 1_000], stop="cycle")).tolist())
    assert {seen[index] for index in range(10)} == {100}
    assert {seen[index] for index in range(10, 1_010)} == {1}


def test_a_source_that_begins_again_is_shuffled_anew() -> None:
    order = Mix(((Shuffled(Range(9), 1), 9), (Range(30), 30)), Weighted(((0, (1, 1)),), 1), "cycle")
    small = [index for index in whole(order).tolist() if index < 9]
    passes = [small[:9], small[9:18], small[18:27]]
    assert all(sorted(one) == list(range(9)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3
    inner = Shuffled(Range(9), 1)
    assert passes == [whole(inner, pass_epoch(0, number)).tolist() for number in range(3)]


def test_a_cap_lets_a_source_drop_out() -> None:
    seen = Counter(whole(mix([10, 1_000], stop="cycle", max_repeats=3)).tolist())
    assert [seen[index] for index in range(10)] == [3] * 10
    assert [seen[index] for index in range(10, 1_010)] == [1] * 1_000


def test_empty_and_unweighted_sources() -> None:
    assert mix([0, 9]).count(0) == 0
    assert sorted(whole(mix([0, 9], stop="all")).tolist()) == list(range(9))
    assert sorted(whole(mix([0, 9], stop="cycle")).tolist()) == list(range(9))
    for stop in ("first", "all", "cycle"):
        # Never read, and never waited for.
        assert sorted(whole(mix([5, 0, 9], [0, 0, 1], stop)).tolist()) == list(range(5, 14))
    assert mix([0, 0], stop="cycle").count(0) == 0


def test_endless_orders() -> None:
    endless = Repeat(Range(2), None)

    def of(stop: Stop, *orders: Order) -> Mix:
        pairs = tuple((order, 2) for order in orders)
        return Mix(pairs, Weighted(counts_of(None, len(orders)), 1), stop)

    assert of("first", endless, Range(2)).count(0) == 4
    assert of("all", endless, Range(2)).count(0) == INFINITE
    assert of("cycle", endless, Range(2)).count(0) == INFINITE
    assert of("first", endless, endless).count(0) == INFINITE
    far = of("all", endless, Range(2)).at(0, np.array([2**62, 2**62 + 1]))
    assert sorted(far.tolist()) == [0, 1]


# -- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
def test_any_position_of_huge_datasets_is_reached_in_one_step(stop: Stop) -> None:
    order = mix([10**12, 3 * 10**12, 10**9], [1, 2, 0.3], stop)
    count = order.count(0)
    assert count >= 10**9
    places = np.array([0, 1, count // 3, count - 2, count - 1])
    indices = order.at(1, places)
    if stop != "cycle":
        assert order.locate(1, indices).tolist() == places.tolist()
    assert Part(order, 3, 7).at(1, np.array([100])) == order.at(1, np.array([703]))


def test_a_thousand_datasets() -> None:
    sizes = list(range(1, 1_001))
    order = mix(sizes, stop="all")
    found = whole(order)
    assert np.array_equal(np.sort(found), np.arange(sum(sizes)))
    assert np.array_equal(order.locate(0, found), np.arange(len(found)))
    assert len(str(order)) < 300


# -- as an order ---------------------------------------------------------------------------------


def test_s_b20_epochs_differ_and_repeat_by_seed() -> None:
    epochs = [whole(mix([300, 300], seed=3), epoch).tolist() for epoch in (0, 1, 2)]
    assert len({tuple(one) for one in epochs}) == 3
    order = mix([300, 300], seed=3)
    # Read in another sequence, and after others: nothing carries over.
    assert [whole(order, epoch).tolist() for epoch in (2, 0, 1)] == [
        epochs[2],
        epochs[0],
        epochs[1],
    ]
    assert whole(mix([300, 300], seed=4)).tolist() != epochs[0]


def test_an_open_seed_is_completed_and_does_not_change_the_length() -> None:
    order = mix([30, 500], [1, 3], seed=None)
    assert needs_seed(order)
    completed = with_seed(order, 9)
    assert completed == mix([30, 500], [1, 3], seed=9)
    assert order.count(0) == completed.count(0)
    with pytest.raises(StreamError, match="a mix order needs a seed, got None"):
        whole(order)


def test_a_mix_pickles_compares_and_prints() -> None:
    order = mix([10, 20], {0: [1, 1], 500: [3, 1]}, "cycle", 2)
    expected = whole(order).tolist()
    again = pickle.loads(pickle.dumps(order))
    assert again == order
    assert hash(again) == hash(order)
    assert whole(again).tolist() == expected
    text = "mix(range(10) of 10; range(20) of 20; 0=128:128, 500=192:64, seed=7, stop=cycle, "
    assert str(order) == text + "max_repeats=2)"
    assert str(mix([10, 20], {0: [1, 1], 501: [3, 1]}, "cycle", 2)) != str(order)


def test_long_schedules_are_told_apart_by_a_hash() -> None:
    schedules = [{k * 300: [1, 1 + (k + shift) % 9] for k in range(100)} for shift in (0, 1)]
    texts = [str(mix([10, 20], schedule)) for schedule in schedules]
    assert texts[0] != texts[1]
    assert max(map(len, texts)) < 300


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stop": "frist"}, "stop 'frist' is unknown. One of first, all, cycle .*'first'"),
        ({"max_repeats": 2}, "max_repeats=2 was given with stop='first'.*Leave it out"),
        ({"stop": "cycle", "max_repeats": 0}, "max_repeats must be .* at least 1, got 0"),
        ({"stop": "cycle", "max_repeats": 1.5}, "max_repeats must be a whole number"),
        ({"seed": 0.5}, "a seed must be a whole number"),
    ],
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mix([1, 2], **wrong)


def test_orders_that_do_not_fit_the_pattern_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"a mix got 0 orders and a pattern of 2.*Range\(0\)"):
        Mix((), InTurn(2))
    with pytest.raises(ArgumentError, match="a mix got 1 orders and a pattern of 2"):
        Mix(((Range(1), 1),), InTurn(2))
    with pytest.raises(ArgumentError, match="size of a dataset must be .*got -1"):
        Mix(((Range(1), -1),), InTurn(1))
