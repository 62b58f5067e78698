from __future__ import annotations

import numpy as np

from headrace.formats.columns.growing import Growing


def test_rows_appended_one_by_one_are_all_there() -> None:
    growing = Growing(np.dtype(np.int64))
    for number in range(20_000):
        growing.room(1)[0] = number
        growing.commit()
    assert (growing.filled == np.arange(20_000)).all()


def test_room_that_was_not_committed_is_filled_again() -> None:
    growing = Growing(np.dtype(np.uint8))
    growing.room(5)[:] = 1
    growing.room(2)[:] = 2
    growing.commit()
    assert growing.filled.tolist() == [2, 2]


def test_a_lent_array_is_not_copied_until_it_must_be() -> None:
    growing, lent = Growing(np.dtype(np.uint8)), np.arange(9, dtype=np.uint8)
    growing.lend(lent)
    growing.commit()
    assert growing.filled is lent
    growing.own()
    lent[:] = 0
    growing.lend(lent[:1])
    growing.commit()
    assert growing.filled.tolist() == [*range(9), 0]


def test_memory_of_a_very_large_shard_is_given_back() -> None:
    growing = Growing(np.dtype(np.uint8))
    growing.room(1 << 20)
    growing.commit()
    growing.clear(1 << 21)
    kept = growing.room(1).base
    assert kept is not None
    assert kept.nbytes == 1 << 20
    growing.clear(1 << 19)
    kept = growing.room(1).base
    assert kept is not None
    assert kept.nbytes < 1 << 20
