"""What is opened once in each process."""

from __future__ import annotations

import os
import pickle
import threading

import pytest

from headrace.sources.foreign.per_process import PerProcess


def test_threads_that_come_first_together_open_once() -> None:
    opened: list[object] = []
    found: list[object] = []
    start = threading.Barrier(8)

    def opener() -> object:
        opened.append(object())
        return opened[-1]

    def use() -> None:
        start.wait()
        found.append(held.get())

    held = PerProcess(opener)
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 1
    assert len(set(map(id, found))) == 1
    assert len(found) == 8


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_a_forked_process_and_a_pickled_copy_open_their_own() -> None:
    held = PerProcess(os.getpid)
    assert held.get() == os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(0 if held.get() == os.getpid() else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pickle.loads(pickle.dumps(held)).get() == os.getpid()
