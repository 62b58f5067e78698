"""The shuffle of whole blocks, mixed a few at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Blocks, Range, Repeat


@given(
    st.integers(0, 2000),
    st.integers(1, 300),
    st.integers(1, 12) | st.just(2**70),
    st.integers(0, 5),
)
def test_every_run_holds_whole_blocks_each_read_once(
    size: int, block: int, window: int, epoch: int
) -> None:
    order, positions = Blocks(Range(size), block, window, seed=3), np.arange(size)
    found = order.at(epoch, positions)
    assert np.array_equal(np.sort(found), positions)
    assert np.array_equal(order.locate(epoch, found), positions)
    start, blocks_left = 0, -(-size // block)
    while start < size:
        # A run ends where `window` blocks have been given to their last record.
        met: dict[int, int] = {}
        stop = start
        while stop < size and (len(met) < min(window, blocks_left) or any(met.values())):
            number = int(found[stop]) // block
            met.setdefault(number, min(block, size - number * block))
            met[number] -= 1
            stop += 1
        assert len(met) == min(window, blocks_left)
        start, blocks_left = stop, blocks_left - len(met)


def test_blocks_go_anywhere_and_their_records_mix() -> None:
    found = Blocks(Range(64_000), 64, 10, seed=3).at(0, np.arange(64_000))
    numbers = found // 64
    firsts = numbers[::640]
    assert np.abs(np.corrcoef(firsts, np.arange(100))[0, 1]) < 0.5
    assert all(len(set(numbers[k : k + 64].tolist())) >= 8 for k in range(0, 64_000, 640))


def test_any_position_of_a_huge_order_is_reached_at_once() -> None:
    order = Blocks(Range(10**12 + 5), 1000, 16, seed=3)
    positions = np.array([10**12 + 4, 5 * 10**11, 0])
    assert order.locate(0, order.at(0, positions)).tolist() == positions.tolist()


@pytest.mark.parametrize("bad", [0, -1, 1.5])
def test_a_block_or_window_below_one_is_refused(bad: int) -> None:
    with pytest.raises(ArgumentError, match=r"the block of a block shuffle .*such as 1024"):
        Blocks(Range(5), bad, 2, 7)
    with pytest.raises(ArgumentError, match=r"the window of a block shuffle .*how many blocks"):
        Blocks(Range(5), 2, bad, 7)


def test_a_seed_is_checked_and_needed() -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        Blocks(Range(5), 2, 2, 1.0)  # type: ignore[arg-type]
    with pytest.raises(StreamError, match="a blocks order needs a seed"):
        Blocks(Range(5), 2, 2).at(0, np.arange(5))


def test_an_endless_order_has_no_blocks_to_shuffle() -> None:
    with pytest.raises(StreamError, match=r"cannot shuffle the blocks of .* no end"):
        Blocks(Repeat(Range(3), None), 2, 2, 7)


def test_a_block_shuffle_prints_block_window_and_seed() -> None:
    assert str(Blocks(Range(5), 2, 3, 7)) == "range(5) > blocks(2, window=3, seed=7)"
