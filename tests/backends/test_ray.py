"""Ray: its arguments, and what is said where it is not running."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError

pytestmark = pytest.mark.timeout(120)

# Any, in this file: packages without types.

NOT_RUNNING = """
import itertools, os
import headrace as hr
import ray

def told(records):
    try:
        for _ in records:
            pass
    except TypeError as error:
        print(error)

loader = hr.DataLoader(hr.stream(itertools.count).map(abs), backend=hr.Ray())
told(loader)
told(hr.stream([1]).async_map(abs, "ray"))
ray.init(
    num_cpus=1, include_dashboard=False, object_store_memory=100_000_000,
    _node_ip_address="127.0.0.1",
)
records = iter(hr.DataLoader(hr.stream(itertools.count).map(abs), backend=hr.Ray()))
print(next(records))
ray.shutdown()
told(records)
"""


@pytest.mark.parametrize("argument", ["num_cpus", "tasks_per_worker"])
def test_less_than_one_is_refused(argument: str) -> None:
    given: dict[str, Any] = {argument: 0}
    with pytest.raises(ArgumentError, match=f"{argument} must be a whole number of at least 1"):
        hr.Ray(**given)


def test_it_looks_ahead_as_far_as_the_cluster_is_wide(ray_module: Any) -> None:
    assert hr.Ray(tasks_per_worker=3).look_ahead == 6
    assert hr.Ray(num_cpus=2).num_workers == 1


@pytest.mark.slow
def test_without_ray_and_after_its_shutdown_it_says_so_at_once() -> None:
    pytest.importorskip("ray")
    process = subprocess.run(
        [sys.executable, "-c", NOT_RUNNING],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    told = process.stdout.splitlines()
    assert told[0].startswith("hr.Ray runs on Ray, which is not initialised here. Call ray.init(")
    assert told[1].startswith("async_map(abs) runs on Ray, which is not initialised here.")
    assert told[2] == "0"
    assert told[3].startswith("hr.Ray: Ray was shut down while its tasks ran. Call ray.init()")
