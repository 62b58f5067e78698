"""Dask: by a client and by an address, and clusters that go away."""

from __future__ import annotations

import itertools
import subprocess
import threading
from typing import Any

import pytest

import headrace as hr
from headrace.backends import dask as dask_backend
from headrace.clusters import dask
from headrace.contracts.errors import ArgumentError, StreamError, WorkerError

# Any, in this file: packages without types.
pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("client", [None, 3, "10.0.0.1"])
def test_what_is_no_client_is_refused(client: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"client must be a dask.distributed.Client or the address .* got "
    ):
        hr.Dask(client)


def test_less_than_one_task_ahead_is_refused(dask_client: Any) -> None:
    with pytest.raises(ArgumentError, match="tasks_per_worker must be a whole number of at least"):
        hr.Dask(dask_client, tasks_per_worker=0)


def test_nobody_at_an_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_backend, "CONNECT_SECONDS", 0.5)
    with pytest.raises(StreamError, match=r"no scheduler answers at 'tcp://127.0.0.1:1': .* Start"):
        hr.Dask("tcp://127.0.0.1:1")


def test_it_looks_ahead_as_far_as_the_cluster_is_wide(dask_client: Any) -> None:
    backend = hr.Dask(dask_client, tasks_per_worker=3)
    assert (backend.num_workers, backend.look_ahead, backend.shares_globals) == (2, 6, False)


def test_a_closed_client_is_refused(dask_client: Any) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(dask_client.cluster, set_as_default=False) as other:
        backend = hr.Dask(other)
    with pytest.raises(StreamError, match=r"hr.Dask needs a dask client .* is closed"):
        list(hr.DataLoader(hr.stream([1]), backend=backend))


def test_threads_of_one_worker_share_its_interpreter() -> None:
    distributed = pytest.importorskip("distributed")
    stream = hr.stream(range(100)).map(abs)
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None
    ) as client:
        backend = hr.Dask(client)
        assert backend.shares_globals
        assert list(hr.DataLoader(stream, backend=backend)) == list(range(100))


def test_a_cluster_named_by_its_address_may_lose_workers_and_scheduler(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "LOST_SECONDS", 0.5)
    address, (scheduler, first, second) = cluster
    backend = hr.Dask(address)
    assert backend.num_workers == 2
    before = set(threading.enumerate())
    with hr.DataLoader(hr.stream(range(500)).map(abs).batch(5), backend=backend) as loader:
        batches = (batch.tolist() for batch in loader)
        found = list(itertools.islice(batches, 10))
        first.kill()
        first.wait()
        assert list(itertools.chain(*found, *batches)) == list(range(500))
    with hr.DataLoader(hr.stream(itertools.count).map(abs), backend=backend) as loader:
        records = iter(loader)
        assert next(records) == 0
        second.kill()
        second.wait()
        with pytest.raises((StreamError, WorkerError), match="has lost all its workers|died"):
            for _ in records:
                pass
    with hr.DataLoader(hr.stream(itertools.count).map(abs), backend=backend) as loader:
        records = iter(loader)
        scheduler.kill()
        scheduler.wait()
        with pytest.raises(StreamError, match="or the client its scheduler. Start workers, make"):
            next(records)
    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not [name for name in left if name.startswith("IO loop")]
