"""Workers in processes of their own, some of which are killed; and forks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.arena.passing import MOST_BYTES, Passage, worker

from headrace.arena import Arena
from headrace.contracts.errors import ClosedError

SHARED = Path("/dev/shm")
COUNT = 50_000


def names() -> set[str]:
    return {path.name for path in SHARED.glob("hr_*")}


def in_child(check: Callable[[], None]) -> int:
    """What a forked child exits with: 0 where the check passes."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            check()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_results_of_another_process_arrive_in_slots_used_again(kind: str) -> None:
    before = names()
    arena = Arena(MOST_BYTES)
    with worker() as one:
        for value in range(6):
            slot = arena.take()
            array = arena.opened(slot, one.run(slot, "gathered", COUNT, value))
            assert (array == value).all()
            assert array.flags.writeable
            del array

            assert slot.number == 0
        slot = arena.take()
        assert arena.opened(slot, one.run(slot, "pid")) == one.process.pid
    arena.close()
    assert names() == before


def test_a_slot_of_a_worker_killed_while_it_writes_is_used_again(kind: str) -> None:
    before = names()
    arena = Arena(MOST_BYTES)
    with worker() as one, worker() as other:
        slot = arena.take()
        one.begin(slot, "half_written", COUNT, 5)
        assert one.answer() == b"half"
        one.kill()
        arena.give_back(slot)
        again = arena.take()
        array = arena.opened(again, other.run(again, "gathered", COUNT, 6))

        assert again == slot
        assert (array == 6).all()
        del array
    arena.close()
    assert names() == before


def test_a_result_outlives_the_worker_that_made_it(kind: str) -> None:
    arena = Arena(MOST_BYTES)
    with worker() as one:
        slot = arena.take()
        payload = one.run(slot, "gathered", COUNT, 3)
        one.kill()

        assert (arena.opened(slot, payload) == 3).all()
    arena.close()


def test_names_go_with_a_process_that_never_closes_its_arena(tmp_path: Path) -> None:
    before = names()
    script = tmp_path / "main.py"
    script.write_text(
        "import os\n"
        "del os.memfd_create\n"
        "from tests.arena.passing import Passage\n"
        "import numpy as np\n"
        "passage = Passage()\n"
        "print(passage(lambda: np.ones(100_000)).sum())\n"
        "print(*[name for name in os.listdir('/dev/shm') if name.startswith('hr_')])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60
    )

    total, *there = done.stdout.split()
    assert total == "100000.0"
    assert set(there) > before
    assert done.stderr == ""
    assert names() == before


@pytest.mark.timeout(60)
def test_a_fork_after_a_close_leaves_what_is_lent_and_blocks_no_other_arena(kind: str) -> None:
    closed, other = Passage(), Passage()
    array = closed(lambda: np.full(COUNT, 7))
    closed.close()

    def check() -> None:
        # A child of the child: it has the closed one too.
        assert in_child(lambda: None) == 0
        assert (array == 7).all()

    assert in_child(check) == 0
    assert other(lambda: np.ones(COUNT)).sum() == COUNT
    assert (array == 7).all()
    other.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine has no fork")
def test_a_forked_child_keeps_its_batches(kind: str) -> None:
    passage = Passage()
    array = passage(lambda: np.full(COUNT, 7))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Else it would wait for itself where the parent fails.
        os.close(writing)
        # The parent has used its slots again by the time it writes.
        os.read(reading, 1)
        os._exit(0 if (array == 7).all() else 1)
    del array
    for _ in range(4):
        passage(lambda: np.full(COUNT, 1))
    os.write(writing, b"x")

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert passage.numbers[1] == passage.numbers[-1] == 1
    passage.close()
    os.close(reading)
    os.close(writing)


def test_a_forked_child_leaves_its_parents_arena_alone(kind: str) -> None:
    passage = Passage()
    array = passage(lambda: np.full(COUNT, 7))
    slot = passage.take()

    def check() -> None:
        with pytest.raises(ClosedError, match="after its end"):
            passage.arena.take()
        passage.arena.close()
        own = Passage()
        assert own(lambda: np.ones(COUNT)).sum() == COUNT
        own.close()
        gc.collect()

    assert in_child(check) == 0
    assert (array == 7).all()
    assert (passage.arena.opened(slot, passage.packed(slot, lambda: np.full(COUNT, 8))) == 8).all()
    passage.close()


def test_a_fork_does_not_wait_for_a_lock_for_ever() -> None:
    passage = Passage()
    is_over = threading.Event()

    def send() -> None:
        while not is_over.is_set():
            passage(lambda: np.ones(1000))

    thread = threading.Thread(target=send)
    thread.start()
    codes = [in_child(lambda: Passage()(lambda: np.ones(COUNT)).sum()) for _ in range(5)]
    is_over.set()
    thread.join()

    assert codes == [0] * 5
    passage.close()
