"""Functions with a state for each worker."""

from __future__ import annotations

import pickle
import threading

import cloudpickle
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.stages.naming import name_of

SECONDS = 30


class Adding:
    """Says who built it, and who closes it."""

    built: list[str] = []  # noqa: RUF012 - the log of a test
    closed: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.built.append(threading.current_thread().name)

    def __call__(self, record: int) -> int:
        return record + 1

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    Adding.built.clear()
    Adding.closed.clear()


def test_each_thread_builds_its_own_once_and_closes_it() -> None:
    all_at_once = threading.Barrier(3, timeout=SECONDS)

    class Meeting(Adding):
        def __call__(self, record: int) -> int:
            if record < 3:
                all_at_once.wait()
            return record + 1

    stream = hr.stream(range(50)).async_map(hr.per_worker(Meeting), max_workers=3)
    assert stream.collect() == list(range(1, 51))
    assert len(set(Adding.built)) == len(Adding.built) == 3
    assert sorted(Adding.closed) == sorted(Adding.built)


def test_it_works_in_map_and_is_built_by_the_first_record() -> None:
    stream = hr.stream(range(3)).map(hr.per_worker(Adding))
    assert Adding.built == []
    assert stream.collect() == stream.collect() == [1, 2, 3]
    assert Adding.built == [threading.current_thread().name]
    with hr.DataLoader(stream, backend=hr.Threads(1)) as loader:
        assert list(loader) == [1, 2, 3]


def test_it_pickles_as_its_factory() -> None:
    fn = hr.per_worker(Adding)
    assert fn(1) == 2
    again = pickle.loads(cloudpickle.dumps(fn))
    assert again(2) == 3
    assert len(Adding.built) + len(again.factory.built) >= 2
    assert name_of(fn) == "Adding"


def test_a_factory_that_fails_fails_each_record() -> None:
    def no_model() -> Adding:
        raise FileNotFoundError("no model")

    with pytest.raises(FileNotFoundError, match="no model") as caught:
        hr.stream([1]).async_map(hr.per_worker(no_model)).collect()
    assert "in async_map(no_model) over" in caught.value.__notes__[0]


def test_what_cannot_build_is_refused() -> None:
    with pytest.raises(ArgumentError, match="per_worker needs .* got 3. Pass it without calling"):
        hr.per_worker(3)  # type: ignore[arg-type]
