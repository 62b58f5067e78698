"""Slots come back when the last array is dropped, are used again, and never before."""

from __future__ import annotations

import gc
import os
import pickle
import queue
import resource
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.arena.passing import Passage

from headrace.arena import Arena
from headrace.arena.arena import MOST_LENT
from headrace.arena.desk import MOST_KEPT
from headrace.arena.memory import MARK_BYTES
from headrace.arena.pickling import tail_of
from headrace.buffers import LEAST_LENT_BYTES, Buffers
from headrace.contracts.errors import ClosedError

# Any, in this file: arrays of every dtype.
LARGE = 1 << 16
BYTES = np.dtype(np.uint8)


def filled(value: int, size: int = LARGE) -> Any:
    return np.full(size, value, np.uint8)


def test_a_slot_is_used_again_after_its_arrays(passage: Passage) -> None:
    for value in range(5):
        array = passage(partial(filled, value))
        assert array[-1] == value
        del array

    assert set(passage.numbers) == {0}


@pytest.mark.parametrize(
    "part_of",
    [
        lambda array: array[5:6],
        lambda array: array.view(np.uint16)[::2],
        lambda array: memoryview(array)[2:3],
        lambda array: array.reshape(2, -1).T,
        lambda array: np.frombuffer(array, np.int8),
        lambda array: np.lib.stride_tricks.as_strided(array, (3,), (2,)),
    ],
    ids=["slice", "view", "memoryview", "transposed", "frombuffer", "strided"],
)
def test_whatever_is_over_an_array_keeps_its_slot(passage: Passage, part_of: Any) -> None:
    part = part_of(passage(lambda: [filled(7), filled(7)])[0])
    for _ in range(3):
        passage(lambda: filled(1))
    assert set(np.asarray(part).tobytes()) == {7}

    del part
    passage(lambda: None)
    passage(lambda: None)
    assert passage.numbers[:4] == [0, 1, 1, 1]
    assert 0 in passage.numbers[4:]


def test_a_torch_tensor_keeps_its_slot(passage: Passage) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(passage(lambda: filled(7)))[3:9]
    passage(lambda: filled(1))
    passage(lambda: filled(1))

    assert tensor.tolist() == [7] * 6
    assert passage.numbers == [0, 1, 1]


def test_a_jax_array_keeps_its_slot(passage: Passage) -> None:
    jax = pytest.importorskip("jax")
    array = jax.numpy.asarray(passage(lambda: filled(7)))
    passage(lambda: filled(1))
    passage(lambda: filled(1))

    assert set(array.tolist()) == {7}


def test_a_loop_of_references_gives_its_slot_when_it_is_collected(passage: Passage) -> None:
    loop: list[Any] = [passage(lambda: filled(7))]
    loop.append(loop)
    del loop
    gc.collect()
    passage(lambda: None)

    assert passage.numbers == [0, 0]


def test_a_lost_task_gives_its_slot_back(passage: Passage) -> None:
    first = passage.take()
    passage.arena.give_back(first)

    assert passage(lambda: filled(3))[0] == 3
    assert passage.numbers == [0, 0]


def test_kept_results_fill_the_arena_and_are_copied_beyond() -> None:
    passage = Passage(most_bytes=10 * LARGE)
    kept = [passage(partial(filled, value)) for value in range(30)]

    assert [set(array.tolist()) for array in kept] == [{value} for value in range(30)]
    assert max(passage.numbers) == 10
    kept.clear()
    assert passage(lambda: filled(1)).base is not None
    passage.close()


@pytest.mark.parametrize(("allowed", "lent"), [(1024, MOST_LENT), (256, 32)])
def test_slots_are_bounded_in_number_by_what_descriptors_there_are(allowed: int, lent: int) -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        passage = Passage()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    kept = [passage(lambda: filled(1, 5000)) for _ in range(lent + 20)]

    assert len(set(passage.numbers)) == lent + 1
    assert all(array.sum() == 5000 for array in kept)
    passage.close()


def test_one_large_result_does_not_take_the_place_of_many() -> None:
    passage = Passage(most_bytes=16 * LARGE)
    slots = [passage.take() for _ in range(6)]
    large = [passage.packed(slot, lambda: filled(1, 8 * LARGE)) for slot in slots]
    for slot, payload in zip(slots, large, strict=True):
        assert passage.arena.opened(slot, payload).all()
    sizes = [
        os.fstat(slot.handle).st_size // LARGE for slot in slots if isinstance(slot.handle, int)
    ]

    assert sum(sizes) <= 16
    # Whoever has mapped an emptied slot finds that out.
    kept = [passage(partial(filled, value)) for value in range(6)]
    assert [set(array.tolist()) for array in kept] == [{value} for value in range(6)]
    passage.close()


def test_memory_dropped_within_a_task_is_lent_again(passage: Passage) -> None:
    buffers = Buffers()
    rng = np.random.default_rng(0)

    def make() -> Any:
        made = None
        for _ in range(300):
            gathered = buffers.empty((int(rng.integers(LARGE // 2, LARGE)),), BYTES)
            gathered[:] = 1
            made = gathered + gathered
        return made

    slot = passage.take()
    payload = passage.packed(slot, make)

    assert tail_of(payload).size_bytes < 20 * LARGE
    assert set(passage.arena.opened(slot, payload).tolist()) == {2}


def test_memory_that_a_task_keeps_is_left_to_it(passage: Passage) -> None:
    buffers = Buffers()
    held: list[Any] = []

    def make() -> Any:
        gathered = buffers.empty((LARGE,), BYTES)
        gathered[:] = len(held)
        held.append(gathered[:10])
        return gathered

    found = [passage(make) for _ in range(MOST_KEPT + 5)]
    for _ in range(5):
        passage(lambda: filled(99))
    for array in found:
        array[:] = 77

    assert [set(part.tolist()) for part in held] == [{value} for value in range(len(held))]
    # Each took a slot with it, until nothing was lent any more.
    assert passage.numbers[: MOST_KEPT + 1] == list(range(MOST_KEPT + 1))


def test_only_the_thread_of_a_task_is_lent_memory(passage: Passage) -> None:
    buffers = Buffers()
    found: list[Any] = []

    def make() -> list[Any]:
        thread = threading.Thread(target=lambda: found.append(buffers.empty((5000,), BYTES)))
        thread.start()
        thread.join()
        found.append(buffers.empty((5000,), BYTES))
        return [found.pop()]

    passage(make)

    assert found[0].base is None


def test_small_gathers_are_not_lent(passage: Passage) -> None:
    buffers = Buffers()

    def small(size: int) -> Any:
        return buffers.empty((size,), BYTES)[:1]

    payloads = [
        passage.packed(passage.take(), partial(small, size))
        for size in (LEAST_LENT_BYTES - 1, LEAST_LENT_BYTES)
    ]

    assert [tail_of(payload).size_bytes > 0 for payload in payloads] == [False, True]


def test_threads_drop_arrays_while_another_takes_slots() -> None:
    passage = Passage()
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    wrong: list[int] = []

    def drop() -> None:
        while (given := waiting.get()) is not None:
            value, array = given
            if array.min() != value or array.max() != value:
                wrong.append(value)
            del array, given

    threads = [threading.Thread(target=drop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1500):
        value = number % 251
        waiting.put((value, passage(partial(filled, value, 8000))))
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()

    assert not wrong
    assert len(set(passage.numbers)) < 1500
    passage.close()


def test_arrays_outlive_a_closed_arena(passage: Passage) -> None:
    array = passage(lambda: filled(7))
    passage.close()

    assert array.sum() == 7 * LARGE
    array[:] = 8
    assert array.max() == 8


def test_arrays_outlive_an_arena_that_nobody_closed() -> None:
    passage = Passage()
    slot = passage.take()
    array = passage.arena.opened(slot, passage.packed(slot, lambda: filled(7)))
    del passage
    gc.collect()

    assert isinstance(slot.handle, int)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(slot.handle)
    assert array.sum() == 7 * LARGE


def test_a_closed_arena_gives_nothing(passage: Passage) -> None:
    slot = passage.take()
    payload = passage.packed(slot, lambda: filled(1))
    passage.arena.close()
    passage.arena.close()
    passage.arena.give_back(slot)

    with pytest.raises(ClosedError, match=r"arena.*after its end.*Make a new DataLoader"):
        passage.take()
    with pytest.raises(ClosedError, match="after its end"):
        passage.arena.opened(slot, payload)


def test_nothing_stays_open_after_a_close(passage: Passage) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    buffers = Buffers()
    held: list[Any] = []
    for value in range(20):
        passage(partial(filled, value, LARGE * (value + 1)))
        passage(lambda: held.append(buffers.empty((LARGE,), BYTES)))
    passage.close()
    held.clear()

    assert descriptors() == before


def test_memory_that_went_with_its_worker_is_told_from_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    passage = Passage()
    slot = passage.take()
    payload = passage.packed(slot, lambda: filled(1))
    (path,) = Path("/dev/shm").glob(f"{str(slot.handle)[1:]}.*")
    with path.open("r+b") as file:
        file.write(bytes(MARK_BYTES))

    with pytest.raises(FileNotFoundError, match="went with the worker"):
        passage.arena.opened(slot, payload)
    assert passage.arena.take() == slot
    passage.close()


def test_descriptors_are_not_inherited() -> None:
    arena = Arena(1)
    handle = arena.take().handle

    assert isinstance(handle, int)
    assert not os.get_inheritable(handle)
    arena.close()


def test_a_slot_pickles() -> None:
    arena = Arena(1)
    slot = arena.take()

    assert pickle.loads(pickle.dumps(slot)) == slot
    arena.close()
