"""Functions on a caller's concurrent.futures.Executor: never closed, records in groups."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Failed, Run, iterate
from headrace.contracts.errors import StreamError
from headrace.stages import AsyncMap
from headrace.testing import check_stage

pytestmark = pytest.mark.timeout(100)

# Any, in this file: records of every type.
SECONDS = 30


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield executor


@pytest.mark.slow
def test_async_map_over_processes_resumes_at_every_cut(pool: ProcessPoolExecutor) -> None:
    for buffer in (1, 7):
        records = hr.stream(range(24)).async_map(lambda x: x * x, pool, buffer=buffer)
        loader = hr.DataLoader(records)
        states = [loader.state_dict() for _ in loader]
        for cut, state in enumerate(states[:-1], 1):
            loader.load_state_dict(state)
            assert list(loader) == [x * x for x in range(cut, 24)]


def test_async_map_over_a_caller_s_threads_conforms_and_leaves_them() -> None:
    with ThreadPoolExecutor(2) as executor:
        check_stage(
            functools.partial(over, executor=Unpickled(executor)),
            lambda records: (x * x for x in records),
            sizes=(0, 1, 11),
            slack=3,
        )
        assert executor.submit(abs, -1).result(SECONDS) == 1


class Unpickled(Executor):
    """An executor that pickles by running in line: the suite pickles its streams."""

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    def __reduce__(self) -> tuple[Any, ...]:
        return Unpickled, ()

    def submit(self, fn: Any, /, *args: Any, **named: Any) -> Future[Any]:
        if self._executor is not None:
            return self._executor.submit(fn, *args, **named)
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def over(stream: hr.Stream[int], executor: Executor) -> hr.Stream[int]:
    return stream.async_map(lambda x: x * x, executor, buffer=3)


def test_records_of_a_cheap_function_travel_in_groups(pool: ProcessPoolExecutor) -> None:
    submitted = itertools.count()

    class Counting(Executor):
        _max_workers = 2

        def submit(self, fn: Any, /, *args: Any, **named: Any) -> Future[Any]:
            next(submitted)
            return pool.submit(fn, *args, **named)

    found = hr.stream(range(2000)).async_map(lambda x: -x, Counting()).collect()
    assert found == [-x for x in range(2000)]
    assert next(submitted) < 1000


def test_an_error_keeps_type_place_and_traceback_across_processes(
    pool: ProcessPoolExecutor,
) -> None:
    def fail_at_seven(x: int) -> int:
        if x == 7:
            raise KeyError("seven")
        return x

    cursor = hr.stream(range(50)).async_map(fail_at_seven, pool).node.open(Run())
    found: list[int] = []
    with pytest.raises(KeyError, match="seven") as caught:
        found.extend(iterate(cursor))
    assert found == [0, 1, 2, 3, 4, 5, 6]
    assert cursor.state()["at"] == 7
    cursor.close()
    assert (
        "in async_map(fail_at_seven) over range[50], epoch 0, position 7, index 7"
        in (caught.value.__notes__[0])
    )
    assert "in fail_at_seven" in str(caught.value.__cause__)
    assert pool.submit(abs, -1).result(SECONDS) == 1


class Selfish(Exception):
    """An exception that pickles and does not load."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("selfish")


def test_what_does_not_pickle_is_an_error_at_its_place(pool: ProcessPoolExecutor) -> None:
    locked = [1, 2, threading.Lock(), 4]
    with pytest.raises(StreamError, match="a record cannot be sent between processes: lock cannot"):
        hr.stream(locked).async_map(str, pool).collect()

    def lock_at_two(x: int) -> Any:
        return threading.Lock() if x == 2 else x

    found: list[Any] = []
    with pytest.raises(StreamError, match=r"a result cannot be .*: lock .* leave out executor"):
        found.extend(hr.stream(range(5)).async_map(lock_at_two, pool))
    assert found == [0, 1]

    def selfish(x: int) -> int:
        raise Selfish(1, 2)

    with pytest.raises(Selfish, match="selfish"):
        hr.stream([1]).async_map(selfish, pool).collect()


def test_failures_of_single_records_are_covered_where_asked(pool: ProcessPoolExecutor) -> None:
    stage = AsyncMap(lambda x: threading.Lock() if x == 2 else 6 // x, pool).softened()
    found: list[Any] = hr.stream(range(5)).apply(stage).collect()
    assert [type(x) for x in found] == [Failed, int, Failed, int, int]
    assert [type(found[k].error) for k in (0, 2)] == [ZeroDivisionError, StreamError]


def test_a_function_that_does_not_pickle_is_refused_when_opened(
    pool: ProcessPoolExecutor,
) -> None:
    lock = threading.Lock()

    def guarded(x: int) -> int:
        with lock:
            return x

    stream = hr.stream([1]).async_map(guarded, pool)
    with pytest.raises(StreamError, match=r"async_map\(guarded\) cannot be sent .*per_worker"):
        stream.node.open(Run())


def test_a_pool_that_breaks_is_an_error_that_names_the_stage() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as broken:

        def die(x: int) -> int:
            os._exit(3)

        with pytest.raises(BrokenExecutor) as caught:
            hr.stream(range(9)).async_map(die, broken).collect()
    notes = "\n".join(caught.value.__notes__)
    assert "async_map(die): a worker ended abruptly. Give a new executor, and resume." in notes
    assert "headrace: in async_map(die) over range[9], epoch 0, position 0, index 0" in notes


def test_an_executor_that_ends_first_is_an_error() -> None:
    executor = ThreadPoolExecutor(1)
    started, gate = threading.Event(), threading.Event()

    def wait(x: int) -> int:
        started.set()
        assert gate.wait(SECONDS)
        return x

    cursor = hr.stream(range(3)).async_map(wait, executor).node.open(Run())
    reader = threading.Thread(target=lambda: found.extend(cursor.read(1)))
    found: list[int] = []
    reader.start()
    assert started.wait(SECONDS)
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    reader.join(SECONDS)
    assert found == [0]
    with pytest.raises((StreamError, RuntimeError), match=r"cancelled a task|after shutdown"):
        cursor.read(1)
    cursor.close()


def test_a_process_builds_its_per_worker_function_once(pool: ProcessPoolExecutor) -> None:
    class Worker:
        def __init__(self) -> None:
            # A lock does not pickle: the factory travels alone.
            self.lock = threading.Lock()
            self.built = (os.getpid(), id(self))

        def __call__(self, x: int) -> tuple[int, int]:
            return self.built

    built = hr.stream(range(300)).async_map(hr.per_worker(Worker), pool).collect()
    assert 1 <= len({one[0] for one in built}) == len(set(built)) <= 2


def test_arrays_arrive_whole(pool: ProcessPoolExecutor) -> None:
    def double(batch: Any) -> Any:
        return batch["x"] * 2

    found: Any = hr.stream({"x": np.arange(40)}).batch(10).async_map(double, pool).collect()
    assert np.concatenate(found).tolist() == list(range(0, 80, 2))
