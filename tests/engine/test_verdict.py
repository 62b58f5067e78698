"""The sentence on a run: which stage bounds it, the ceiling without it, what to set."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

import pytest

import headrace as hr
from headrace.engine.verdict import Load, Loads, sentence

FETCH = Load("map(fetch)", "task", 0.030, workers=1, cpu_share=0.01)
DECODE = Load("map(decode)", "task", 0.030, workers=1, cpu_share=0.99)
CHEAP = Load("map(cheap)", "task", 0.001, workers=1, cpu_share=0.99)


def loads(*stages: Load, **more: object) -> Loads:
    plain = Loads(stages, 0.005, 0.036, "Inline", 0, shares_lock=False, cores=4)
    return replace(plain, **more)  # type: ignore[arg-type]


def on(workers: int, backend: str, *stages: Load, **more: object) -> Loads:
    spread = tuple(replace(one, workers=workers) for one in stages)
    found = loads(*spread, num_workers=workers, backend=backend, **more)
    return replace(found, shares_lock=backend == "Threads")


def test_what_waits_needs_as_many_threads_as_reach_the_next_bound() -> None:
    assert sentence(loads(FETCH, CHEAP)) == (
        "map(fetch) is the bottleneck: it is busy 83% of the time, and allows 33 outputs/s at "
        "most; 28 outputs/s now; it mostly waits: backend=hr.Threads(6) would allow up to 7.2x, "
        "then the loop that reads bounds you."
    )


def test_what_computes_needs_processes_and_no_more_than_there_are_cores() -> None:
    said = sentence(loads(DECODE, held_s=0.001))
    assert "it computes: backend=hr.Processes(4) would allow up to 4.1x." in said
    assert "hr.Processes(2)" in sentence(loads(DECODE, cores=2, held_s=0.001))


def test_pure_python_under_threads_is_told_from_what_runs_side_by_side() -> None:
    locked = replace(DECODE, cpu_share=0.5)
    said = sentence(on(2, "Threads", replace(locked, seconds=0.060), wall_s=0.031))
    assert "wait for one another's interpreter lock: backend=hr.Processes(4)" in said
    assert "up to 4.0x" in said
    free = replace(DECODE, cpu_share=0.95, seconds=0.060)
    said = sentence(on(2, "Threads", free, wall_s=0.031))
    assert "it computes: backend=hr.Threads(4) would allow up to 2.0x" in said
    waits = replace(DECODE, cpu_share=0.02, seconds=0.060)
    said = sentence(on(2, "Threads", waits, wall_s=0.031))
    assert "it mostly waits: backend=hr.Threads(12) would allow up to 6.0x, then the loop" in said


def test_clusters_are_told_a_number_of_workers() -> None:
    assert "it computes: 4 workers would allow" in sentence(on(2, "Dask", DECODE, wall_s=0.016))


def test_where_no_core_is_left_the_function_must_change() -> None:
    said = sentence(on(4, "Processes", DECODE, held_s=0.001, wall_s=0.008))
    assert "all 4 cores are busy: make it cheaper, or keep what it makes with cache." in said
    assert "the one core is busy" in sentence(on(1, "Processes", DECODE, held_s=0.0, cores=1))


def test_what_waits_on_all_the_workers_that_help_must_wait_less() -> None:
    said = sentence(on(32, "Threads", FETCH, held_s=0.0, wall_s=0.001))
    assert "it mostly waits, on 32 workers side by side: let it wait less, or keep" in said


def test_where_the_next_bound_is_as_near_no_workers_help() -> None:
    said = sentence(on(8, "Threads", replace(FETCH, seconds=0.041), wall_s=0.006))
    assert "more workers would not make it faster: the loop that reads bounds you next." in said


def test_a_stage_beside_the_consumer_should_go_to_the_workers() -> None:
    said = sentence(on(2, "Threads", CHEAP, replace(DECODE, where="consumer")))
    assert "it runs beside the consumer, one record after the other: make it an async_map" in said


def test_an_async_map_gets_more_workers_of_its_own() -> None:
    apart = replace(FETCH, where="consumer", workers=4, seconds=0.12, is_apart=True)
    assert "give it more workers of its own: max_workers=8." in sentence(loads(CHEAP, apart))


def test_the_loop_is_told_how_long_the_loader_waits() -> None:
    said = sentence(on(2, "Threads", CHEAP, held_s=0.030, wall_s=0.031))
    assert said == (
        "The loop that reads is the bottleneck: it holds a record 30 ms, and the stream makes one "
        "in 500 us; 32 outputs/s now, and the loader waits for it 97% of the time."
    )
    alone = sentence(loads(replace(DECODE, seconds=0.020), held_s=0.030, wall_s=0.050))
    assert alone.endswith("a worker beside it would allow up to 1.7x: hr.Threads(1).")


def spin(number: int) -> int:
    # Work is measured by the thread's own clock, which other processes do not slow down.
    until = time.thread_time() + 0.002
    while time.thread_time() < until:
        pass
    return number


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(1)], ids=str)
def test_the_clock_of_the_thread_tells_work_from_waiting(backend: hr.Inline | hr.Threads) -> None:
    never = threading.Event()

    def wait(number: int) -> int:
        never.wait(0.002)
        return number

    stream = hr.stream(range(60)).map(spin).map(wait).batch(1)
    with hr.DataLoader(stream, backend=backend, stats=True) as loader:
        for _ in loader:
            pass
        _, worked, waited, _ = loader.stats().stages
    assert worked.cpu_share is not None
    assert waited.cpu_share is not None
    assert waited.cpu_share < 0.3
    assert worked.cpu_share > 2 * waited.cpu_share


def test_a_run_that_waits_is_told_so() -> None:
    stream = hr.stream(range(60)).map(lambda _: time.sleep(0.003))
    with hr.DataLoader(stream, stats=True) as loader:
        for _ in loader:
            pass
        assert re.search(r"it mostly waits: backend=hr.Threads\(\d+\)", loader.stats().bottleneck)
