"""What holds for every key-value store, and for streams that fill and read one."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Store
from headrace.contracts.errors import ArgumentError, InvalidName, NotFound, RecordError, StreamError

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: hr.MemoryStore(),
    "local": lambda folder: hr.Storage(folder, durable=False).store("shards"),
    "object": lambda folder: hr.Storage("memory://").store("shards"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def test_a_value_is_found_under_its_key_and_the_last_one_set_stays(store: Store) -> None:
    assert isinstance(store, Store)
    assert (len(store), list(store.keys()), "a" in store) == (0, [], False)

    assert store.set({"id": 1, "text": "ten"}, "a") == "a"
    store.set([1, 2, 3], "deep/b c.x")
    store.set((None, "new"), "a")

    assert store.get("a") == (None, "new")
    assert store.get("deep/b c.x") == [1, 2, 3]
    assert sorted(store.keys()) == ["a", "deep/b c.x"]
    assert (len(store), "a" in store, "b" in store, 3 in store) == (2, True, False, False)


def test_a_missing_key_is_a_key_error_that_names_the_near_ones(store: Store) -> None:
    store.set(1, "train_0001")

    with pytest.raises(KeyError, match=r"no key 'train_001' in .*Did you mean.*'train_0001'"):
        store.get("train_001")
    with pytest.raises(NotFound):
        store.get("deep/key")


@pytest.mark.parametrize(
    "key",
    [
        *("", "/etc/x", "../x", "a/../b", "a//b", "a/", "."),
        *("~x", "a\\b", "a\0b", "a\nb", "\ud800", "x" * 201, "\u6c34" * 67),
    ],
)
def test_a_key_that_could_leave_the_store_is_refused(store: Store, key: str) -> None:
    with pytest.raises(InvalidName, match=r"a key must be text of plain names joined by '/', got "):
        store.set(1, key)
    with pytest.raises(InvalidName):
        store.get(key)
    assert key not in store
    assert len(store) == 0


def test_a_key_that_is_no_text_is_refused(store: Store) -> None:
    with pytest.raises(InvalidName, match="got 3"):
        store.set(1, 3)  # type: ignore[arg-type]
    with pytest.raises(InvalidName, match="got 3"):
        hr.stream([1]).sink(store, key=lambda record: 3)  # type: ignore[arg-type, return-value]


def test_s_b21_keys_that_are_made_do_not_depend_on_seeds(store: Store) -> None:
    keys = []
    for _ in range(2):
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002 - the generator that must not matter
        keys += [store.set(number) for number in range(5)]

    assert len(set(keys)) == len(store) == 10


def test_threads_set_side_by_side(store: Store) -> None:
    def fill(thread: int) -> None:
        for number in range(20):
            store.set((thread, number))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pairs = [(thread, number) for thread in range(4) for number in range(20)]
    assert sorted(map(store.get, store.keys())) == pairs


def test_a_stream_sinks_into_a_store_and_is_read_back(store: Store) -> None:
    records: list[dict[str, Any]] = [
        {"id": f"id_{n}", "image": np.full((1, 2), n), "meta": {"split": "train"}}
        for n in range(10)
    ]

    assert hr.stream(records).sink(store, key=lambda record: record["id"]) == 10

    found = hr.stream(sorted(store.keys())).shuffle(5, seed=1).map(store.get).collect()
    assert sorted(one["id"] for one in found) == sorted(one["id"] for one in records)
    assert all((one["image"] == int(one["id"][3:])).all() for one in found)
    assert [one["meta"] for one in found] == [{"split": "train"}] * 10


def test_shards_are_lists_of_records_and_unbatch_gives_the_records(store: Store) -> None:
    records = [{"id": n, "x": np.arange(n)} for n in range(25)]

    assert hr.stream(records).batch(10, collate="list").sink(store) == 3

    loader = hr.DataLoader(
        hr.stream(sorted(store.keys())).map(store.get).unbatch(), backend=hr.Threads(2)
    )
    found = sorted(loader, key=lambda record: record["id"])
    assert [record["id"] for record in found] == list(range(25))
    assert all((record["x"] == np.arange(record["id"])).all() for record in found)


def test_a_source_of_keys_is_listed_anew_each_epoch(store: Store) -> None:
    stream = hr.stream(store.keys).map(store.get)
    store.set("one")
    assert stream.collect() == ["one"]

    store.set("two")

    assert sorted(stream.collect()) == ["one", "two"]


def test_sink_refuses_what_never_ends_and_what_is_no_store(store: Store) -> None:
    with pytest.raises(StreamError, match=r"never ends. Put .take\(n\) before .sink"):
        hr.stream([1]).repeat().sink(store)
    with pytest.raises(ArgumentError, match="needs a key-value store, got dict"):
        hr.stream([1]).sink({})  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="needs a key-value store, got type"):
        hr.stream([1]).sink(hr.MemoryStore)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="key must be a function .* got 'id'. Pass one such"):
        hr.stream([1]).sink(store, key="id")  # type: ignore[arg-type]
    assert len(store) == 0


def test_an_error_of_sink_says_at_which_record(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path).store("s")

    with pytest.raises(RecordError, match="of type object.*MemoryStore holds anything") as caught:
        hr.stream([1, 2, object(), 4]).sink(store)

    assert any("index 2" in note for note in caught.value.__notes__)
    assert sorted(map(store.get, store.keys())) == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_s_b21_forked_writers_keep_each_others_values(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path).store("s")
    random.seed(7)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            for _ in range(5):
                store.set(number)
            os._exit(0)
        children.append(child)

    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert sorted(map(store.get, store.keys())) == [0] * 5 + [1] * 5 + [2] * 5


def test_what_a_memory_store_holds_is_not_copied_and_never_leaves_the_process() -> None:
    import pickle

    store = hr.MemoryStore()
    value: Any = object()

    assert store.get(store.set(value)) is value
    with pytest.raises(hr.errors.StorageError, match=r"MemoryStore\(1 keys\) to another process"):
        pickle.dumps(store)
