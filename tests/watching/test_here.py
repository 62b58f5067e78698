"""Where this runs: what the kernel tells of the thread that asks."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from headrace.watching import core_time


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_a_thread_that_computes_has_a_core_or_waits_for_one() -> None:
    began, before = time.perf_counter(), core_time()
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    passed, after = time.perf_counter() - began, core_time()
    computed = after.ran_s - before.ran_s + after.queued_s - before.queued_s
    # What is missing ran on another core's time: a machine that is a guest may stand still.
    assert 0.02 <= computed <= passed + 0.005


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_a_thread_that_waits_for_something_else_does_not_queue() -> None:
    before = core_time()
    threading.Event().wait(0.2)
    after = core_time()
    assert after.ran_s - before.ran_s < 0.1
    assert after.queued_s - before.queued_s < 0.1
