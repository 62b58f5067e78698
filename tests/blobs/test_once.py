"""Writes that one of many makes come through once, also where their answers are lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.blobs.filling import filled
from tests.servers.faults import Answer, Drop, Hang
from tests.servers.proxy import Proxy
from tests.servers.serving import Place

from headrace.blobs import ObjectBlobs, open_blobs
from headrace.blobs.stores.options import options_of
from headrace.blobs.swapping import SwappingBlobs
from headrace.contracts.errors import StorageError, Unreachable, VersionExists


def blobs_of(proxy: Proxy, **more: Any) -> ObjectBlobs:  # Any: options are those obstore knows
    return ObjectBlobs.at(proxy.new_bucket(), options_of({**proxy.storage_options, **more}))


@pytest.fixture
def swapping(store: Place) -> SwappingBlobs:
    blobs = open_blobs(store.url, storage_options=store.options)
    assert isinstance(blobs, SwappingBlobs)
    return blobs


def test_a_swap_writes_what_nobody_wrote_since(swapping: SwappingBlobs) -> None:
    assert swapping.tagged("a") is None
    first = swapping.swap("a", b"1", tag=None)
    assert first is not None
    assert swapping.tagged("a") == (b"1", first)
    assert swapping.swap("a", b"2", tag=None) is None
    second = swapping.swap("a", b"2", tag=first)
    assert second not in (None, first)
    assert swapping.swap("a", b"3", tag=first) is None
    assert swapping.tagged("a") == (b"2", second)
    swapping.put("a", b"4", replace=True)
    assert swapping.swap("a", b"5", tag=second) is None
    swapping.delete("a")
    assert swapping.swap("a", b"6", tag=second) is None
    assert swapping.tagged("a") is None


def one_of_many(write: Callable[[int], bool], count: int = 16) -> list[int]:
    """Which of many threads that write at once say that they did."""
    together = threading.Barrier(count)

    def race(number: int) -> bool:
        together.wait()
        return write(number)

    with ThreadPoolExecutor(count) as threads:
        return [number for number, won in enumerate(threads.map(race, range(count))) if won]


def test_of_many_creates_one_wins(swapping: SwappingBlobs) -> None:
    def create(number: int) -> bool:
        try:
            swapping.put("a", b"%d" % number)
        except VersionExists:
            return False
        return True

    (winner,) = one_of_many(create)
    assert swapping.get("a") == b"%d" % winner


def test_of_many_swaps_one_wins(swapping: SwappingBlobs) -> None:
    tag = swapping.swap("a", b"first", tag=None)
    (winner,) = one_of_many(lambda number: swapping.swap("a", b"%d" % number, tag=tag) is not None)
    assert swapping.get("a") == b"%d" % winner


@pytest.mark.parametrize("fault", [Drop(after=True), Drop()], ids=["after", "before"])
def test_a_create_whose_answer_is_lost_is_not_taken_for_another_s(
    proxy: Proxy, fault: Drop
) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(fault, method="PUT", times=1)
    blobs.put("a", b"mine")
    assert blobs.get("a") == b"mine"
    with pytest.raises(VersionExists):
        blobs.put("a", b"mine")


def test_a_swap_whose_answer_is_lost_is_not_taken_for_another_s(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    first = blobs.swap("a", b"1", tag=None)
    proxy.fail(Drop(after=True), method="PUT", times=1)
    second = blobs.swap("a", b"2", tag=first)
    assert blobs.tagged("a") == (b"2", second)


def test_another_s_create_is_not_taken_for_the_own_one(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    blobs.put("a", b"another's")
    proxy.fail(Drop(after=True), method="PUT", times=1)
    with pytest.raises(VersionExists):
        blobs.put("a", b"mine")
    proxy.fail(Answer(503), method="PUT", times=1)
    assert blobs.swap("a", b"mine", tag=None) is None


CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code></Error>"


def test_a_store_that_has_not_decided_yet_is_asked_again(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(409, CONFLICT), method="PUT", times=1)
    tag = blobs.swap("a", b"1", tag=None)
    assert tag is not None
    proxy.heal()
    proxy.fail(Answer(409, CONFLICT), method="PUT", times=1)
    assert blobs.swap("a", b"2", tag=tag) is not None
    proxy.heal()
    proxy.fail(Answer(409, CONFLICT), method="PUT")
    with pytest.raises(Unreachable, match=r"'b' of .* 409 Conflict \(Cond.*\)\. It is busy or"):
        blobs_of(proxy, max_retries=1).put("b", b"1")


def test_a_create_that_finds_no_place_is_told_and_not_waited_for(proxy: Proxy) -> None:
    # As an endpoint with a wrong path answers. A lock would be waited for without an end.
    blobs = blobs_of(proxy)
    proxy.fail(Answer(404), method="PUT")
    for create in (
        lambda: blobs.put("a", b"1"),
        lambda: blobs.swap("a", b"1", tag=None),
        lambda: blobs.try_lock("a"),
        lambda: blobs.write(lambda: "a", filled(b"1")),
    ):
        with pytest.raises(StorageError, match=r"was to be written, .* 404 Not Found\. Check the"):
            create()


def test_a_delete_without_an_answer_is_tried_again_while_it_does_no_harm(proxy: Proxy) -> None:
    url = proxy.new_bucket()
    options = options_of({**proxy.storage_options, "read_timeout": "0.5s"})
    blobs = ObjectBlobs.at(url, options, lease_s=6)
    for key in ("a", "b"):
        blobs.put(key, b"1")
    proxy.forget()
    proxy.fail(Hang(), method="POST", times=2)
    blobs.delete("a")
    assert blobs.stat("a") is None
    assert proxy.count("POST", "delete") == 3
    proxy.heal()
    proxy.fail(Answer(503), method="POST")
    # In a third of a lease: an hour of tries could meet what another has written since.
    hasty = ObjectBlobs.at(url, options, lease_s=0.9)
    proxy.forget()
    with pytest.raises(Unreachable, match="'b' of .* was to be removed, and .* 503"):
        hasty.delete("b")
    assert proxy.count("POST", "delete") <= 2


def test_writes_are_tried_as_often_and_as_long_as_is_said(proxy: Proxy) -> None:
    blobs = blobs_of(proxy, max_retries=2)
    proxy.fail(Answer(503), method="PUT")
    with pytest.raises(Unreachable, match="503 Service Unavailable"):
        blobs.put("a", b"1")
    assert proxy.count("PUT") == 3
    hasty = blobs_of(proxy, max_retries=10, retry_timeout=0.15)
    with pytest.raises(Unreachable):
        hasty.put("a", b"1")
    assert proxy.count("PUT") == 5
