"""Faults of DataLoader2, each of which its facade does not have; named after their rows."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.compat.torchdata.dataloader2 import (
    DataLoader2,
    InProcessReadingService,
    MultiProcessingReadingService,
)
from headrace.compat.torchdata.datapipes.iter import SHARDING_PRIORITIES, IterableWrapper

# Any, in this file: records of every type.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
WORKERS = SHARDING_PRIORITIES.MULTIPROCESSING
ORPHANS = """
import os, sys, time
from headrace.compat.torchdata.dataloader2 import DataLoader2, MultiProcessingReadingService
from headrace.compat.torchdata.datapipes.iter import IterableWrapper

graph = IterableWrapper(range(4000)).sharding_filter().map(lambda n: os.getpid())
batches = iter(DataLoader2(graph, reading_service=MultiProcessingReadingService(2)))
print(*{next(batches) for _ in range(2000)}, flush=True)
os.kill(os.getpid(), 9)
"""


def dispatched(size: int) -> Any:
    return IterableWrapper(range(size)).shuffle().sharding_round_robin_dispatch(WORKERS)


def services() -> list[Any]:
    return [None, InProcessReadingService(), MultiProcessingReadingService(2)]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_b1_uneven_work_of_four_workers_gives_every_record_once() -> None:
    graph = IterableWrapper(range(80)).sharding_filter().filter(lambda n: n % 4 == 1 or n > 70)
    service = MultiProcessingReadingService(4, worker_prefetch_cnt=0, main_prefetch_cnt=0)
    with DataLoader2(graph, reading_service=service) as loader:
        found = list(loader)
    assert found == [n for n in range(80) if n % 4 == 1 or n > 70]


def test_b2_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    marker = tmp_path / "killed"

    def deadly(number: int) -> int:
        if number == 40 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    graph = IterableWrapper(range(80)).sharding_filter().map(deadly)
    with DataLoader2(graph, reading_service=MultiProcessingReadingService(2)) as loader:
        assert list(loader) == list(range(80))
    assert marker.exists()


def test_b3_workers_end_with_a_loop_that_is_killed() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in run.stdout.split()]
    assert workers, run.stderr
    eventually(lambda: not any(map(is_alive, workers)))


def test_b4_a_reset_function_goes_with_a_dispatcher(tmp_path: Path) -> None:
    def reset(graph: Any, info: Any, seeds: Any) -> Any:
        (tmp_path / f"{info.worker_id} {seeds.generate_seed()}").touch()
        return graph

    service = MultiProcessingReadingService(2, worker_reset_fn=reset)
    with DataLoader2(dispatched(3000).map(abs), reading_service=service) as loader:
        for _ in range(2):
            assert sorted(loader) == list(range(3000))
    # Each worker, in each epoch.
    assert len(list(tmp_path.iterdir())) == 4


def test_b5_a_second_iter_in_mid_epoch_goes_with_a_dispatcher() -> None:
    service = MultiProcessingReadingService(2)
    with DataLoader2(dispatched(500).map(abs), reading_service=service) as loader:
        next(iter(loader))
        assert sorted(loader) == list(range(500))


def test_b6_one_seed_gives_each_epoch_its_own_order_and_all_services_the_same() -> None:
    found = []
    for service in services():
        with DataLoader2(dispatched(50), reading_service=service) as loader:
            loader.seed(5)
            found.append([list(loader) for _ in range(3)])
    assert found[0] == found[1] == found[2]
    assert len({tuple(epoch) for epoch in found[0]}) == 3


def test_b7_epochs_differ_without_a_call_of_seed() -> None:
    for service in services():
        with DataLoader2(dispatched(50), reading_service=service) as loader:
            assert len({tuple(loader) for _ in range(3)}) == 3


def test_b8_a_state_goes_on_in_mid_epoch() -> None:
    graph = dispatched(50).map(abs)
    for service in services():
        with DataLoader2(graph, reading_service=service) as loader:
            batches = iter(loader)
            head = list(itertools.islice(batches, 20))
            state = json.loads(json.dumps(loader.state_dict()))
            rest = list(batches)
        assert sorted(head + rest) == list(range(50))
        other: DataLoader2[Any] = DataLoader2.from_state(state, None, graph)
        assert list(other) == rest


def test_b9_in_process_prefetches_and_resets() -> None:
    drawn: list[int] = []
    resets: list[int] = []

    def noted(number: int) -> int:
        drawn.append(number)
        return number

    def reset(graph: Any, info: Any, seeds: Any) -> Any:
        resets.append(info.worker_id)
        return graph

    service = InProcessReadingService(prefetch_cnt=5, reset_fn=reset)
    loader = DataLoader2(IterableWrapper(range(20)).map(noted), reading_service=service)
    batches = iter(loader)
    assert next(batches) == 0
    eventually(lambda: len(drawn) >= 6)
    assert resets == [0]
