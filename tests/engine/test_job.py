"""Tasks that travel: what a job gives in another process is what it gives here."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np
import pytest

import headrace as hr
from headrace.carried import WorkerTraceback, loaded
from headrace.contracts import Task
from headrace.contracts.errors import StreamError

# Any, in this file: records of every type.


class Travelling:
    """Runs each task by what arrives of it when everything has been pickled."""

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        assert isinstance(task, Task)
        future: Future[Any] = Future()
        try:
            job = loaded(task.job.fixed.payload())(*pickle.loads(pickle.dumps(task.job.moving)))
            result = job(*pickle.loads(cloudpickle.dumps(task.args)))
            try:
                payload = cloudpickle.dumps(result)
            except Exception as error:
                payload = cloudpickle.dumps(job.mended(result, error))
            future.set_result(pickle.loads(payload))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class Elsewhere:
    """A backend whose tasks travel, without another process."""

    look_ahead: int = 3
    shares_globals: bool = False

    def start(self) -> Travelling:
        return Travelling()


def numbers() -> Iterator[int]:
    return iter(range(500))


def noisy(record: int, rng: np.random.Generator) -> float:
    return record + float(rng.random())


REF = hr.DataRef.from_sequence(range(300)).shuffle(seed=7)
CHAINS: dict[str, hr.Stream[Any]] = {
    "batches": REF.stream().map(lambda record: record + 1).batch(8),
    "a filter": REF.stream().filter(lambda record: record % 3).batch(7),
    "seeded": REF.stream().map(noisy, seeded=True),
    "drawn": hr.stream(numbers).map(noisy, seeded=True, seed=3).batch(7),
    "windows": REF.stream().map(lambda record: [record] * 2).shuffle(10, seed=2),
    "several a unit": REF.stream().flat_map(lambda record: [record] * (record % 3)),
    "failures": REF.stream().map(lambda record: 6 // (record % 4)).on_error("skip"),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_job_gives_the_same_where_it_arrives(chain: str) -> None:
    stream = CHAINS[chain]
    here = [np.asarray(record).tolist() for record in hr.DataLoader(stream)]
    there = [np.asarray(record).tolist() for record in hr.DataLoader(stream, backend=Elsewhere())]
    assert there == here


def test_what_travels_once_is_the_same_object_in_every_epoch() -> None:
    jobs: list[Any] = []

    class Noting(Travelling):
        def submit(self, task: Callable[[], Any]) -> Future[Any]:
            assert isinstance(task, Task)
            jobs.append(task.job)
            return super().submit(task)

    class Noted(Elsewhere):
        def start(self) -> Noting:
            return Noting()

    with hr.DataLoader(REF.stream().map(str), backend=Noted()) as loader:
        assert list(loader) != list(loader)
    assert len({id(job.fixed) for job in jobs}) == 1
    assert {job.moving[0].epoch for job in jobs} == {0, 1}


def test_an_error_travels_with_its_place_and_its_traceback() -> None:
    given: list[int] = []
    stream = hr.stream(range(100)).map(lambda record: 1 // (50 - record))
    with pytest.raises(ZeroDivisionError) as caught:
        given.extend(hr.DataLoader(stream, backend=Elsewhere()))
    assert len(given) == 50
    assert "position 50, index 50" in caught.value.__notes__[0]
    assert isinstance(caught.value.__cause__, WorkerTraceback)
    assert "1 // (50 - record)" in str(caught.value.__cause__)


def test_a_function_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()

    def locked(record: int) -> int:
        with lock:
            return record

    stream = hr.stream(range(9)).map(str).map(len).map(locked)
    with pytest.raises(StreamError, match=r"map\(locked\)#2 cannot be sent to other processes: "):
        list(hr.DataLoader(stream, backend=Elsewhere()))


def test_a_record_that_cannot_travel_is_an_error_at_its_place() -> None:
    given: list[object] = []
    held = hr.stream(range(100)).map(lambda record: threading.Lock() if record == 70 else record)
    with pytest.raises(
        StreamError, match="record cannot be sent between processes: lock"
    ) as caught:
        given.extend(hr.DataLoader(held, backend=Elsewhere()))
    assert given == list(range(70))
    assert "index 70" in caught.value.__notes__[0]
