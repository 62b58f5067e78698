"""G5 over random chains: each record once in all, whatever the ranks, the cuts and the merges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.elastic import ALL, Elsewhere, Ranks, multiset

import headrace as hr
from headrace.contracts import Backend
from headrace.engine.mergeable import unmergeable

# Any, in this file: streams and records of every type.
BACKENDS: tuple[Backend, ...] = (hr.Inline(), hr.Threads(3), Elsewhere())
Added = Callable[[Any], Any]


def number_of(record: Any) -> int:
    """A number that tells records apart, whatever was made of them."""
    while isinstance(record, tuple):
        record = record[0]
    return int(record)


def noisy(record: Any, rng: np.random.Generator) -> Any:
    """The record with a random number beside it."""
    return (number_of(record), record, int(rng.integers(10**6)))


def refusing(record: Any) -> Any:
    """The record, unless it is one of those that fail."""
    if number_of(record) % 5 == 2:
        raise ValueError(record)
    return record


def copies(record: Any) -> list[Any]:
    """No, one, or some records for one."""
    return [(number_of(record), record, copy) for copy in range(number_of(record) % 4)]


# Stages of single records.
SINGLE: dict[str, Added] = {
    "map": lambda stream: stream.map(lambda record: (number_of(record), record)),
    "seeded": lambda stream: stream.map(noisy, seeded=True, seed=3),
    "filter": lambda stream: stream.filter(lambda record: number_of(record) % 3 != 1),
    "rare": lambda stream: stream.filter(lambda record: number_of(record) % 11 == 5),
    "flat_map": lambda stream: stream.flat_map(copies),
    "skip_errors": lambda stream: stream.map(refusing).on_error("skip"),
    "shuffle": lambda stream: stream.shuffle(7, seed=5),
    "prefetch": lambda stream: stream.prefetch(2),
    "async_map": lambda stream: stream.async_map(lambda record: (number_of(record), record)),
}
# Stages that end a chain.
LAST: dict[str, Added] = {
    "nothing": lambda stream: stream,
    "batch": lambda stream: stream.batch(4, collate="list"),
    "batch of batches": lambda stream: stream.batch(2, collate="list").batch(3, collate="list"),
    "late map": lambda stream: stream.batch(3, collate="list").map(list).filter(len),
    "bucket": lambda stream: stream.bucket(2, window=9, key=number_of, collate="list"),
    "unbatch": lambda stream: stream.batch(4, collate="list").unbatch(),
    "pack": lambda stream: stream.map(tokens).pack(6, window=10),
    "unordered": lambda stream: stream.async_map(
        lambda record: record, ordered=False, buffer=9, max_workers=3
    ),
}


def tokens(record: Any) -> np.ndarray[Any, Any]:
    """One to three tokens, none of them the padding."""
    number = number_of(record) + 1
    return np.full(1 + number % 3, number, dtype=np.int64)


def other(count: int) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(1000, 1000 + count))


# Where a chain begins: an order over stored records, or records that can only be drawn.
BEGIN: dict[str, Callable[[int], Any]] = {
    "in order": lambda count: hr.DataRef.from_sequence(range(count)).stream(),
    "shuffled": lambda count: hr.DataRef.from_sequence(range(count)).shuffle(seed=1).stream(),
    "mixed": lambda count: hr.mix(
        [hr.DataRef.from_sequence(range(count + 1)), other(9)], [2, 1], seed=2, stop="all"
    ).stream(),
    "joined": lambda count: hr.concat([hr.DataRef.from_sequence(range(count)), other(5)]).stream(),
    "repeated": lambda count: (
        hr.DataRef.from_sequence(range(count)).shuffle(seed=1).repeat(2).stream()
    ),
    "windows": lambda count: hr.DataRef.from_sequence(range(count)).stream().window(3, 2),
    "drawn": lambda count: hr.stream(lambda: iter(range(count))),
}


def first_of(record: Any) -> Any:
    """The number of a window as that of its first record."""
    return (record[0], tuple(record)) if isinstance(record, list) else record


@st.composite
def streams(draw: st.DrawFn, most: int = 3) -> Any:
    """A chain that can be merged, with its description."""
    begin = draw(st.sampled_from(sorted(BEGIN)))
    count = draw(st.one_of(st.integers(0, 5), st.integers(6, 70)))
    verbs = draw(st.lists(st.sampled_from(sorted(SINGLE)), max_size=most))
    last = draw(st.sampled_from(sorted(LAST)))
    stream = BEGIN[begin](count)
    stream = stream.map(first_of) if begin == "windows" else stream
    for verb in verbs:
        longer = SINGLE[verb](stream)
        # Behind a window a seeded stage draws by the place in it, and beside the consumer by
        # rank: both depend on how many ranks there are.
        plan = longer.node.plan
        is_by_rank = verb == "seeded" and (plan.late or plan.segment.unit > 1)
        stream = stream if is_by_rank or unmergeable(longer.node) else longer
    try:
        longer = LAST[last](stream)
    except hr.errors.StreamError:
        longer = stream
    return stream if unmergeable(longer.node) else longer


CUTS = st.lists(st.one_of(st.integers(0, 12), st.just(ALL)), min_size=1, max_size=5)


@settings(max_examples=250)
@given(streams(), st.lists(CUTS, min_size=1, max_size=3), st.integers(1, 5), st.data())
def test_each_record_is_delivered_once_in_all_over_any_merges(
    stream: Any, worlds: list[list[int]], last: int, data: st.DataObject
) -> None:
    check_once(stream, worlds, last, data)


@pytest.mark.stress
@pytest.mark.timeout(1800)
@settings(max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
@given(streams(5), st.lists(CUTS, min_size=1, max_size=4), st.integers(1, 5), st.data())
def test_thousands_of_chains_deliver_each_record_once(
    stream: Any, worlds: list[list[int]], last: int, data: st.DataObject
) -> None:
    check_once(stream, worlds, last, data)


def check_once(stream: Any, worlds: list[list[int]], last: int, data: st.DataObject) -> None:
    """Runs a stream on ranks that are cut, merged, and at last run to the end."""
    expected = multiset(list(stream))
    ranks = Ranks(stream)
    order = data.draw(st.permutations(BACKENDS))
    for cuts in worlds:
        ranks.run(cuts, order)
        if ranks.merged["epoch"]:
            break
    else:
        ranks.run([ALL] * last, order)
    assert multiset(ranks.given) == expected


@settings(max_examples=100)
@given(streams(), st.integers(0, 40), st.permutations(BACKENDS))
def test_one_rank_goes_on_after_a_merge_exactly_as_without_it(
    stream: Any, cut: int, order: list[Backend]
) -> None:
    expected = list(stream)
    ranks = Ranks(stream)
    ranks.run([cut], order)
    if not ranks.merged["epoch"]:
        ranks.run([ALL], order)
    is_loose = any(getattr(stage, "gives_any_order", False) for stage in stream.node.stages)
    if is_loose:
        assert multiset(ranks.given) == multiset(expected)
    else:
        assert [str(one) for one in ranks.given] == [str(one) for one in expected]
