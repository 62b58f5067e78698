"""The common order in one call."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import (
    SHUFFLES,
    Blocks,
    Nearby,
    Part,
    Range,
    Shuffle,
    Shuffled,
    order,
    shuffled_by,
)


def test_each_shuffle_is_the_order_of_its_name() -> None:
    assert order(10) == Part(Range(10))
    assert order(10, seed=7) == Part(Range(10))
    assert order(10, seed=7, shuffle="global").order == Shuffled(Range(10), 7)
    assert order(10, seed=7, shuffle="nearby", window=3).order == Nearby(Range(10), 3, 7)
    assert order(10, seed=7, shuffle="blocks", window=3).order == Blocks(Range(10), 1024, 3, 7)
    assert order(10, rank=1, world_size=4, remainder="pad") == Part(Range(10), 1, 4, "pad")


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_a_shuffle_needs_no_window_to_visit_everything(shuffle: Shuffle) -> None:
    made = order(100_000, seed=7, shuffle=shuffle)
    found = made.indices(0, 0, 100_000)
    assert np.array_equal(np.sort(found), np.arange(100_000))
    assert np.count_nonzero(found == np.arange(100_000)) < 100


def test_an_unknown_shuffle_lists_the_near_ones() -> None:
    with pytest.raises(ArgumentError, match=r"shuffle 'glob' is unknown.*mean one of 'global'"):
        order(10, seed=7, shuffle="glob")  # type: ignore[arg-type]


def test_a_shuffle_without_a_seed_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"shuffle='global' .*without a seed.*Give `seed=7`"):
        order(10, shuffle="global")


@pytest.mark.parametrize("seed", [float("nan"), 1.0, "7"])
def test_a_seed_that_is_no_whole_number_is_refused_also_unused(seed: int) -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        order(10, seed=seed)


@pytest.mark.parametrize("window", [0, -5])
@pytest.mark.parametrize("shuffle", ["nearby", "blocks"])
def test_a_window_below_one_is_refused(shuffle: Shuffle, window: int) -> None:
    with pytest.raises(ArgumentError, match=f"window of a .* at least 1, got {window}"):
        order(10, seed=7, shuffle=shuffle, window=window)


@pytest.mark.parametrize("shuffle", [None, "global", "nearby"])
def test_a_block_where_none_is_used_is_refused(shuffle: Shuffle | None) -> None:
    with pytest.raises(ArgumentError, match=r"a block of 5 .*which has none.*Leave it out"):
        shuffled_by(Range(10), shuffle, 7, None, block=5)


def test_blocks_have_the_records_that_were_said() -> None:
    found = shuffled_by(Range(30), "blocks", 7, 1, block=10).at(0, np.arange(30))
    assert {tuple(sorted(found[at : at + 10] // 10)) for at in (0, 10, 20)} == {
        (block,) * 10 for block in range(3)
    }


@pytest.mark.parametrize("shuffle", [None, "global"])
def test_a_window_where_none_is_used_is_refused(shuffle: Shuffle | None) -> None:
    with pytest.raises(ArgumentError, match=r"a window of 5 .*which has none.*Leave it out"):
        order(10, seed=7, shuffle=shuffle, window=5)
