"""Random disjoint parts of a dataset."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.orders import split


@given(st.integers(0, 500), st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_parts_are_disjoint_and_their_sizes_are_rounded_shares(
    size: int, weights: list[int]
) -> None:
    total = max(sum(weights), 1)
    fractions = [weight / total for weight in weights]
    parts = split(size, fractions, seed=7)
    held = [part.at(4, np.arange(part.count(4))).tolist() for part in parts]
    together = [index for part in held for index in part]
    assert len(set(together)) == len(together)
    for part, fraction in zip(held, fractions, strict=True):
        assert abs(len(part) - fraction * size) < 1 + 1e-6
    if sum(weights):
        assert sorted(together) == list(range(size))


def test_sizes_go_to_the_largest_remainders() -> None:
    sizes = [part.count(0) for part in split(10, (0.55, 0.26, 0.19), seed=7)]
    assert sizes == [5, 3, 2]
    assert [part.count(0) for part in split(100, (0.29, 0.31), seed=7)] == [29, 31]
    thirds = [part.count(0) for part in split(10**12, [1 / 3] * 3, seed=7)]
    assert sum(thirds) == 10**12
    # 0.8, 0.1 and 0.1 of single precision add up to 1.000000014.
    single = np.array([0.8, 0.1, 0.1], dtype=np.float32).tolist()
    assert sum(part.count(0) for part in split(10**12, single, seed=7)) == 10**12


def test_a_part_is_random_and_the_same_in_every_epoch() -> None:
    part, other = split(1000, (0.5, 0.5), seed=7)[0], split(1000, (0.5, 0.5), seed=8)[0]
    positions = np.arange(500)
    assert np.array_equal(part.at(0, positions), part.at(5, positions))
    assert 150 < len(np.intersect1d(part.at(0, positions), other.at(0, positions))) < 350


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan, math.inf, True, "0.5", None])
def test_a_fraction_outside_zero_to_one_is_refused(fraction: float) -> None:
    with pytest.raises(ArgumentError, match=r"split got the fraction .*from 0 to 1.*such as 0.8"):
        split(10, (0.1, fraction), seed=7)


def test_fractions_of_more_than_one_in_all_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"fractions of 1.2 in all. At most 1 .*Make the parts"):
        split(10, (0.8, 0.4), seed=7)


def test_a_split_needs_a_seed_and_a_size() -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        split(10, (0.5,), seed=math.nan)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="size of a range"):
        split(-1, (0.5,), seed=7)
