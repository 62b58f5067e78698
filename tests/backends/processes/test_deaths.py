"""Workers that are killed: the same data, a warning, and a bound on what cannot work."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
from tests.backends.processes import tasks
from tests.backends.processes.shared import (
    SharedProcesses,
    eventually,
    kill,
    running,
    server_of,
    started,
)

import headrace as hr
from headrace.backends.processes.deaths import delay_after, most_starts
from headrace.contracts.errors import StreamError, WorkerError

# Any, in this file: records and results of every type.


def left_by(marker: Path) -> int:
    """The number of the process that hangs, once it does."""
    text: str = eventually(lambda: marker.exists() and marker.read_text().strip())
    return int(text)


def test_b2_n2_a_killed_worker_is_replaced_and_its_tasks_run_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, processes: SharedProcesses
) -> None:
    marker = tmp_path / "marker"
    restarts = processes.workers.restarts
    stream = hr.stream(range(300)).map(tasks.hanging_at(150, marker)).batch(10)
    with hr.DataLoader(stream, backend=processes) as loader:
        killer = threading.Thread(target=lambda: kill(left_by(marker)))
        killer.start()
        found = [x for batch in loader for x in batch.tolist()]
        killer.join()

    assert found == [x * x for x in range(300)]
    [warning] = [text for text in caplog.messages if "was ended by" in text]
    assert f"(process {left_by(marker)}) was ended by SIGKILL while it ran positions" in warning
    assert "runs again. Where memory runs short, take fewer workers" in warning
    assert processes.workers.restarts == restarts + 1


def test_kills_one_after_the_other_change_no_record(processes: SharedProcesses) -> None:
    stream = hr.stream(range(4000)).shuffle(100, seed=1).map(tasks.slow).batch(20)
    expected = [batch.tolist() for batch in stream]
    chance = random.Random(0)
    with hr.DataLoader(stream, backend=processes) as loader:
        found = []
        for number, batch in enumerate(loader):
            found.append(batch.tolist())
            if number % 40 == 10:
                kill(chance.choice(sorted(running(processes.workers))))

    assert found == expected


def test_all_workers_killed_at_once_change_no_record(processes: SharedProcesses) -> None:
    workers = processes.workers
    everyone = eventually(lambda: len(found := running(workers)) == 2 and found)
    futures = [workers.submit(lambda: sum(range(10**5))) for _ in range(9)]
    for process in everyone:
        kill(process)

    assert [future.result() for future in futures] == [sum(range(10**5))] * 9
    assert workers.submit(os.getpid).result() not in everyone


def test_a_killed_fork_server_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    with started(2) as workers:
        worker = workers.submit(os.getpid).result()
        kill(server_of(workers))
        eventually(lambda: "fork server ended by SIGKILL; another one takes over" in caplog.text)

        # Its workers go on, and are replaced by the next one's.
        assert workers.submit(lambda: 7).result() == 7
        kill(worker)
        eventually(lambda: "was ended by an unknown cause" in caplog.text)
        assert [workers.submit(lambda: 7).result() for _ in range(8)] == [7] * 8


def test_a_fork_server_killed_with_all_its_workers_is_survived() -> None:
    with started(2) as workers:
        everyone = eventually(lambda: len(found := running(workers)) == 2 and found)
        for process in {server_of(workers), *everyone}:
            kill(process)

        assert [workers.submit(lambda: 7).result() for _ in range(8)] == [7] * 8


def test_a_task_that_kills_three_workers_raises_with_its_positions(
    processes: SharedProcesses,
) -> None:
    stream = hr.stream(range(100)).map(tasks.exiting_at_70).batch(5)
    with hr.DataLoader(stream, backend=processes) as loader:
        found: list[int] = []
        with pytest.raises(WorkerError, match=r"positions .* ended 3 workers, .* exit code 3") as e:
            found.extend(x for batch in loader for x in batch.tolist())
        state = loader.state_dict()

    assert "Run these records with hr.Inline() to find which one it is" in str(e.value)
    assert found == list(range(len(found)))
    assert len(found) >= 35
    # A state taken after it points at what was not delivered.
    with hr.DataLoader(stream_without_crash()) as loader:
        loader.load_state_dict(state)
        assert next(iter(loader)).tolist()[0] == len(found)


def stream_without_crash() -> hr.Stream[Any]:
    def exiting_at_70(x: int) -> int:
        return x

    return hr.stream(range(100)).map(exiting_at_70).batch(5)


def test_a_crash_in_native_code_names_its_signal(processes: SharedProcesses) -> None:
    with pytest.raises(WorkerError, match="a call of .* ended 3 workers, the last by SIGSEGV"):
        processes.workers.submit(lambda: ctypes.string_at(0)).result()

    assert processes.workers.submit(int).result() == 0


def test_a_child_that_a_function_forks_and_lets_come_back_is_not_heard(
    processes: SharedProcesses,
) -> None:
    def fork_and_return(x: int) -> int:
        return x if os.fork() else -x

    with hr.DataLoader(hr.stream(range(20)).map(fork_and_return), backend=processes) as loader:
        assert list(loader) == list(range(20))


def test_workers_that_never_begin_raise() -> None:
    with (
        started(1, worker_init_fn=os._exit) as workers,
        pytest.raises(WorkerError, match="3 times in a row before it had begun, .* by exit code 0"),
    ):
        workers.submit(int).result()


def test_what_worker_init_fn_raises_is_raised_here_with_its_traceback() -> None:
    with started(2, worker_init_fn=tasks.refuse) as workers:
        with pytest.raises(KeyError, match="no device"):
            workers.submit(int).result()
        with pytest.raises(KeyError, match="no device") as error:
            workers.submit(int).result()
        assert "in worker_init_fn of worker" in "".join(error.value.__notes__)
        assert 'raise KeyError(f"no device {worker_id}")' in str(error.value.__cause__)


def test_a_module_that_workers_do_not_have_raises_at_once(
    monkeypatch: pytest.MonkeyPatch, processes: SharedProcesses
) -> None:
    module = ModuleType("only_here")
    exec("def fn(x): return x", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    loader = hr.DataLoader(hr.stream(range(9)).map(module.fn), backend=processes)
    with loader, pytest.raises(ModuleNotFoundError, match="only_here") as error:
        list(loader)
    assert "Traceback" in str(error.value.__cause__)


def test_a_preloaded_module_that_is_missing_raises_at_once() -> None:
    with (
        started(2, preload=["nowhere_to_be_found"]) as workers,
        pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"),
    ):
        workers.submit(int).result()


def test_functions_records_and_results_that_do_not_pickle_say_so(
    processes: SharedProcesses,
) -> None:
    lock = threading.Lock()

    def locks() -> Iterator[Any]:
        yield lock

    with pytest.raises(StreamError, match="cannot be sent to other processes: .*lock"):
        processes.workers.submit(lambda: lock).result()
    with pytest.raises(TypeError, match="lock"):
        processes.workers.submit(threading.Lock).result()
    streams: list[hr.Stream[Any]] = [
        hr.stream(range(3)).map(lambda x: (x, lock)),
        hr.stream(locks).map(str),
        hr.stream(range(3)).map(lambda x: threading.Lock()),
    ]
    for stream in streams:
        with (
            hr.DataLoader(stream, backend=processes) as loader,
            pytest.raises(StreamError, match=r"cannot be sent .* use hr.Threads\(n\), which needs"),
        ):
            list(loader)


def test_a_worker_that_finishes_nothing_is_started_again_ever_later() -> None:
    delays = [delay_after(deaths) for deaths in (1, 2, 3, 4, 100, 10_000)]
    assert delays == [0.0, 0.05, 0.1, 0.2, 3.0, 3.0]


def test_workers_that_are_killed_before_they_begin_are_given_more_time() -> None:
    assert [most_starts(code) for code in (None, 0, 1, -signal.SIGSEGV)] == [3] * 4
    assert most_starts(-signal.SIGKILL) == 10


def test_a_fork_server_killed_again_and_again_is_survived() -> None:
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children()}

    seen = children()
    with started(2) as workers:
        for _ in range(4):
            # Each before it is up.
            [server] = eventually(lambda: children() - seen)
            kill(server)
            seen.add(server)

        assert workers.submit(int).result() == 0
        assert workers.restarts >= 4
