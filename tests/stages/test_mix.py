"""`mix`: by position where possible, else chains read in turns."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Run, iterate, marker
from headrace.contracts.errors import ArgumentError, StateError
from headrace.orders import Stop, Weighted, counts_of
from headrace.testing import check_stage

OTHER = [100, 101, 102, 103, 104]


def walk(
    sources: list[Iterator[Any]], weights: Any, seed: int, stop: Stop = "first"
) -> Iterator[Any]:
    """The same turns over plain iterators: ended ones are passed over."""
    pattern = Weighted(counts_of(weights, len(sources)), seed)
    (stretch,) = pattern.stretches
    ended: set[int] = set()
    for period in itertools.count():
        (slots,) = pattern.slots(0, stretch, np.array([period])).tolist()
        for _, source in sorted(zip(slots, stretch.owners.tolist(), strict=True)):
            if source in ended:
                continue
            for record in itertools.islice(sources[source], 1):
                yield record
                break
            else:
                ended.add(source)
                if stop == "first" or len(ended) == len(sources):
                    return


def odd(records: Any) -> Iterator[Any]:
    return (x for x in records if x % 2)


# -- conformance ---------------------------------------------------------------------------------


def test_mix_of_datasets_conforms() -> None:
    other = hr.stream(OTHER)
    check_stage(
        lambda stream: stream.mix(other, hr.stream([]), weights=[2, 1, 1], seed=3, stop="all"),
        lambda records: walk([records, iter(OTHER), iter([])], [2, 1, 1], 3, "all"),
    )


def test_mix_of_chains_conforms() -> None:
    other = hr.stream(OTHER).flat_map(lambda x: [x] * (x % 3))
    check_stage(
        lambda stream: stream.filter(lambda x: x % 2).mix(
            other, weights=[1, 1], seed=5, stop="all"
        ),
        lambda records: walk(
            [odd(records), (x for x in OTHER for _ in range(x % 3))], [1, 1], 5, "all"
        ),
    )


def test_a_mix_that_ends_with_the_first_chain_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 2).mix(hr.stream(OTHER), seed=5),
        lambda records: walk([odd(records), iter(OTHER)], [1, 1], 5),
        sizes=(1, 2, 3, 11, 24),
    )


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
@pytest.mark.parametrize("is_known", [False, True])
def test_every_end_conforms(stop: Stop, is_known: bool) -> None:
    other = hr.DataRef.from_sequence(OTHER).shuffle(seed=2).stream()
    cap = 3 if stop == "cycle" else None

    def build(stream: Any) -> Any:
        chain = stream.map(int) if is_known else stream.filter(lambda x: x % 3)
        return chain.mix(other, weights=[1, 2], seed=5, stop=stop, max_repeats=cap)

    check_stage(build, sizes=(1, 3, 11, 24))


def test_what_follows_a_mix_and_mixes_of_mixes_conform() -> None:
    def build(stream: Any) -> Any:
        inner = stream.filter(lambda x: x % 3).mix(hr.stream(OTHER), seed=1, stop="cycle")
        outer = inner.mix(hr.stream([7, 8, 9]), weights=[3, 1], seed=2, stop="all")
        return outer.batch(3, collate="list").repeat(2)

    check_stage(build, sizes=(0, 1, 11))


def test_a_schedule_resumes_around_each_change() -> None:
    weights = {0: [1, 1], 100: [3, 1], 300: [0, 1]}
    chains = [hr.stream(range(k, k + 700)).filter(lambda x: x % 7) for k in (0, 1_000)]
    stream = hr.mix(chains, weights, seed=2, stop="all")
    expected = stream.collect()
    assert [sum(x < 1_000 for x in expected[k : k + 256]) for k in (0, 256, 512)] == [128, 192, 0]
    with hr.DataLoader(stream) as loader:
        states = [loader.state_dict() for _ in loader]
    for cut in (1, 99, 100, 255, 256, 257, 300, 511, 512, 513, 800):
        with hr.DataLoader(stream) as loader:
            loader.load_state_dict(json.loads(json.dumps(states[cut - 1])))
            assert list(loader) == expected[cut:], cut


# -- the same as by position ---------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
@pytest.mark.parametrize("weights", [None, [3, 1, 0.5], {0: [1, 1, 1], 60: [0, 3, 1]}])
def test_chains_of_known_length_give_what_their_datasets_give(stop: Stop, weights: Any) -> None:
    refs = [hr.DataRef.from_sequence(range(k, k + 9 * k)).shuffle(seed=k) for k in (3, 20, 50)]
    by_position = hr.mix(refs, weights, seed=4, stop=stop).stream()
    in_turns = hr.mix([ref.stream().map(int) for ref in refs], weights, seed=4, stop=stop)
    assert "chains" in in_turns.explain()
    for epoch in range(3):
        expected = by_position.epoch(epoch).collect()
        assert in_turns.epoch(epoch).collect() == expected
        assert in_turns.node.length(Run(epoch=epoch)) == len(expected)


def test_chains_of_unknown_length_give_what_their_datasets_give_under_all() -> None:
    refs = [hr.DataRef.from_sequence(range(k, k + 9 * k)).shuffle(seed=k) for k in (3, 20, 50)]
    filtered = [ref.stream().filter(lambda _: True) for ref in refs]
    in_turns = hr.mix(filtered, [1, 2, 3], seed=4, stop="all")
    assert in_turns.node.length(Run()) is None
    assert in_turns.collect() == hr.mix(refs, [1, 2, 3], seed=4, stop="all").stream().collect()


def test_datasets_are_mixed_by_position() -> None:
    stream = hr.stream(range(5)).mix(hr.stream(range(5)), seed=1)
    assert "order" in stream.explain().splitlines()[2]
    assert len(stream.take(3)) == 3


# -- ends ----------------------------------------------------------------------------------------


def test_a_chain_that_begins_again_is_shuffled_anew() -> None:
    few = hr.DataRef.from_sequence(range(6)).shuffle(seed=1).stream().filter(lambda _: True)
    mixed = hr.mix([few, hr.stream(range(100, 130))], seed=3, stop="cycle").collect()
    small = [x for x in mixed if x < 100]
    passes = [small[k : k + 6] for k in (0, 6, 12)]
    assert all(sorted(one) == list(range(6)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3


def test_a_cap_lets_a_chain_drop_out() -> None:
    few = hr.stream(range(3)).filter(lambda _: True)
    many = hr.stream(range(100, 160))
    seen = Counter(hr.mix([few, many], seed=3, stop="cycle", max_repeats=2).collect())
    assert [seen[x] for x in range(3)] == [2, 2, 2]
    assert [seen[x] for x in range(100, 160)] == [1] * 60


def test_a_chain_that_gives_nothing_does_not_begin_again_without_end() -> None:
    empty = hr.stream([1, 2]).filter(lambda _: False)
    for seed in range(9):
        mixed = hr.mix([empty, hr.stream([3, 4])], seed=seed, stop="cycle")
        assert set(mixed.collect()) == {3, 4}


def test_a_chain_without_weight_is_never_opened() -> None:
    def fail() -> Iterator[int]:
        raise AssertionError("opened")

    mixed = hr.mix([hr.stream(fail), [1, 2, 3]], [0, 1], seed=1)
    assert mixed.collect() == [1, 2, 3]


def test_when_all_that_have_turns_ended_the_next_weights_begin() -> None:
    short = hr.stream([1, 2, 3]).filter(bool)
    weights = {0: [1, 0], 10**9: [0, 1]}
    assert hr.mix([short, [7, 8]], weights, seed=1, stop="all").collect() == [1, 2, 3, 7, 8]


def test_endless_streams() -> None:
    counting = hr.stream(itertools.count())
    finite = hr.stream([-1, -2]).filter(bool)
    assert counting.mix(counting, seed=1).is_infinite
    assert not counting.mix(finite, seed=1).is_infinite
    assert counting.mix(finite, seed=1, stop="all").is_infinite
    assert not counting.mix(finite, weights=[0, 1], seed=1, stop="all").is_infinite
    mixed = counting.mix(finite, seed=1, stop="all").take(50).collect()
    assert sorted(mixed) == list(range(-2, 48))


def test_an_error_comes_at_its_turn_and_again() -> None:
    def checked(x: int) -> int:
        if x == 102:
            raise ValueError("third")
        return x

    mixed = hr.stream(range(20)).filter(lambda _: True).mix(hr.stream(OTHER).map(checked), seed=3)
    expected = list(walk([iter(range(20)), iter(OTHER)], [1, 1], 3))
    cursor = mixed.node.open(Run())
    assert list(cursor.read(100)) == expected[: expected.index(102)]
    for _ in range(2):
        with pytest.raises(ValueError, match="third"):
            cursor.read(1)
    rest = mixed.node.open(Run(), cursor.state())
    with pytest.raises(ValueError, match="third"):
        rest.read(1)


# -- seeds, epochs and states --------------------------------------------------------------------


def test_s_b20_epochs_differ_repeat_and_do_not_depend_on_what_ran_before() -> None:
    sources = [hr.stream(range(k, k + 40)).filter(lambda _: True) for k in (0, 100)]
    mixed = hr.mix(sources, seed=3, stop="all")
    epochs = [mixed.epoch(epoch).collect() for epoch in range(3)]
    assert len({tuple(one) for one in epochs}) == 3
    assert [mixed.epoch(epoch).collect() for epoch in (2, 0, 1)] == [epochs[k] for k in (2, 0, 1)]
    with hr.DataLoader(mixed) as loader:
        assert [list(loader) for _ in range(3)] == epochs
    assert hr.mix(sources, seed=4, stop="all").collect() != epochs[0]


def test_s_b20_a_source_that_ended_does_not_restart_another() -> None:
    counting = hr.stream(range(1_000)).filter(lambda _: True)
    mixed = hr.mix([counting, hr.stream([-1, -2])], seed=3, stop="cycle").collect()
    assert [x for x in mixed if x >= 0] == list(range(1_000))


def test_s_b20_a_one_shot_source_is_not_silently_empty_when_it_begins_again() -> None:
    mixed = hr.mix([iter([1, 2]), range(100, 150)], seed=3, stop="cycle")
    with pytest.raises(hr.errors.HeadraceError, match="an iterator gives its records once"):
        mixed.collect()


def test_the_loader_gives_the_seed_that_was_left_open() -> None:
    chains = [hr.stream(range(k, k + 9)).filter(lambda _: True) for k in (0, 100)]
    left_open, given = hr.mix(chains, stop="all"), hr.mix(chains, seed=8, stop="all")
    assert list(hr.DataLoader(left_open, seed=8)) == given.collect()
    with pytest.raises(ArgumentError, match=r"a mix of 2 streams has no seed.*\(seed=7\)"):
        left_open.collect()
    refs = [hr.DataRef.from_sequence(range(9))] * 2
    by_position = hr.mix(refs, stop="all").stream()
    expected = hr.mix(refs, seed=8, stop="all").stream().collect()
    assert list(hr.DataLoader(by_position, seed=8)) == expected


def test_chains_are_opened_at_their_first_turn_and_closed_at_their_end() -> None:
    stream = hr.mix(
        [hr.stream([k, k]).filter(lambda _: True) for k in range(30)], seed=1, stop="all"
    )
    cursor = stream.node.open(Run())
    cursor.read(1)
    parents = cursor.state()["parents"]
    assert sum(parent is not None for parent in parents) == 1
    while len(cursor.read(1)):
        pass
    assert cursor.state()["parents"] == [{}] * 30
    cursor.close()


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
def test_from_the_end_no_chain_begins_again(stop: Stop) -> None:
    chains = [hr.stream(range(size)).filter(lambda _: True) for size in (4, 9, 30)]
    stream = hr.mix(chains, seed=1, stop=stop)
    cursor = stream.node.open(Run())
    while len(cursor.read(7)):
        pass
    assert len(stream.node.open(Run(), cursor.state()).read(1)) == 0


def test_a_state_passes_through_json_and_stays_small() -> None:
    chains = [hr.stream(range(50)).filter(lambda _: True) for _ in range(10)]
    loader = hr.DataLoader(hr.mix(chains, seed=1, stop="cycle"))
    batches = iter(loader)
    for _ in range(200):
        next(batches)
    assert len(json.dumps(loader.state_dict())) < 2_500


def test_a_schedule_is_part_of_the_state() -> None:
    def loader(weights: Any) -> Any:
        return hr.DataLoader(hr.mix([range(500), range(500)], weights, seed=1))

    state = loader({0: [1, 1], 300: [3, 1]}).state_dict()
    loader({0: [2, 2], 300: [6, 2]}).load_state_dict(state)
    with pytest.raises(StateError, match="this state was saved with chain"):
        loader({0: [1, 1], 600: [3, 1]}).load_state_dict(state)


# -- bad input -----------------------------------------------------------------------------------


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"mix joins Streams, got list. Make one of it by"):
        hr.stream([1]).mix([1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": [1]}, "1 weights were given for 2 sources"),
        ({"weights": [1, -1]}, "a weight must be a finite number of at least 0, got -1"),
        ({"stop": "last"}, "stop 'last' is unknown"),
        ({"max_repeats": 2}, "max_repeats=2 was given with stop='first'"),
        ({"seed": "seven"}, "a seed must be a whole number"),
    ],
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.stream([1]).mix(hr.stream([2]), **wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turn": -1}, "a state of a mix must say turn and parents"),
        ({"turn": "one"}, "a state of a mix must say turn and parents"),
        ({"parents": 3}, "a state of a mix must say turn and parents"),
        ({"parents": [3, None]}, "a state of a mix must say turn and parents"),
        ({"parents": [None]}, "a mix of 2 streams was given a state of 1. Load a state of this"),
    ],
)
def test_a_state_of_another_kind_is_refused(change: dict[str, Any], message: str) -> None:
    loader = hr.DataLoader(hr.stream([1, 2]).filter(bool).mix(hr.stream([1, 2]), seed=1))
    next(iter(loader))
    loader.load_state_dict({**loader.state_dict(), **change})
    with pytest.raises(StateError, match=message):
        next(iter(loader))


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
def test_a_place_marked_in_a_mix_of_chains_stays_what_it_was(stop: Stop) -> None:
    chains = [hr.stream(range(10 * n, 10 * n + n)).map(int) for n in (0, 1, 3, 7)]
    stream = hr.mix(chains[stop == "first" :], seed=3, stop=stop)
    whole, run = stream.collect(), Run()
    cursor = stream.node.open(run)
    mark = marker(cursor)
    marks = []
    for _ in whole:
        marks.append(mark())
        cursor.read(1)
    for given, place in enumerate(marks):
        assert list(iterate(stream.node.open(run, place.state()))) == whole[given:]
