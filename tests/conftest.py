"""What holds for every test: hypothesis profiles, skips as failures in CI, clusters, servers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.servers.azure import azure_server
from tests.servers.gcs import gcs_server
from tests.servers.proxy import Proxy
from tests.servers.s3 import s3_server
from tests.servers.serving import Place, Store

# Any, in this file: packages without types.
IN_CI = bool(os.environ.get("CI"))
# Set by test_core_only.py in the environments that it makes without any extra.
CORE_ONLY = bool(os.environ.get("HEADRACE_TEST_CORE_ONLY"))
# The only reasons to skip in CI: what no install step of ours could bring.
ALLOWED_SKIPS = ("this machine has no ",)

# Machines are shared and slow at times, so no deadline anywhere. CI draws the same cases each
# time, so that a red run is the fault of its change.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if IN_CI else "local")
if CORE_ONLY:
    # The run that started this one draws them all.
    settings.register_profile("core", settings.default, max_examples=25)
    settings.load_profile("core")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the stress tests unless -m names them, whatever else it says."""
    if "stress" in str(config.option.markexpr):
        return
    stress = [item for item in items if item.get_closest_marker("stress")]
    if stress:
        config.hook.pytest_deselected(items=stress)
        items[:] = [item for item in items if item not in stress]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Passes over GPU tests where there is no GPU."""
    if item.get_closest_marker("gpu") and not _has_gpu():
        pytest.skip("this machine has no GPU")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip in CI into a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns a skipped module in CI into a failure."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not IN_CI or CORE_ONLY or not report.skipped:
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(ALLOWED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"In CI a missing component is a failure. {reason}"


def _has_gpu() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


# -- clusters, started once for all tests that need one -------------------------------------------


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def ray_module() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray = pytest.importorskip("ray")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=200_000_000,
            _node_ip_address="127.0.0.1",
        )
        yield ray
        ray.shutdown()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and it and two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    begin = [sys.executable, "-m"]
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler += ["--dashboard-address", "127.0.0.1:0"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
    more = ["--no-dashboard", "--scheduler-file", str(file)]
    commands = [scheduler, worker, worker]
    processes = [
        subprocess.Popen([*begin, *command, *more], cwd=tmp_path, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        with distributed.Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        yield json.loads(file.read_text("utf-8"))["address"], processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


# -- object stores, started once for all tests that need one --------------------------------------


@pytest.fixture(scope="session", autouse=True)
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Copies of shards go to a folder of the tests, also in the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def s3() -> Iterator[Store]:
    with s3_server() as store:
        yield store


@pytest.fixture(scope="session")
def gcs() -> Iterator[Store]:
    with gcs_server() as store:
        yield store


@pytest.fixture(scope="session")
def azure() -> Iterator[Store]:
    with azure_server() as store:
        yield store


@pytest.fixture
def bucket(s3: Store) -> str:
    """The address of a new bucket of `s3`."""
    return s3.new_bucket()


@pytest.fixture(params=["memory", "s3", "gcs", "azure"])
def store(request: pytest.FixtureRequest) -> Place:
    """A new and empty place in each kind of object store."""
    if request.param == "memory":
        return Place("memory://", None)
    server: Store = request.getfixturevalue(request.param)
    return Place(server.new_bucket(), server.storage_options)


@pytest.fixture
def proxy(s3: Store) -> Iterator[Proxy]:
    """A proxy in front of `s3` that fails as it is told."""
    proxy = Proxy(s3)
    yield proxy
    proxy.close()
