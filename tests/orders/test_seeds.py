"""Seeds that were left open."""

from __future__ import annotations

import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import (
    Blocks,
    Concat,
    Nearby,
    Part,
    Range,
    Select,
    Shuffled,
    Windowed,
    Zipped,
    first_seed,
    needs_seed,
    with_seed,
)


def test_every_open_seed_is_filled_and_no_other_touched() -> None:
    def composed(seed: int | None) -> Part:
        left = Select(Windowed(Shuffled(Range(9), 3), 4, seed), (1, 2))
        right = Nearby(Blocks(Range(9), 2, 2, seed), 3, seed)
        return Part(Zipped((Concat(((left, 9), (Shuffled(Range(4), seed), 4))), right)), 1, 2)

    assert with_seed(composed(None), 7) == composed(7)
    assert needs_seed(composed(None))
    assert not needs_seed(composed(7))


def test_an_order_without_open_seeds_stays_the_same_object() -> None:
    order = Part(Concat(((Shuffled(Range(9), 3), 9),)))
    assert with_seed(order, 7) is order


def test_the_first_seed_is_the_innermost_one_given() -> None:
    assert first_seed(Part(Windowed(Shuffled(Range(9), 3), 4, 5))) == 3
    assert first_seed(Windowed(Shuffled(Range(9)), 4, 5)) == 5
    assert first_seed(Shuffled(Range(9))) is None
    assert first_seed(Range(9)) is None


def test_a_seed_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        with_seed(Range(9), float("nan"))  # type: ignore[arg-type]
