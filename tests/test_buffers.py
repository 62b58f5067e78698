"""Buffers give memory again, and never memory that somebody still sees."""

from __future__ import annotations

import pickle
import threading

import numpy as np

from headrace.buffers import MOST_BUFFERS, MOST_BYTES, SMALLEST_BYTES, Buffers

BYTES = np.dtype(np.uint8)
LARGE = (SMALLEST_BYTES,)


def test_memory_that_nobody_refers_to_is_given_again() -> None:
    buffers = Buffers()
    array = buffers.empty(LARGE, BYTES)
    address = array.ctypes.data
    del array

    assert buffers.empty(LARGE, BYTES).ctypes.data == address


def test_a_slice_keeps_its_memory() -> None:
    buffers = Buffers()
    part = buffers.empty(LARGE, BYTES)[10:20]
    part[:] = 7
    for _ in range(2 * MOST_BUFFERS):
        buffers.empty(LARGE, BYTES)[:] = 0

    assert part.tolist() == [7] * 10


def test_a_memoryview_and_another_dtype_keep_their_memory() -> None:
    buffers = Buffers()
    array = buffers.empty(LARGE, BYTES)
    array[:] = 7
    view, numbers = array.data, array.view(np.int32)
    del array
    for _ in range(2 * MOST_BUFFERS):
        buffers.empty(LARGE, BYTES)[:] = 0

    assert view[3] == 7
    assert numbers[0] == 0x07070707


def test_arrays_that_live_together_share_nothing() -> None:
    buffers = Buffers()
    arrays = [buffers.empty(LARGE, BYTES) for _ in range(3 * MOST_BUFFERS)]
    for number, array in enumerate(arrays):
        array[:] = number

    assert [int(array[-1]) for array in arrays] == list(range(3 * MOST_BUFFERS))


def test_shape_and_dtype_are_as_asked_whatever_was_asked_before() -> None:
    buffers = Buffers()
    for rows in (4, 1, 9, 4):
        array = buffers.empty((rows, 3, SMALLEST_BYTES), np.dtype(np.float32))
        assert array.shape == (rows, 3, SMALLEST_BYTES)
        assert array.dtype == np.float32


def test_threads_never_get_the_same_memory() -> None:
    buffers = Buffers()
    clashes: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            array = buffers.empty(LARGE, BYTES)
            array[::4096] = number
            if (array[::4096] != number).any():
                clashes.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert clashes == []


def test_a_pickled_pool_is_an_empty_one() -> None:
    buffers = Buffers()
    array = buffers.empty(LARGE, BYTES)
    again = pickle.loads(pickle.dumps(buffers))

    assert again.empty(LARGE, BYTES).ctypes.data != array.ctypes.data


def test_one_huge_array_is_not_kept_and_does_not_displace_the_usual_ones() -> None:
    buffers = Buffers()
    address = buffers.empty(LARGE, BYTES).ctypes.data
    buffers.empty((MOST_BYTES + 1,), BYTES)

    assert buffers.empty(LARGE, BYTES).ctypes.data == address


def test_all_buffers_together_stay_within_a_bound() -> None:
    buffers = Buffers()
    # Never written to, so that they take address space alone.
    arrays = [buffers.empty((MOST_BYTES // 4 + 1,), BYTES) for _ in range(4)]
    assert len({array.ctypes.data for array in arrays}) == 4
    del arrays

    kept = buffers._buffers  # pyright: ignore[reportPrivateUsage] - it shows nowhere else
    assert len(kept) == 3
