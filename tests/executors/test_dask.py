"""Functions on a Dask cluster: a local one, and one of processes found by address."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.clusters import dask
from headrace.contracts import Run
from headrace.contracts.errors import IntegrityError, StreamError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# Any, in this file: packages without types.


def test_a_local_cluster_gives_what_threads_give_and_stays_open(dask_client: Any) -> None:
    stream = hr.stream(range(400)).async_map(lambda x: x * x, dask_client)
    assert stream.collect() == [x * x for x in range(400)]
    loader = hr.DataLoader(stream)
    first = list(itertools.islice(loader, 11))
    loader.load_state_dict(loader.state_dict())
    assert first + list(loader) == [x * x for x in range(400)]
    unordered = hr.stream(range(50)).async_map(abs, dask_client, ordered=False)
    assert sorted(unordered) == list(range(50))
    assert dask_client.submit(abs, -1).result() == 1


def test_an_error_keeps_its_type_and_shows_the_worker_s_traceback(dask_client: Any) -> None:
    def fail_at_seven(x: int) -> int:
        if x == 7:
            raise KeyError("seven")
        return x

    found: list[int] = []
    with pytest.raises(KeyError, match="seven") as caught:
        found.extend(hr.stream(range(30)).async_map(fail_at_seven, dask_client))
    assert found == list(range(7))
    assert (
        "async_map(fail_at_seven) over range[30], epoch 0, position 7"
        in (caught.value.__notes__[0])
    )
    assert "in fail_at_seven" in str(caught.value.__cause__)


def test_a_function_that_kills_its_workers_is_an_error_that_names_the_stage() -> None:
    distributed = pytest.importorskip("distributed")

    def die(x: int) -> int:
        os._exit(3)

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as local,
        distributed.Client(local) as client,
        pytest.raises(distributed.KilledWorker) as caught,
    ):
        hr.stream([1]).async_map(die, client).collect()
    assert "in async_map(die) over list[1], epoch 0, position 0" in caught.value.__notes__[0]


def test_workers_by_address_work_and_one_that_sees_no_shards_says_so(
    cluster: tuple[str, Any], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    storage = hr.Storage(tmp_path / "here")
    ref = storage.submit(range(20), "digits", "1.0")
    with distributed.Client(cluster[0]) as client:
        stream = hr.stream(range(20)).async_map(lambda k: int(ref[k]) + 1, client)
        assert stream.collect() == list(range(1, 21))
        # As on a machine of its own: the path is there, and not what it holds.
        (tmp_path / "here").rename(tmp_path / "elsewhere")
        ref = storage_again(tmp_path)
        unseen = hr.stream(range(20)).async_map(lambda k: int(ref[k]), client)
        with pytest.raises(
            IntegrityError,
            match=r"missing on .+: there is no .*here.* worker of another machine or container",
        ):
            unseen.collect()


def storage_again(folder: Path) -> Any:
    """A DataRef to a path that is there for this process only at first."""
    (folder / "elsewhere").rename(folder / "here")
    ref = hr.Storage(folder / "here").fetch("digits", "1.0")
    (folder / "here").rename(folder / "elsewhere")
    return ref


def test_workers_that_are_all_killed_are_an_error_and_no_hang(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(dask, "LOST_SECONDS", 0.5)
    address, processes = cluster
    with distributed.Client(address) as client:
        records = iter(hr.stream(itertools.count).async_map(abs, client, buffer=4))
        assert next(records) == 0
        for process in processes[1:]:
            process.kill()
            process.wait()
        with pytest.raises(StreamError, match=r"async_map\(abs\): the dask cluster has lost all"):
            for _ in records:
                pass


def test_a_client_that_is_closed_is_refused(dask_client: Any) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(dask_client.cluster) as other:
        stream = hr.stream([1]).async_map(abs, other)
    with pytest.raises(StreamError, match=r"async_map\(abs\) needs a dask client .* is closed"):
        stream.node.open(Run())
