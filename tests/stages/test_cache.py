"""`cache`: an epoch is made once, and given again as if it were made anew."""

from __future__ import annotations

import functools
import itertools
import json
import logging
import math
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

import headrace as hr
from headrace import stages
from headrace.contracts import Run
from headrace.contracts.errors import (
    ArgumentError,
    RecordError,
    StateError,
    StorageError,
    StreamError,
)
from headrace.testing import check_stage


class Calls:
    """A function that counts its calls, which are not part of what it is."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __reduce__(self) -> tuple[type[Calls], tuple[()]]:
        return Calls, ()

    def __call__(self, x: Any) -> Any:
        self.seen.append(x)
        return x


@pytest.fixture(params=["memory", "disk"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    return "memory" if request.param == "memory" else tmp_path / "not" / "there yet"


def files(path: Path) -> list[str]:
    """What is under a path, locks left out."""
    found = [one for one in path.rglob("*") if one.is_file() and one.suffix != ".lock"]
    return sorted(str(one.relative_to(path)) for one in found)


def jittered(x: int, rng: np.random.Generator) -> int:
    return x + int(rng.integers(1000)) * 100


# -- what it gives ---------------------------------------------------------------------------


@pytest.mark.parametrize("medium", ["memory", "disk"])
def test_cache_conforms(medium: str, tmp_path: Path) -> None:
    folders = itertools.count()
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).cache(
            "memory" if medium == "memory" else tmp_path / str(next(folders)), key="numbers"
        ),
        lambda records: (x for x in records if x % 3),
    )


def test_a_cache_that_is_refreshed_conforms() -> None:
    check_stage(
        lambda stream: stream.map(jittered, seeded=True, seed=1).cache(refresh_every=2).map(abs)
    )


@pytest.mark.parametrize("every", [None, math.inf, 1, 2, 3])
def test_epoch_e_is_epoch_e_minus_e_modulo_k(every: int | float | None, where: Any) -> None:
    stream = hr.DataRef.from_sequence(range(6)).shuffle(seed=1).stream()
    random = stream.map(jittered, seeded=True, seed=1)
    cached = random.cache(where, refresh_every=every)
    for epoch in (0, 1, 2, 3, 4, 2, 0):
        group = 0 if every in (None, math.inf) else epoch - epoch % int(every or 1)
        assert cached.epoch(epoch).collect() == random.epoch(group).collect()


def test_an_epoch_is_made_once_and_only_as_far_as_it_is_read(where: Any) -> None:
    calls = Calls()
    stream = hr.stream(range(5)).map(calls).cache(where)
    records = iter(stream)
    assert [next(records), next(records)] == [0, 1]
    assert calls.seen == [0, 1]
    del records
    loader = hr.DataLoader(stream)
    assert [list(loader) for _ in range(3)] == [[0, 1, 2, 3, 4]] * 3
    assert calls.seen == [0, 1, *range(5)]


def test_each_refresh_makes_an_epoch_once(where: Any) -> None:
    calls = Calls()
    stream = hr.stream(range(3)).map(calls).cache(where, refresh_every=2)
    for epoch in range(5):
        stream.epoch(epoch).join()
    assert calls.seen == [0, 1, 2] * 3


def test_streams_behind_one_cache_share_it(where: Any) -> None:
    calls = Calls()
    cached = hr.stream(range(4)).map(calls).cache(where)
    assert cached.map(lambda x: x + 1).collect() == [1, 2, 3, 4]
    assert cached.filter(lambda x: x % 2).collect() == [1, 3]
    assert calls.seen == [0, 1, 2, 3]


def test_one_stage_after_two_chains_keeps_them_apart() -> None:
    stage = stages.Cache()
    one, other = hr.stream([1, 2]).apply(stage), hr.stream([3, 4]).apply(stage)
    for _ in range(2):
        assert (one.collect(), other.collect()) == ([1, 2], [3, 4])


def test_each_seed_has_a_cache_of_its_own(where: Any) -> None:
    stream = hr.stream(range(9)).map(jittered, seeded=True)
    cached = stream.cache(where)
    for seed in (1, 2, 1):
        assert list(hr.DataLoader(cached, seed=seed)) == list(hr.DataLoader(stream, seed=seed))


def test_an_empty_epoch_is_kept_too(where: Any) -> None:
    calls = Calls()
    stream = hr.stream(range(3)).map(calls).filter(lambda x: x > 5).cache(where)
    assert (stream.collect(), stream.epoch(1).collect()) == ([], [])
    assert calls.seen == [0, 1, 2]


def test_changes_in_place_do_not_reach_the_cache(where: Any) -> None:
    def augmented(record: dict[str, Any]) -> float:
        record["x"] += 1
        record["many"][0] += 1
        return float(record["x"].sum() + record["many"][0])

    def source() -> Iterator[dict[str, Any]]:
        for n in range(300):
            yield {"x": np.full(3, float(n)), "many": np.zeros(1 + n % 3)}

    cached = hr.stream(source).cache(where, key="floats").map(augmented)
    first = cached.collect()
    assert first[:2] == [4.0, 7.0]
    assert cached.epoch(1).collect() == cached.epoch(2).collect() == first


def test_columns_are_kept_as_columns(where: Any) -> None:
    arrays: Any = {"x": np.arange(2000.0).reshape(1000, 2), "y": np.arange(1000)}
    cached = hr.stream(arrays).cache(where).batch(300)
    for epoch in range(2):
        batches = cached.epoch(epoch).collect()
        assert np.concatenate([batch["x"] for batch in batches]).tolist() == arrays["x"].tolist()
        assert [len(batch["y"]) for batch in batches] == [300, 300, 300, 100]


def test_columns_that_come_in_pieces_are_joined_in_their_order(where: Any) -> None:
    arrays: Any = {"x": np.arange(1300), "text": np.array([f"t{n}" for n in range(1300)])}
    expected = list(map(repr, hr.stream(arrays)))
    cached = hr.stream(arrays).cache(where)
    cursor = cached.node.open(Run())
    for n in (1, 200, 60, 1, 500, 3, *[1] * 535, 1):
        assert len(cursor.read(n)) == n or n == 1
    cursor.close()
    assert list(map(repr, cached)) == expected
    assert list(map(repr, cached.epoch(1))) == expected
    again = cached.node.open(Run())
    assert len(again.read(1300)) > 250


@pytest.mark.parametrize(
    "records",
    [
        [(1, "a", None), (2, "b", None)],
        [{"x": np.float32(1), "y": b"\0"}, {"x": np.float32(2), "y": b""}],
        [[1, [2, 3]], [4, [5]]],
        [np.arange(n, dtype=np.int8) for n in range(3)],
    ],
    ids=["tuples", "scalars", "lists", "arrays"],
)
def test_records_come_back_as_they_were(records: list[Any], where: Any) -> None:
    cached = hr.stream(lambda: records).cache(where, key="any")
    cached.join()
    found = cached.epoch(1).collect()
    assert list(map(repr, found)) == list(map(repr, records))
    assert list(map(type, found)) == list(map(type, records))


def test_images_come_back_equal(where: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    made = [image.fromarray(np.full((2, 3, 3), n, np.uint8)) for n in range(2)]
    cached = hr.stream(lambda: made).cache(where, key="images").map(np.asarray)
    first = [array.tolist() for array in cached]
    assert [array.tolist() for array in cached.epoch(1)] == first


def test_memory_keeps_any_records() -> None:
    torch = pytest.importorskip("torch")
    records: list[Any] = [{"set": {1, 2}, "int": 2**70, "t": torch.ones(2)}, "another", 3.5]
    cached = hr.stream(lambda: records).cache()
    cached.join()
    first, *others = cached.epoch(1).collect()
    assert type(first["t"]) is torch.Tensor
    assert first["set"] == {1, 2}
    assert first["int"] == 2**70
    assert others == ["another", 3.5]


def test_d_b10_a_shuffle_after_the_cache_is_another_each_epoch(where: Any) -> None:
    calls = Calls()
    stream = hr.stream(range(50)).map(calls).cache(where).shuffle(50, seed=1)
    epochs = [stream.epoch(epoch).collect() for epoch in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len(calls.seen) == 50


def test_d_b11_a_cache_and_a_rotation_on_disk_go_together(tmp_path: Path) -> None:
    calls = Calls()
    for number in range(2):
        cached = hr.stream(range(10)).map(calls).cache(tmp_path / "cache")
        stream = cached.rotate(3, window=4, medium="disk", path=tmp_path / "window", seed=1)
        epochs = [stream.epoch(epoch).collect() for epoch in range(3)]
        assert all(sorted(epoch) == sorted([*range(10)] * 3) for epoch in epochs), number
        rotated = hr.stream(range(10)).rotate(2, window=4, medium="disk", path=tmp_path, seed=1)
        both = rotated.cache(tmp_path / "other")
        assert [both.epoch(epoch).collect() for epoch in range(2)] == [rotated.collect()] * 2
    assert len(calls.seen) == 10


# -- resuming --------------------------------------------------------------------------------


def test_a_resume_seeks_in_the_cache_and_runs_the_chain_without_one(tmp_path: Path) -> None:
    calls = Calls()

    def loader(where: str | Path) -> hr.DataLoader[int]:
        return hr.DataLoader(hr.stream(range(8)).map(calls).cache(where))

    first = loader("memory")
    batches = iter(first)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    state = json.loads(json.dumps(first.state_dict()))
    assert (state["turn"], state["parents"], state["stages"]) == (3, [], [])
    # A state of one medium loads for the other: it runs the epoch, and so keeps it.
    calls.seen.clear()
    second = loader(tmp_path)
    second.load_state_dict(state)
    assert list(second) == [3, 4, 5, 6, 7]
    assert calls.seen == list(range(8))
    third = loader(tmp_path)
    third.load_state_dict(state)
    assert list(third) == [3, 4, 5, 6, 7]
    assert list(third) == list(range(8))
    assert calls.seen == list(range(8))


@pytest.mark.parametrize("turn", [None, -1, True, "3"])
def test_a_state_of_another_kind_is_refused(turn: Any) -> None:
    node = hr.stream([1, 2]).cache().node
    with pytest.raises(StateError, match="a state of a cache must say in turn"):
        node.open(Run(), {"turn": turn, "parents": [], "stages": []})


def test_a_pickled_stream_leaves_its_memory_behind(tmp_path: Path) -> None:
    cached = hr.stream([np.zeros(1000)] * 100).cache()
    cached.join()
    # The source's one array, not the hundred that are kept.
    assert len(cloudpickle.dumps(cached)) < 50_000
    on_disk = hr.stream(range(3)).cache(tmp_path)
    assert pickle.loads(pickle.dumps(on_disk)).collect() == [0, 1, 2]


# -- the end of a pass -----------------------------------------------------------------------


def test_a_pass_that_ends_early_leaves_nothing(tmp_path: Path) -> None:
    calls = Calls()
    stream = hr.stream(range(5)).map(calls).cache(tmp_path)
    assert stream.take(3).collect() == [0, 1, 2]
    with hr.DataLoader(stream) as loader:
        for record in loader:
            if record == 2:
                break
    dropped = stream.node.open(Run())
    dropped.read(2)
    del dropped
    assert files(tmp_path) == []
    assert stream.collect() == [0, 1, 2, 3, 4]
    assert len(files(tmp_path)) == 2


def test_an_error_comes_at_its_place_and_leaves_nothing(where: Any, tmp_path: Path) -> None:
    is_failing = [True]

    def step(x: int) -> int:
        if x == 3 and is_failing:
            raise ValueError("three")
        return x

    loader = hr.DataLoader(hr.stream(range(5)).map(step).cache(where, key="steps"))
    found: list[int] = []
    with pytest.raises(ValueError, match="three"):
        found.extend(loader)
    assert found == [0, 1, 2]
    assert files(tmp_path) == []
    is_failing.clear()
    loader.load_state_dict(loader.state_dict())
    assert list(loader) == [3, 4]
    assert list(loader) == [0, 1, 2, 3, 4]


def test_a_failing_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    stream = hr.stream({"x": np.zeros((300, 50))}).cache(tmp_path)
    cursor = stream.node.open(Run())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        assert sum(len(cursor.read(100)) for _ in range(3)) == 300
        with pytest.raises(StorageError, match=r"cannot write .* limit of a file's size"):
            cursor.read(100)
        with pytest.raises(StorageError, match=r"cannot write .* limit of a file's size"):
            cursor.read(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []
    assert cursor.state()["turn"] == 300
    assert len(stream.collect()) == 300


def test_the_epochs_before_a_newer_one_are_deleted(tmp_path: Path) -> None:
    stream = hr.stream(range(3)).cache(tmp_path, refresh_every=2)
    reader = stream.node.open(Run())
    for epoch in (0, 1):
        stream.epoch(epoch).join()
    reader.read(1)
    stream.epoch(4).join()
    assert {name.split("/")[1] for name in files(tmp_path)} == {"epoch-4"}
    # Who reads an earlier one goes on.
    assert list(reader.read(9)) == [1, 2]
    reader.close()
    stream.epoch(2).join()
    assert {name.split("/")[1] for name in files(tmp_path)} == {"epoch-2", "epoch-4"}


# -- on disk ---------------------------------------------------------------------------------


def stream_of(calls: Calls, where: Path) -> hr.Stream[Any]:
    arrays = {"x": np.arange(600), "y": np.arange(600) * 0.5}
    return hr.stream(arrays).map(calls).cache(where)


def test_each_damaged_byte_is_found_and_the_cache_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = [repr(record) for record in stream_of(Calls(), tmp_path)]
    for name in files(tmp_path):
        size = (tmp_path / name).stat().st_size
        for at in (0, size // 3, size // 2, size - 1):
            content = bytearray((tmp_path / name).read_bytes())
            content[at] ^= 1
            (tmp_path / name).write_bytes(content)
            caplog.clear()
            calls = Calls()
            again = stream_of(calls, tmp_path)
            with caplog.at_level(logging.WARNING, "headrace"):
                assert [repr(record) for record in again] == expected
            assert "is damaged and is made again" in caplog.text
            assert len(calls.seen) == 600
            assert [repr(record) for record in stream_of(calls, tmp_path)] == expected
            assert len(calls.seen) == 600
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("lost", ["manifest", ".arrow"])
def test_what_is_missing_is_made_again_in_mid_epoch_too(tmp_path: Path, lost: str) -> None:
    loader = hr.DataLoader(stream_of(Calls(), tmp_path))
    batches = iter(loader)
    assert len(list(itertools.islice(batches, 100))) == 100
    state = loader.state_dict()
    expected = [repr(record) for record in batches]
    for name in files(tmp_path):
        if name.endswith(lost):
            (tmp_path / name).unlink()
    resumed = hr.DataLoader(stream_of(Calls(), tmp_path))
    resumed.load_state_dict(state)
    assert [repr(record) for record in resumed] == expected
    assert len(files(tmp_path)) == 2


def variants() -> dict[str, Callable[[Path], hr.Stream[Any]]]:
    """Chains of which each differs from the first one in one thing."""
    numbers = list(range(20))
    twice, thrice = (lambda x: 2 * x), (lambda x: 3 * x)

    def scaled(by: int) -> Callable[[int], int]:
        return lambda x: x * by

    def of(records: Any, fn: Any = twice) -> Callable[[Path], hr.Stream[Any]]:
        return lambda path: hr.stream(records).map(fn).cache(path)

    ref = hr.DataRef.from_sequence(numbers)
    return {
        "first": of(numbers),
        "function": of(numbers, thrice),
        "closure": of(numbers, scaled(2)),
        "closed over": of(numbers, scaled(3)),
        "default": of(numbers, functools.partial(pow, exp=2)),
        "length": of(numbers[:-1]),
        "content": of([*numbers[:-1], 7]),
        "arrays": of(np.arange(20)),
        "order": lambda path: ref.shuffle(seed=1).stream().map(twice).cache(path),
        "seed": lambda path: ref.shuffle(seed=2).stream().map(twice).cache(path),
        "rank": lambda path: ref.shard(0, 2).stream().map(twice).cache(path),
        "other rank": lambda path: ref.shard(1, 2).stream().map(twice).cache(path),
        "stage": lambda path: hr.stream(numbers).map(twice).batch(3).cache(path),
        "its size": lambda path: hr.stream(numbers).map(twice).batch(4).cache(path),
        "zipped": lambda path: ref.stream().zip(hr.stream([1, 2]).map(twice)).cache(path),
        "with": lambda path: ref.stream().zip(hr.stream([1, 3]).map(twice)).cache(path),
        "key": lambda path: hr.stream(numbers).map(twice).cache(path, key="a"),
    }


def test_whatever_changes_in_the_chain_makes_another_cache(tmp_path: Path) -> None:
    for number, (name, build) in enumerate(variants().items(), 1):
        expected = build(tmp_path / f"alone {number}").collect()
        assert repr(build(tmp_path / "all").collect()) == repr(expected), name
        assert len(list((tmp_path / "all").glob("*/epoch-0"))) == number, name
    for build in variants().values():
        build(tmp_path / "all").join()
    assert len(list((tmp_path / "all").glob("*/epoch-0"))) == len(variants())


def test_who_watches_and_where_functions_run_is_no_part_of_the_cache(tmp_path: Path) -> None:
    calls = Calls()
    lock = threading.Lock()

    def watching(report: object) -> None:
        lock.acquire(blocking=False)

    with ThreadPoolExecutor(1) as pool:
        for executor, ahead in ((None, 1), (pool, 2)):
            stream = hr.stream(range(5)).async_map(calls, executor).prefetch(ahead)
            watched = stream.monitor(watching if ahead == 1 else print).progress(label=str(ahead))
            assert watched.cache(tmp_path).collect() == [0, 1, 2, 3, 4]
    assert calls.seen == [0, 1, 2, 3, 4]
    other = hr.stream(range(5)).async_map(str).prefetch(1).monitor(print).progress()
    assert other.cache(tmp_path).collect() == ["0", "1", "2", "3", "4"]


def test_a_stored_version_is_known_by_its_content(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path / "storage", durable=False)
    for number in (1, 2):
        storage.submit([number] * 3, "numbers", "1.0", replace=True)
        cached = storage.fetch("numbers").stream().cache(tmp_path / "cache")
        assert cached.collect() == cached.epoch(1).collect() == [number] * 3


def test_a_key_names_the_cache_instead_of_the_chain(tmp_path: Path) -> None:
    hr.stream([1, 2]).cache(tmp_path, key="mine").join()
    assert hr.stream([3, 4]).cache(tmp_path, key="mine").collect() == [1, 2]
    assert hr.stream([3, 4]).cache(tmp_path, key="yours").collect() == [3, 4]


def test_a_key_does_not_find_the_cache_of_fewer_records(tmp_path: Path) -> None:
    hr.stream([1, 2]).cache(tmp_path, key="mine").join()
    assert hr.stream([1, 2, 3]).cache(tmp_path, key="mine").collect() == [1, 2, 3]
    assert hr.stream(lambda: iter([3])).cache(tmp_path, key="mine").collect() == [3]


class Numbers:
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (hr.stream(lambda: iter([1])), "records drawn from .*<lambda> without a version"),
        (hr.DataRef.from_sequence(Numbers()).stream(), r"records of Numbers\[3\] without a ver"),
        (
            hr.stream([1]).zip(hr.stream(lambda: iter([1]))),
            "records drawn from .*<lambda> without a version",
        ),
        (hr.stream([1]).map(functools.partial(zip, (x for x in "a"))), "type builtins.generator"),
    ],
    ids=["function", "sequence", "zipped", "closure"],
)
def test_what_the_next_run_could_not_know_again_needs_a_key(
    stream: hr.Stream[Any], what: str, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=rf"(?s)could not tell .*{what}.* Pass key='a name'"):
        stream.cache(tmp_path)
    assert stream.cache(tmp_path, key="named").node is not None
    assert stream.cache().node is not None


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({1, 2}, "record 1 holds a value of type set, which has no Arrow type. Or use .cache()"),
        ({"a": 1}, r"record 1 is .* the records before it are .* Or use .cache\(\) without"),
    ],
    ids=["pickle", "structure"],
)
def test_what_disk_cannot_keep_is_refused_where_it_comes(
    record: Any, message: str, tmp_path: Path
) -> None:
    cached = hr.stream(lambda: iter([3, record])).cache(tmp_path, key="mixed")
    with pytest.raises(RecordError, match=message):
        cached.collect()
    assert files(tmp_path) == []


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [0, -1, 1.5, True, math.nan])
def test_a_refresh_below_one_is_refused(every: Any) -> None:
    with pytest.raises(ArgumentError, match="refresh_every of a cache must be .* None keeps"):
        hr.stream([1]).cache(refresh_every=every)


def test_d_b21_folders_are_made_and_what_is_none_is_named(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    assert hr.stream([1, 2]).cache(deep).collect() == [1, 2]
    assert files(deep)
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(ArgumentError, match=r"kept in a folder, and .*file is a file. Give a"):
            hr.stream([1]).cache(path)
    with pytest.raises(ArgumentError, match="a cache is kept in a folder, got 3. Give a folder"):
        hr.stream([1]).cache(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="a cache is kept in a local folder, got 'memory://'"):
        hr.stream([1]).cache("memory://")
    with pytest.raises(ArgumentError, match="the key of a cache must be a str, got 3. Name it"):
        hr.stream([1]).cache(key=3)  # type: ignore[arg-type]


def test_a_folder_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    # Not by permissions, which do not bind every user.
    long = tmp_path / ("x" * 300)
    with pytest.raises(StorageError, match="cannot read .*xxx.* name too long. Check"):
        hr.stream([1]).cache(long).collect()


def test_what_cannot_be_copied_is_refused() -> None:
    generator = (x for x in "a")
    cached = hr.stream(lambda: iter([generator])).cache()
    with pytest.raises(RecordError, match=r"a record of type generator cannot be copied.* before"):
        cached.collect()


def test_an_endless_chain_is_not_cached() -> None:
    with pytest.raises(StreamError, match=r"never ends and cannot be cached. Put .take\(n\)"):
        hr.stream([1]).repeat().cache()


def test_records_in_any_order_are_not_cached() -> None:
    loose = hr.stream(range(3)).async_map(abs, ordered=False)
    with pytest.raises(StreamError, match="cache makes records again after a resume"):
        loose.cache()
    with pytest.raises(StreamError, match=r"rotate.* makes records again after a resume"):
        loose.rotate(2, window=2, seed=1)


@pytest.mark.parametrize("offset", [1, 7])
def test_a_start_offset_would_be_missing_in_each_epoch(offset: int) -> None:
    stream = hr.DataRef.from_sequence(range(5)).stream(start_offset=offset)
    with pytest.raises(StreamError, match="would lack in every epoch what start_offset leaves out"):
        stream.filter(bool).cache()


def test_a_cache_shows_what_it_is_and_nothing_of_where(tmp_path: Path) -> None:
    assert str(stages.Cache(tmp_path)) == str(stages.Cache()) == "cache"
    assert str(stages.Cache(refresh_every=3)) == "cache(every 3)"
    assert "reads whole chains" in hr.stream([1]).cache().explain()
