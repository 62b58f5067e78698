"""The servers of the tests do what the tests of storage rely on."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import from_url
from tests.servers.serving import Store

# Any, in this file: stores of obstore are several classes.
RACERS = 16
PART_BYTES = 5 * 2**20


@pytest.fixture(params=["s3", "gcs", "azure"])
def bucket(request: pytest.FixtureRequest) -> Any:
    """A new bucket of each kind of server."""
    server: Store = request.getfixturevalue(request.param)
    return from_url(server.new_bucket(), **server.storage_options)


def tag_of(bucket: Any, key: str) -> Any:
    """What names the state of a blob, as `put(mode=...)` takes it."""
    meta = obstore.head(bucket, key)
    return {name: meta[name] for name in ("e_tag", "version") if meta[name]}


def wins(write: Any) -> bool:
    try:
        write()
    except (AlreadyExistsError, PreconditionError):
        return False
    return True


def test_of_threads_that_create_a_blob_one_wins(bucket: Any) -> None:
    def create(number: int) -> bool:
        payload = b"%d" % number
        return wins(lambda: obstore.put(bucket, "a", payload, mode="create", use_multipart=False))

    with ThreadPoolExecutor(RACERS) as pool:
        won = list(pool.map(create, range(RACERS)))
    assert sum(won) == 1
    assert bytes(obstore.get(bucket, "a").bytes()) == b"%d" % won.index(True)


def test_of_threads_that_swap_a_blob_one_wins(bucket: Any) -> None:
    obstore.put(bucket, "a", b"old")
    tag = tag_of(bucket, "a")

    def swap(number: int) -> bool:
        payload = b"%d" % number
        return wins(lambda: obstore.put(bucket, "a", payload, mode=tag, use_multipart=False))

    with ThreadPoolExecutor(RACERS) as pool:
        won = list(pool.map(swap, range(RACERS)))
    assert sum(won) == 1
    assert bytes(obstore.get(bucket, "a").bytes()) == b"%d" % won.index(True)
    assert tag_of(bucket, "a") != tag


def test_a_put_gives_the_tag_that_the_next_swap_needs(bucket: Any) -> None:
    answer = obstore.put(bucket, "a", b"1", mode="create", use_multipart=False)
    tag: Any = {name: tag for name, tag in answer.items() if tag}
    assert wins(lambda: obstore.put(bucket, "a", b"2", mode=tag, use_multipart=False))
    assert not wins(lambda: obstore.put(bucket, "a", b"3", mode=tag, use_multipart=False))


def test_ranges_are_read_alone_and_together(bucket: Any) -> None:
    content = os.urandom(100_000)
    obstore.put(bucket, "a", content)
    assert bytes(obstore.get_range(bucket, "a", start=7, end=1007)) == content[7:1007]
    starts, ends = [0, 50_000, 99_990], [10, 60_000, 100_000]
    found = obstore.get_ranges(bucket, "a", starts=starts, ends=ends)
    assert [bytes(one) for one in found] == [
        content[start:end] for start, end in zip(starts, ends, strict=True)
    ]


@pytest.mark.slow
def test_a_blob_of_several_parts_is_whole(bucket: Any) -> None:
    content = os.urandom(PART_BYTES + 1)
    obstore.put(bucket, "a", content, use_multipart=True, chunk_size=PART_BYTES)
    assert bytes(obstore.get(bucket, "a").bytes()) == content
    tag = tag_of(bucket, "a")
    assert wins(lambda: obstore.put(bucket, "a", b"2", mode=tag, use_multipart=False))


def test_a_listing_has_more_keys_than_a_page(bucket: Any) -> None:
    keys = {f"many/{number:04}" for number in range(103)}
    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(lambda key: obstore.put(bucket, key, b""), [*keys, "other/a-b c"]))
    assert {meta["path"] for meta in obstore.list(bucket, "many").collect()} == keys
    folders = obstore.list_with_delimiter(bucket)["common_prefixes"]
    assert sorted(folders) == ["many", "other"]
    assert [meta["path"] for meta in obstore.list(bucket, "other").collect()] == ["other/a-b c"]


def test_a_deleted_blob_is_absent_and_may_be_created_again(bucket: Any) -> None:
    obstore.put(bucket, "a", b"1", mode="create", use_multipart=False)
    obstore.delete(bucket, "a")
    for absent in (obstore.get, obstore.head):
        with pytest.raises(FileNotFoundError):
            absent(bucket, "a")
    obstore.put(bucket, "a", b"2", mode="create", use_multipart=False)


def test_deleting_what_is_absent_is_an_error_of_gcs_and_azure_only(
    bucket: Any, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["bucket"] == "s3":
        obstore.delete(bucket, "absent")
    else:
        with pytest.raises(FileNotFoundError):
            obstore.delete(bucket, "absent")


def test_a_bucket_that_was_not_made_is_absent(s3: Store, gcs: Store, azure: Store) -> None:
    for server in (s3, gcs, azure):
        store = from_url(f"{server.scheme}://nobody-made-it", **server.storage_options)
        with pytest.raises(FileNotFoundError, match=r"(?i)NoSuchBucket|ContainerNotFound"):
            obstore.put(store, "a", b"1")
