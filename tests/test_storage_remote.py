"""Datasets in object stores: what a path does they do, and no failure is taken for absence."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
from typing import Any

import numpy as np
import pytest
from tests.servers.faults import Answer, Drop, Fault
from tests.servers.proxy import Proxy
from tests.servers.serving import Place, Store

import headrace as hr
from headrace.blobs import open_blobs
from headrace.contracts.errors import (
    Forbidden,
    NotFound,
    StorageError,
    Unreachable,
    VersionExists,
)
from headrace.storage import Storage

# Any, in this file: records and options of every type.

SHARD_BYTES = 2_000
ROWS = 500


def records(seed: int = 0) -> list[dict[str, Any]]:
    drawn = np.random.default_rng(seed)
    return [{"id": n, "pixels": drawn.integers(0, 9, 3), "text": f"№ {n}"} for n in range(ROWS)]


def storage_at(place: Place) -> Storage:
    return Storage(place.url, storage_options=place.options)


def behind(proxy: Proxy, **more: Any) -> Storage:
    options = {**proxy.storage_options, "max_retries": 0, **more}
    return Storage(proxy.new_bucket(), storage_options=options)


def test_a_store_does_what_a_folder_does(store: Place) -> None:
    storage = storage_at(store)
    ref = storage.submit(records(), "digits", "1.0", shard_bytes=SHARD_BYTES)
    assert [record["id"] for record in ref.stream()] == list(range(ROWS))
    with pytest.raises(VersionExists):
        storage.submit(records(1), "digits", "1.0")
    storage.submit(records(1), "digits", "1.0", replace=True, shard_bytes=SHARD_BYTES)
    storage.submit(records(2)[:3], "digits", "2.0")
    assert storage.versions("digits") == ["1.0", "2.0"]
    assert storage.fetch("digits", "1.0")[7]["pixels"].tolist() == records(1)[7]["pixels"].tolist()
    assert len(storage.fetch("digits", "2.0")) == 3
    assert storage.verify("digits").shard_count > 3
    storage.delete("digits", "2.0")
    with pytest.raises(NotFound, match=r"no version '2\.0' of digits in .*'1\.0'"):
        storage.fetch("digits", "2.0")
    assert len(storage.prune(grace_s=0).keys) > 0
    assert storage.verify("digits").versions == ("1.0",)
    assert storage.datasets() == ["digits"]


def test_two_prefixes_of_a_bucket_are_two_storages(s3: Store, bucket: str) -> None:
    here, there = (
        Storage(f"{bucket}/{prefix}", storage_options=s3.storage_options) for prefix in "ab"
    )
    here.submit([1], "digits", "1.0")
    assert there.datasets() == []
    there.submit([2], "digits", "1.0")
    assert (here.fetch("digits")[0], there.fetch("digits")[0]) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), Forbidden),
        (Answer(403), Forbidden),
        (Answer(401), Forbidden),
        (Answer(503, b"<Error><Code>SlowDown</Code></Error>"), Unreachable),
        (Answer(429), Unreachable),
        (Answer(500), Unreachable),
        (Drop(), Unreachable),
    ],
    ids=["denied", "403", "401", "throttled", "429", "500", "dropped"],
)
def test_y_b10_403_and_503_never_rebuild(
    proxy: Proxy, fault: Fault, kind: type[StorageError]
) -> None:
    storage = behind(proxy)
    calls: list[int] = []

    @storage.cacheable("digits", "1.0")
    def digits() -> list[int]:
        calls.append(1)
        return [1, 2, 3]

    assert len(digits()) == 3
    proxy.forget()
    proxy.fail(fault)
    for _ in range(2):
        with pytest.raises(kind, match="was to be read, and "):
            digits()
    with pytest.raises(kind):
        storage.submit([4], "digits", "2.0")
    assert not [one.method for one in proxy.log if one.method not in ("GET", "HEAD")]
    proxy.heal()
    assert digits()[2] == 3
    assert storage.versions("digits") == ["1.0"]
    assert calls == [1]


def test_a_bucket_that_does_not_exist_calls_nothing(s3: Store) -> None:
    storage = Storage("s3://no-such-bucket/folder", storage_options=s3.storage_options)
    with pytest.raises(StorageError, match=r"NoSuchBucket.*Make the bucket, or check its name"):
        storage.cacheable("digits", "1.0")(lambda: pytest.fail("it was called"))()
    with pytest.raises(StorageError, match="NoSuchBucket"):
        storage.submit(iter([1]), "digits", "1.0")


def test_a_build_that_cannot_be_committed_leaves_no_version(proxy: Proxy) -> None:
    storage = behind(proxy)
    proxy.fail(Answer(403), method="PUT", path=r"versions/1\.0\.json")
    with pytest.raises(Forbidden, match=r"versions/1\.0\.json' of .* was to be written, and"):
        storage.submit(records(), "digits", "1.0", shard_bytes=SHARD_BYTES)
    assert storage.datasets() == []
    proxy.heal()
    storage.submit(records(), "digits", "1.0", shard_bytes=SHARD_BYTES)
    assert storage.verify("digits").versions == ("1.0",)


def test_a_commit_whose_answer_is_lost_is_a_commit(proxy: Proxy) -> None:
    storage = behind(proxy, max_retries=3)
    proxy.fail(Drop(after=True), method="PUT", path=r"versions/1\.0\.json", times=1)
    assert storage.submit([1, 2], "digits", "1.0")[1] == 2


def test_secrets_are_in_nothing_that_is_shown_or_saved(s3: Store, bucket: str) -> None:
    secrets = {"access_key_id": "planted-1", "secret_access_key": "planted-2"}
    storage = Storage(bucket, storage_options={**s3.storage_options, **secrets})
    ref = storage.submit(records(), "digits", "1.0", meta={"by": "us"}, shard_bytes=SHARD_BYTES)
    stream = ref.shuffle(seed=1).stream().map(len).batch(10)
    loader = hr.DataLoader(stream)
    next(iter(loader))
    state = loader.state_dict()
    shown = [repr(storage), storage._repr_html_(), repr(ref), repr(stream), str(stream.explain())]
    assert "planted" not in "".join([*shown, json.dumps(state), repr(pickle.dumps(state))])
    blobs = open_blobs(bucket, storage_options=s3.storage_options)
    kept = [blobs.get(stat.key) for stat in blobs.list("")]
    assert b"planted" not in b"".join(kept)


def test_a_storage_that_cannot_be_listed_is_printed(proxy: Proxy) -> None:
    storage = behind(proxy)
    proxy.fail(Answer(403))
    assert repr(storage) == f"Storage({storage.url!r}), not listed (Forbidden)"
    assert "not listed (Forbidden)" in storage._repr_html_()


def read_in_child(storage: Storage, answers: Any) -> None:
    try:
        storage.fetch("digits", "1.0")
    except StorageError as error:
        answers.put(str(error))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_is_refused_and_does_not_hang(s3: Store, bucket: str) -> None:
    storage = Storage(bucket, storage_options=s3.storage_options)
    storage.submit([1], "digits", "1.0")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=read_in_child, args=(storage, answers))
    child.start()
    message = answers.get(timeout=30)
    child.join()
    assert message == (
        f"cannot use {bucket} in a forked process: it would hang. Begin workers otherwise: in "
        'torch\'s DataLoader say multiprocessing_context="forkserver" or "spawn".'
    )


@pytest.mark.slow
def test_worker_processes_read_and_write_a_store(s3: Store, bucket: str) -> None:
    storage = Storage(bucket, storage_options=s3.storage_options)
    backend = hr.Processes(2)
    ref = storage.submit(
        SequenceOf(ROWS), "digits", "1.0", shard_bytes=SHARD_BYTES, backend=backend
    )
    stream = ref.stream().map(process_of).batch(50, collate="list")
    seen = [record for batch in hr.DataLoader(stream, backend=backend) for record in batch]
    assert [record["id"] for record in seen] == list(range(ROWS))
    assert os.getpid() not in {record["process"] for record in seen}


class SequenceOf:
    """Records by number, made where they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return {"id": index, "pixels": np.full(3, index)}


def process_of(record: dict[str, Any]) -> dict[str, Any]:
    return {"id": int(record["id"]), "process": os.getpid()}
