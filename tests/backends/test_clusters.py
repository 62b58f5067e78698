"""What holds for Dask and Ray alike: the same records, states and errors as in this process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from tests.chains import Calls, Origin, Step, chained, origins, steps

import headrace as hr
from headrace.contracts import Backend
from headrace.contracts.errors import ClosedError, IntegrityError, StreamError, WorkerError
from headrace.testing import check_backend, repr_of

# Any, in this file: records are whatever the random stages make.
pytestmark = pytest.mark.timeout(120)
MOST_RECORDS = 100


@pytest.fixture(params=["dask", "ray"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "dask":
        return hr.Dask(request.getfixturevalue("dask_client"))
    request.getfixturevalue("ray_module")
    return hr.Ray()


def test_they_conform(backend: Backend) -> None:
    # Both keep a thread for callbacks, which the first task starts.
    backend.start().submit(int).result()
    check_backend(backend)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(origin=origins(), chain=steps(3))
def test_sampled_chains_give_the_same_and_go_on_elsewhere(
    backend: Backend, origin: Origin, chain: list[Step]
) -> None:
    stream = chained(origin, chain, Calls())
    expected = [repr_of(record) for record in itertools.islice(stream, MOST_RECORDS + 1)]
    assume(2 <= len(expected) <= MOST_RECORDS)
    cut = len(expected) // 2
    for saver, loaded_by in ((backend, hr.Inline()), (hr.Inline(), backend)):
        with hr.DataLoader(stream, backend=saver) as loader:
            begun = [repr_of(record) for record in itertools.islice(loader, cut)]
            state = json.loads(json.dumps(loader.state_dict()))
        with hr.DataLoader(stream, backend=loaded_by) as loader:
            loader.load_state_dict(state)
            assert begun + [repr_of(record) for record in loader] == expected


def test_a_stored_dataset_is_read_by_the_workers(backend: Backend, tmp_path: Path) -> None:
    arrays = {"x": np.arange(2000.0).reshape(500, 4), "y": np.arange(500)}
    ref = hr.Storage(tmp_path).submit(arrays, "numbers", "1.0", shard_bytes=4096)
    stream = ref.shuffle(seed=7).stream().batch(32)
    with hr.DataLoader(stream, backend=backend) as loader:
        found = [batch["y"].tolist() for _ in range(2) for batch in loader]
    assert found == [batch["y"].tolist() for epoch in range(2) for batch in stream.epoch(epoch)]


def test_batches_may_be_written_to(backend: Backend) -> None:
    stream: Any = hr.stream({"x": np.zeros((8, 50_000))}).batch(4)
    with hr.DataLoader(stream, backend=backend) as loader:
        for batch in loader:
            batch["x"] += 1
            assert batch["x"].all()


def test_records_of_an_iterator_travel_with_the_tasks(backend: Backend) -> None:
    stream = hr.stream(lambda: (np.full(3, n) for n in range(40))).map(lambda x: int(x.sum()))
    with hr.DataLoader(stream, backend=backend) as loader:
        assert list(loader) == [3 * n for n in range(40)]


class Source:
    """Says in a file when it is loaded in another process."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index: int) -> int:
        return index

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")


def test_a_process_loads_a_source_once_for_all_epochs(backend: Backend, tmp_path: Path) -> None:
    stream = hr.stream(Source(tmp_path / "log")).map(abs)
    with hr.DataLoader(stream, backend=backend) as loader:
        for _ in range(3):
            assert list(loader) == list(range(200))
    pids = (tmp_path / "log").read_text().split()
    assert pids
    assert len(pids) == len(set(pids))


def test_a_killed_worker_changes_nothing(backend: Backend, tmp_path: Path) -> None:
    mark = tmp_path / "killed"

    def die_once(x: int) -> int:
        if x == 150 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return -x

    stream = hr.stream(range(300)).map(die_once).batch(10)
    with hr.DataLoader(stream, backend=backend) as loader:
        found = [batch.tolist() for batch in loader]
    assert mark.exists()
    assert list(itertools.chain(*found)) == [-x for x in range(300)]


def test_a_task_that_kills_its_workers_is_named(backend: Backend) -> None:
    def die(x: int) -> int:
        if x == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    found: list[int] = []
    stream = hr.stream(range(30)).map(die).batch(10, collate="list").unbatch()
    with hr.DataLoader(stream, backend=backend) as loader:
        with pytest.raises(
            WorkerError, match=r"a worker died [34] times over positions 20 to 29 of range\[30\]"
        ):
            found.extend(loader)
        assert found == list(range(20))
        state = loader.state_dict()
    with hr.DataLoader(stream, backend=hr.Inline()) as loader:
        loader.load_state_dict(state)
        assert loader.state_dict() == state


def test_an_error_comes_at_its_place_with_the_worker_s_traceback(backend: Backend) -> None:
    def fail_at_seven(x: int) -> int:
        if x == 7:
            raise KeyError("seven")
        return x

    found: list[int] = []
    with (
        hr.DataLoader(hr.stream(range(30)).map(fail_at_seven), backend=backend) as loader,
        pytest.raises(KeyError, match="seven") as caught,
    ):
        found.extend(loader)
    assert found == list(range(7))
    assert "map(fail_at_seven)" in caught.value.__notes__[0]
    assert "position 7" in caught.value.__notes__[0]
    assert "in fail_at_seven" in str(caught.value.__cause__)


def test_a_record_that_does_not_pickle_is_an_error_at_its_place(backend: Backend) -> None:
    stream = hr.stream(range(9)).map(lambda x: threading.Lock() if x == 5 else x)
    found: list[Any] = []
    with (
        hr.DataLoader(stream, backend=backend) as loader,
        pytest.raises(StreamError, match="a record cannot be sent between processes: lock"),
    ):
        found.extend(loader)
    assert found == list(range(5))


def test_a_record_that_does_not_pickle_on_its_way_there_is_an_error(backend: Backend) -> None:
    stream = hr.stream(lambda: iter([threading.Lock()])).map(str)
    with (
        hr.DataLoader(stream, backend=backend) as loader,
        pytest.raises(StreamError, match="positions 0 to 0 .* cannot be sent to other proc"),
    ):
        list(loader)


def test_a_function_that_does_not_pickle_is_named(backend: Backend) -> None:
    lock = threading.Lock()

    def locked(x: int) -> int:
        with lock:
            return x

    with (
        hr.DataLoader(hr.stream(range(3)).map(locked), backend=backend) as loader,
        pytest.raises(StreamError, match=r"map\(locked\)#0 cannot be sent to other processes"),
    ):
        list(loader)


class Unloadable:
    """Pickles, and does not load."""

    def __call__(self, x: int) -> int:
        return x

    def __reduce__(self) -> tuple[Any, ...]:
        return __import__, ("no_such_module",)


def test_a_job_that_does_not_load_is_an_error_at_once(backend: Backend) -> None:
    with (
        hr.DataLoader(hr.stream(range(3)).map(Unloadable()), backend=backend) as loader,
        pytest.raises(ModuleNotFoundError, match="no_such_module") as caught,
    ):
        list(loader)
    assert "in called" in str(caught.value.__cause__)


def test_a_store_that_workers_do_not_see_is_an_error(backend: Backend, tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    hr.Storage(here).submit(range(20), "digits", "1.0")
    ref = hr.Storage(here).fetch("digits")
    # As on a machine of its own: the path is there for this process only.
    here.rename(elsewhere)
    with (
        hr.DataLoader(ref.stream().map(abs), backend=backend) as loader,
        pytest.raises(IntegrityError, match="Where this is the worker of another machine"),
    ):
        list(loader)


def test_stages_are_timed(backend: Backend) -> None:
    stream = hr.stream(range(100)).map(abs).batch(10)
    with hr.DataLoader(stream, backend=backend, stats=True) as loader:
        assert sum(1 for _ in loader) == 10
        records = {stage.name: stage.records for stage in loader.stats().stages}
    assert records["map(abs)"] == 100


def test_early_ends_leave_the_cluster_as_it_was(backend: Backend) -> None:
    stream = hr.stream(itertools.count).map(abs)
    with hr.DataLoader(stream, backend=backend) as loader:
        for record in loader:
            if record == 5:
                break
    workers = backend.start()
    assert workers.submit(int).result() == 0
    workers.close()
    with pytest.raises(ClosedError, match="a task was given to a (Dask cluster|Ray) that was let"):
        workers.submit(int)


def test_closing_ends_those_who_wait(backend: Backend, tmp_path: Path) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    workers = backend.start()
    futures = [workers.submit(partial(wait_for, begun, over)) for _ in range(6)]
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.01)
    workers.close()
    over.touch()
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()


def wait_for(begun: Path, over: Path) -> None:
    """Runs until it is over; a task that begins late ends at once."""
    begun.touch()
    while not over.exists():
        time.sleep(0.01)
