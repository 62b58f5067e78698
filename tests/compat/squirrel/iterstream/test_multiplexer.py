"""`Multiplexer`: Squirrel's own draws and counts, and none of its carried-over state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.compat.squirrel.iterstream import IterableSource, Multiplexer, MultiplexingStrategy
from headrace.contracts.errors import ArgumentError

# Any, in this file: records are untyped in a Composable.
IN_TURN = MultiplexingStrategy.ROUND_ROBIN
UNIFORM = MultiplexingStrategy.UNIFORM_WITH_REPLACEMENT
SAMPLING = MultiplexingStrategy.SAMPLING


def chains(*sizes: int) -> list[IterableSource]:
    return [IterableSource([(name, at) for at in range(size)]) for name, size in enumerate(sizes)]


def drawn(
    sizes: Sequence[int], probas: Sequence[float] | None, seed: int, most: int | None
) -> list[tuple[int, int]]:
    """What the rules say, in the plainest way: one draw at a time."""
    random = np.random.RandomState(np.random.MT19937(seed))
    at, restarts, found = [0] * len(sizes), [0] * len(sizes), []
    while not (all(restarts) or max(restarts) == most):
        number = int(random.choice(len(sizes), 1, replace=True, p=probas)[0])
        if at[number] == sizes[number]:
            at[number] = 0
            restarts[number] += 1
        else:
            found.append((number, at[number]))
            at[number] += 1
    return found


@pytest.mark.parametrize("most", [None, 2])
@pytest.mark.parametrize("probas", [None, [0.5, 0.3, 0.2]])
def test_the_draws_are_those_of_the_original(probas: list[float] | None, most: int | None) -> None:
    sizes = (900, 20, 300)
    strategy = SAMPLING if probas else UNIFORM
    mux = Multiplexer(chains(*sizes), strategy, probas, max_reinits=most, seed=42)
    found = mux.collect()
    assert found == drawn(sizes, probas, 42, most)
    assert mux.num_samples == [sum(name == one for name, _ in found) for one in range(3)]
    assert (max(mux.reinit_counts) == most) if most else min(mux.reinit_counts) == 1


def test_round_robin_gives_each_once_and_counts() -> None:
    mux = Multiplexer(chains(3, 1, 2), IN_TURN, sampling_probas=[0.0, 0.0, 1.0])
    assert mux.num_samples == [0, 0, 0]
    assert mux.collect() == [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (0, 2)]
    assert (mux.num_samples, mux.reinit_counts) == ([3, 1, 2], [])


def test_s_b20_a_turn_goes_on_where_another_chain_ended() -> None:
    mux = Multiplexer(chains(2, 1, 2), IN_TURN)
    assert [name for name, _ in mux] == [0, 1, 2, 0, 2]


def test_s_b20_epochs_have_draws_and_counts_of_their_own() -> None:
    mux, other = (Multiplexer(chains(30, 5), UNIFORM, seed=3) for _ in range(2))
    first = mux.collect()
    # An epoch that is left early changes nothing for those after it.
    assert next(iter(other)) == first[0]
    second = mux.collect()
    assert other.collect() == second != first
    assert sum(mux.num_samples) == len(second)
    assert min(mux.reinit_counts) == 1


def test_s_b20_one_shot_sources_are_counted_once() -> None:
    sources = [IterableSource(iter(range(3))), IterableSource([]), IterableSource(range(50))]
    mux = Multiplexer(sources, UNIFORM, seed=1, max_reinits=5)
    assert sorted(set(mux.collect())) == list(range(50))
    assert mux.reinit_counts == [1, 1, 1]


def test_restarted_chains_are_in_their_next_epoch() -> None:
    parts = [IterableSource(range(40)).shuffle(seed=1), IterableSource(range(100, 400))]
    found = [one for one in Multiplexer(parts, UNIFORM, seed=1) if one < 100]
    assert sorted(found[:40]) == sorted(found[40:80]) == list(range(40))
    assert found[:40] != found[40:80]


def test_small_probabilities_leave_a_chain_out() -> None:
    for strategy in (SAMPLING, UNIFORM):
        mux = Multiplexer(chains(5, 5, 5), strategy, [0.5, 0.001, 0.499], seed=1)
        assert {name for name, _ in mux} == {0, 2}
        assert len(mux.num_samples) == len(mux.composables) == 2
    assert mux.sampling_probas == pytest.approx([0.5 / 0.999, 0.499 / 0.999])
    assert Multiplexer([], UNIFORM).collect() == []


def test_a_multiplexer_resumes_where_it_was() -> None:
    parts = [IterableSource(range(40)).shuffle(seed=1), IterableSource(range(100, 130))]
    stream = Multiplexer(parts, UNIFORM, seed=1).batched(4).as_stream()
    with hr.DataLoader(stream) as loader:
        epochs = [list(loader), list(loader)]
    with hr.DataLoader(stream) as loader:
        list(loader)
        batches = iter(loader)
        seen = [next(batches) for _ in range(5)]
        state = loader.state_dict()
    with hr.DataLoader(stream) as other:
        other.load_state_dict(state)
        assert [*seen, *other] == epochs[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mux_strategy": "sampling"}, "mux_strategy must be a MultiplexingStrategy, got 'samp"),
        ({"mux_strategy": SAMPLING}, "sampling_probas must be 2 numbers, one for each chain, got"),
        (
            {"mux_strategy": SAMPLING, "sampling_probas": [1.0]},
            r"sampling_probas must be 2 numbers, one for each chain, got \[1.0\]",
        ),
        ({"mux_strategy": UNIFORM, "max_reinits": 0}, "max_reinits must be .* at least 1, got 0"),
        ({"mux_strategy": UNIFORM, "seed": -1}, "seed must be .* at least 0, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Multiplexer(chains(3, 3), **arguments)
