"""`shuffle`: arithmetic on positions where possible, else whole windows."""

from __future__ import annotations

import random
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage


@pytest.mark.parametrize("window", [1, 4, 100])
def test_shuffle_conforms(window: int) -> None:
    check_stage(lambda stream: stream.shuffle(window, seed=3))


@pytest.mark.parametrize("window", [1, 4, 100])
def test_shuffle_after_a_filter_conforms(window: int) -> None:
    check_stage(lambda stream: stream.filter(lambda x: x % 3).shuffle(window, seed=3))


def test_shuffle_after_a_flat_map_a_batch_and_another_window_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.batch(2, collate="list")
            .flat_map(lambda b: b * (b[0] % 3))
            .shuffle(3, seed=1)
            .shuffle(4, seed=2)
        )
    )


def test_shuffle_beside_the_consumer_conforms() -> None:
    check_stage(lambda stream: stream.filter(lambda x: x % 3).skip(1).shuffle(4, seed=3))


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_records_stay_in_their_window_and_epochs_differ(build: Any) -> None:
    stream = build(hr.stream(range(23))).shuffle(5, seed=3)
    epochs = [stream.epoch(epoch).collect() for epoch in range(4)]
    for epoch in epochs:
        windows = [sorted(epoch[start : start + 5]) for start in range(0, 23, 5)]
        assert windows == [list(range(23))[start : start + 5] for start in range(0, 23, 5)]
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_s_b7_a_seeded_shuffle_is_repeatable_and_leaves_other_generators_alone(build: Any) -> None:
    before = random.getstate()
    found = [build(hr.stream(range(50))).shuffle(10, seed=42).collect() for _ in range(2)]
    assert found[0] == found[1]
    assert found[0] != build(hr.stream(range(50))).shuffle(10, seed=43).collect()
    assert random.getstate() == before


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_s_b8_a_seeded_shuffle_gives_each_epoch_another_order(build: Any) -> None:
    stream = build(hr.stream(range(50))).shuffle(10, seed=42)
    loader = hr.DataLoader(stream)
    epochs = [list(loader) for _ in range(4)]
    assert epochs == [stream.epoch(epoch).collect() for epoch in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    passes = stream.repeat(4).collect()
    assert [passes[start : start + 50] for start in range(0, 200, 50)] == epochs


def test_a_window_after_a_filter_counts_positions() -> None:
    stream = hr.stream(range(20)).filter(lambda x: x % 2 == 0).shuffle(4, seed=3)
    found = stream.collect()
    assert [sorted(found[k : k + 2]) for k in range(0, 10, 2)] == [
        [k, k + 2] for k in range(0, 20, 4)
    ]


def test_a_failing_window_resumes_at_its_begin() -> None:
    is_failing = [True]

    def step(x: int) -> int:
        if x == 9 and is_failing:
            is_failing.pop()
            raise ValueError("nine")
        return x

    stream = hr.stream(range(12)).filter(lambda x: True).skip(1).map(step).shuffle(4, seed=1)
    loader = hr.DataLoader(stream)
    found: list[int] = []
    with pytest.raises(ValueError, match="nine"):
        found.extend(loader)
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == stream.collect()


@pytest.mark.parametrize("window", [0, -1, 1.5])
def test_a_window_below_one_is_refused(window: Any) -> None:
    with pytest.raises(ArgumentError, match=r"shuffle window must be .* Leave out .shuffle"):
        hr.stream([1]).shuffle(window, seed=1)


@pytest.mark.parametrize("seed", [float("nan"), 1.5, "7", True, 2**64])
def test_a_seed_that_is_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="a seed must be a whole number of at most 64 bits"):
        hr.stream([1]).shuffle(4, seed=seed)


def test_without_any_seed_it_says_where_to_give_one() -> None:
    early, late = hr.stream(range(9)).shuffle(4), hr.stream(range(9)).filter(bool).shuffle(4)
    with pytest.raises(ArgumentError, match=r"is shuffled without a seed. Give one to .shuffle"):
        early.collect()
    with pytest.raises(ArgumentError, match="draws random numbers, and there is no seed"):
        late.collect()
    for stream in (early, late):
        assert list(hr.DataLoader(stream, seed=1)) == list(hr.DataLoader(stream, seed=1))
