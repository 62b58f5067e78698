"""YogaDL's storages: what is kept, fetched and cached, in a folder and in buckets."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.serving import Store

import headrace.compat.yogadl as yogadl
from headrace.compat.yogadl.storage import (
    BaseCloudStorage,
    GCSConfigurations,
    GCSStorage,
    LFSConfigurations,
    LFSStorage,
    S3Configurations,
    S3Storage,
)
from headrace.contracts.errors import ArgumentError, InvalidName, NotFound, PickleRefused

# Any, in this file: records are of every type.


@pytest.fixture
def storage(tmp_path: Path) -> LFSStorage:
    return LFSStorage(LFSConfigurations(str(tmp_path)))


@pytest.fixture(params=["s3", "gcs"])
def cloud(request: pytest.FixtureRequest) -> BaseCloudStorage:
    """A storage in a new bucket."""
    store: Store = request.getfixturevalue(request.param)
    bucket = store.new_bucket().partition("://")[2]
    if request.param == "gcs":
        config = GCSConfigurations(bucket, "team/caches", "ws://localhost:10000")
        return GCSStorage(config, storage_options=store.storage_options)
    keys = ("a", "b", store.endpoint)
    return S3Storage(
        S3Configurations(bucket, "team/caches", "ws://localhost:10000", *keys),
        storage_options={"region": "us-east-1"},
    )


def test_what_is_submitted_is_fetched_in_another_process_too(
    storage: LFSStorage, tmp_path: Path
) -> None:
    records = [{"x": np.full(3, n, np.float32), "y": n} for n in range(20)]
    storage.submit(iter(records), "points", "1.0")
    ref = LFSStorage(LFSConfigurations(tmp_path)).fetch("points", "1.0")

    assert len(ref) == 20
    assert [record["y"] for record in ref.stream(start_offset=15)] == [15, 16, 17, 18, 19]
    assert next(iter(ref.stream()))["x"].dtype == np.float32


def test_a_submit_puts_a_new_version_over_an_old_one_whose_readers_go_on(
    storage: LFSStorage,
) -> None:
    storage.submit([1, 2], "numbers", "1.0")
    before = iter(storage.fetch("numbers", "1.0").stream())
    first = next(before)
    storage.submit([7, 8, 9], "numbers", "1.0")

    assert [first, *before] == [1, 2]
    assert list(storage.fetch("numbers", "1.0").stream()) == [7, 8, 9]


def test_datarefs_and_streams_are_submitted_like_any_source(storage: LFSStorage) -> None:
    storage.submit(range(6), "numbers", "1.0")
    ref = storage.fetch("numbers", "1.0")
    storage.submit(ref, "numbers", "2.0")
    storage.submit(ref.stream(start_offset=4), "numbers", "3.0")

    assert list(storage.fetch("numbers", "2.0").stream()) == list(range(6))
    assert list(storage.fetch("numbers", "3.0").stream()) == [4, 5]
    assert storage.native.versions("numbers") == ["1.0", "2.0", "3.0"]


def test_the_first_call_is_stored_whatever_the_arguments_of_the_next(storage: LFSStorage) -> None:
    calls = []

    @storage.cacheable("squares", "1.0")
    def squares(count: int) -> list[int]:
        """Numbers of its own."""
        calls.append(count)
        return [n * n for n in range(count)]

    assert list(squares(4).stream()) == [0, 1, 4, 9]
    assert list(squares(9).stream()) == [0, 1, 4, 9]
    assert calls == [4]
    assert (squares.__name__, squares.__doc__) == ("squares", "Numbers of its own.")
    made = storage.native.describe("squares", "1.0")
    assert "squares" in str(made)


def test_racing_threads_call_once_and_all_read(storage: LFSStorage) -> None:
    calls: list[int] = []
    found: list[list[Any]] = []

    @storage.cacheable("numbers", "1.0")
    def numbers() -> Any:
        calls.append(1)
        return range(1000)

    def read() -> None:
        found.append(list(numbers().stream()))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(calls), found) == (1, [list(range(1000))] * 4)


def test_y_b3_a_build_that_fails_leaves_nothing_in_the_way(storage: LFSStorage) -> None:
    is_broken = True

    def broken() -> Any:
        yield 1
        if is_broken:
            raise KeyboardInterrupt
        yield 2

    numbers = storage.cacheable("numbers", "1.0")(lambda: broken)
    with pytest.raises(KeyboardInterrupt):
        numbers()
    with pytest.raises(NotFound):
        storage.fetch("numbers", "1.0")
    is_broken = False

    assert list(numbers().stream()) == [1, 2]


def test_y_b16_ids_are_plain_names(storage: LFSStorage) -> None:
    for name in ("", "../x", "a/b"):
        with pytest.raises(InvalidName, match="a dataset name must be 1 to 128 letters"):
            storage.submit([1], name, "1.0")
        with pytest.raises(InvalidName, match="a version name must be"):
            storage.fetch("x", name)
        with pytest.raises(InvalidName):
            storage.cacheable(name, "1.0")


def test_what_is_not_there_is_told_by_what_is(storage: LFSStorage) -> None:
    storage.submit([1], "digits", "1.0")

    with pytest.raises(NotFound, match=r"Did you mean one of 'digits'"):
        storage.fetch("digit", "1.0")


def test_a_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"storage_dir_path must be a folder, got .*nowhere"):
        LFSStorage(LFSConfigurations(str(tmp_path / "nowhere")))
    with pytest.raises(ArgumentError, match=r"local_cache_dir must be a folder, got .*nowhere"):
        S3Storage(S3Configurations("b", "", "", local_cache_dir=tmp_path / "nowhere"))


def test_pickles_are_written_and_read_where_they_are_allowed(tmp_path: Path) -> None:
    config = LFSConfigurations(tmp_path)
    LFSStorage(config, allow_pickle=True).submit([object], "objects", "1.0")

    with pytest.raises(PickleRefused):
        LFSStorage(config).fetch("objects", "1.0")
    assert list(LFSStorage(config, allow_pickle=True).fetch("objects", "1.0").stream()) == [object]


def test_a_cache_that_yogadl_left_is_fetched_where_its_pickles_are_trusted(tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    (tmp_path / "numbers" / "1.0").mkdir(parents=True)
    yogadl.serialize_generator_to_lmdb(
        iter(range(5)), None, None, tmp_path / "numbers" / "1.0" / "cache.mdb"
    )
    config = LFSConfigurations(tmp_path)

    with pytest.raises(PickleRefused, match=r"as TensorPack and YogaDL write.*allow_pickle=True"):
        LFSStorage(config).fetch("numbers", "1.0")
    storage = LFSStorage(config, allow_pickle=True)
    assert list(storage.fetch("numbers", "1.0").stream(start_offset=3)) == [3, 4]
    storage.submit(storage.fetch("numbers", "1.0"), "numbers", "1.0")
    assert list(LFSStorage(config).fetch("numbers", "1.0").stream()) == list(range(5))


def test_a_bucket_is_used_like_a_folder(cloud: BaseCloudStorage) -> None:
    cloud.submit(range(10), "range", "1.0")
    stream = cloud.fetch("range", "1.0").stream(start_offset=5, shuffle=True, shuffle_seed=777)

    assert list(stream) == [5, 1, 9, 6, 7]
    assert cloud.native.url.endswith("/team/caches")

    calls = []

    @cloud.cacheable("range", "2.0")
    def made() -> Any:
        calls.append(1)
        return range(3)

    assert [list(made().stream()) for _ in range(2)] == [[0, 1, 2]] * 2
    assert calls == [1]


def test_the_copies_of_a_bucket_are_where_the_configuration_says(s3: Store, tmp_path: Path) -> None:
    bucket = s3.new_bucket().partition("://")[2]
    config = S3Configurations(bucket, "", "", "a", "b", s3.endpoint, local_cache_dir=str(tmp_path))
    storage = S3Storage(config, storage_options={"region": "us-east-1"})
    storage.submit(range(10), "range", "1.0")
    list(storage.fetch("range", "1.0").stream())

    assert any(path.is_file() for path in tmp_path.rglob("*"))
    assert storage.native.url == f"s3://{bucket}"


def test_keys_are_not_shown() -> None:
    assert "hidden" not in repr(S3Configurations("b", "p", "u", "hidden", "hidden"))


def test_the_server_of_locks_says_what_stands_in_its_place() -> None:
    for gone in (
        yogadl.rw_coordinator.RwCoordinatorServer,
        yogadl.rw_coordinator.RwCoordinatorClient,
    ):
        with pytest.raises(ArgumentError, match=r"no server of locks: builders hold leases"):
            gone("localhost", 10000)


def test_storages_are_made_through_their_own_names_only() -> None:
    with pytest.raises(TypeError, match="abstract"):
        BaseCloudStorage(S3Configurations("b", "p"))  # type: ignore[abstract]
    assert (yogadl.constants.AWS_STORAGE, yogadl.constants.GCS_STORAGE) == (
        "aws_storage",
        "gcs_storage",
    )
