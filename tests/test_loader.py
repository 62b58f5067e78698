"""The DataLoader: epochs, seeds, states, refusals, the end of its threads, and errors."""

from __future__ import annotations

import gc
import itertools
import json
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Backend
from headrace.contracts.errors import ArgumentError, ClosedError, StateError

# Any, in this file: records of every type.
BACKENDS: list[Backend] = [hr.Inline(), hr.Threads(1), hr.Threads(3)]
each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)


def noise(x: Any, rng: np.random.Generator) -> tuple[Any, int]:
    return x, int(rng.integers(1 << 40))


def same(x: Any) -> Any:
    return x


def shuffled(size: int = 10) -> hr.Stream[int]:
    return hr.DataRef.from_sequence(range(size)).shuffle(seed=7).stream()


# -- epochs ------------------------------------------------------------------------------------


@each_backend
def test_each_for_is_the_next_epoch(backend: Backend) -> None:
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        epochs = [list(loader) for _ in range(3)]
        assert loader.epoch == 3
    assert epochs == [shuffled().epoch(epoch).collect() for epoch in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3


@each_backend
def test_a_for_after_a_break_is_the_next_epoch(backend: Backend) -> None:
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        for _ in loader:
            break
        assert list(loader) == shuffled().epoch(1).collect()


@each_backend
def test_a_state_before_and_after_the_end_loads_as_the_next_epoch(backend: Backend) -> None:
    loader = hr.DataLoader(shuffled(), backend=backend)
    before = [loader.state_dict() for _ in loader][-1]
    after = loader.state_dict()
    for state in (before, after):
        loader.load_state_dict(json.loads(json.dumps(state)))
        assert list(loader) == shuffled().epoch(1).collect()
        assert loader.epoch == 2
    loader.shutdown()


@each_backend
def test_trailing_records_that_a_filter_drops_make_no_empty_epoch(backend: Backend) -> None:
    stream = hr.stream(range(10)).filter(lambda x: x < 4)
    loader = hr.DataLoader(stream, backend=backend)
    states = {record: loader.state_dict() for record in loader}
    loader.load_state_dict(states[3])
    assert list(loader) == [0, 1, 2, 3]
    loader.shutdown()


@each_backend
@pytest.mark.parametrize("size", [0, 1])
def test_tiny_datasets_run_epoch_after_epoch(backend: Backend, size: int) -> None:
    with hr.DataLoader(hr.stream([5] * size).batch(3), backend=backend) as loader:
        for epoch in range(3):
            assert loader.epoch == epoch
            assert len(loader) == size
            assert len(list(loader)) == size


@each_backend
def test_a_stream_that_drops_everything_gives_empty_epochs(backend: Backend) -> None:
    with hr.DataLoader(hr.stream(range(9)).filter(lambda x: False), backend=backend) as loader:
        assert [list(loader), list(loader)] == [[], []]
        loader.load_state_dict(loader.state_dict())
        assert list(loader) == []


@each_backend
def test_an_endless_repeat_runs_until_it_is_left(backend: Backend) -> None:
    with hr.DataLoader(shuffled(4).repeat(), backend=backend) as loader:
        found = list(itertools.islice(loader, 10))
        state = loader.state_dict()
        loader.load_state_dict(state)
        rest = list(itertools.islice(loader, 6))
    expected = [x for epoch in range(4) for x in shuffled(4).epoch(epoch)]
    assert found + rest == expected


@each_backend
def test_a_start_offset_beyond_an_epoch_applies_once(backend: Backend) -> None:
    stream = hr.DataRef.from_sequence(range(4)).stream(start_offset=6)
    with hr.DataLoader(stream, backend=backend) as loader:
        assert loader.epoch == 1
        assert len(loader) == 2
        assert [list(loader), list(loader)] == [[2, 3], [0, 1, 2, 3]]


# -- rows of the reference ---------------------------------------------------------------------


def test_y_b9_two_iterators_of_one_stream_are_two_views() -> None:
    stream = hr.DataRef.from_sequence(range(6)).stream(start_offset=2)
    first, second = iter(stream), iter(stream)
    assert [next(first), next(second), next(first)] == [2, 2, 3]
    assert (list(first), list(second)) == ([4, 5], [3, 4, 5])


def test_y_b9_the_length_counts_the_offset() -> None:
    stream = hr.DataRef.from_sequence(range(6)).stream(start_offset=2)
    assert len(stream) == len(stream.collect()) == 4
    loader = hr.DataLoader(stream)
    assert [len(list(loader)), len(loader), len(list(loader))] == [4, 6, 6]


@each_backend
def test_y_b9_a_stream_with_an_offset_is_resumed_in_mid_epoch(backend: Backend) -> None:
    stream = hr.DataRef.from_sequence(range(6)).stream(start_offset=2, shuffle=True, shuffle_seed=1)
    with hr.DataLoader(stream, backend=backend) as loader:
        iterator = iter(loader)
        found = [next(iterator)]
        state = loader.state_dict()
        rest = [list(iterator), list(loader)]
    with hr.DataLoader(stream, backend=backend) as again:
        again.load_state_dict(state)
        assert [list(again), list(again)] == rest
    assert found + rest[0] == stream.collect()


@pytest.mark.timeout(60)
def test_y_b20_batches_are_made_on_threads_ahead_of_the_consumer() -> None:
    reached = threading.Event()

    def work(x: int) -> int:
        if x == 12:
            reached.set()
        return x

    stream = hr.stream(range(64)).map(work).batch(4)
    with hr.DataLoader(stream, backend=hr.Threads(2)) as loader:
        iterator = iter(loader)
        assert next(iterator).tolist() == [0, 1, 2, 3]
        assert reached.wait(30), "nothing was made ahead"
        assert np.concatenate(list(iterator)).tolist() == list(range(4, 64))


# -- seeds -------------------------------------------------------------------------------------


@each_backend
def test_a_seed_of_the_loader_fills_in_those_that_the_stream_left_out(backend: Backend) -> None:
    ref = hr.DataRef.from_sequence(range(20)).shuffle(seed=None)
    stream = ref.stream().map(noise, seeded=True).map(noise, seeded=True, seed=5)
    with hr.DataLoader(stream, backend=backend, seed=3) as loader:
        first, second = list(loader), list(loader)
    with hr.DataLoader(stream, seed=3) as inline:
        assert [list(inline), list(inline)] == [first, second]
        inline.seed(4)
        other = list(inline)
    assert first != second
    assert sorted(x for (x, _), _ in first) == sorted(x for (x, _), _ in other) == list(range(20))


def test_a_new_seed_counts_from_the_next_epoch_and_is_part_of_the_state() -> None:
    stream = hr.DataRef.from_sequence(range(20)).shuffle(seed=None).stream()
    plain = hr.DataLoader(stream, seed=1)
    expected = list(plain)
    loader = hr.DataLoader(stream, seed=1)
    iterator = iter(loader)
    head = [next(iterator) for _ in range(5)]
    loader.seed(2)
    state = json.loads(json.dumps(loader.state_dict()))
    rest, following = list(iterator), list(loader)
    assert head + rest == expected
    reference = hr.DataLoader(stream, seed=2)
    list(reference)
    assert following == list(reference)
    again = hr.DataLoader(stream)
    again.load_state_dict(state)
    assert [list(again), list(again)] == [rest, following]


def test_a_seed_before_the_first_epoch_counts_at_once() -> None:
    stream = hr.DataRef.from_sequence(range(20)).shuffle(seed=None).stream()
    loader = hr.DataLoader(stream)
    loader.seed(5)
    assert list(loader) == list(hr.DataLoader(stream, seed=5))


@each_backend
def test_seeded_maps_are_the_same_after_a_resume(backend: Backend) -> None:
    stream = shuffled(30).filter(lambda x: x % 3).map(noise, seeded=True).batch(4, collate="list")
    whole = stream.map(noise, seeded=True).collect()
    with hr.DataLoader(stream.map(noise, seeded=True), backend=backend) as loader:
        iterator = iter(loader)
        head = [next(iterator) for _ in range(2)]
        loader.load_state_dict(loader.state_dict())
        assert head + list(loader) == whole


# -- states that are refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (hr.stream(range(9)).batch(4), "data 'range.10.'.*'range.9.'"),
        (hr.stream(range(10)).batch(5), r"chain 'range.*batch\(4.*batch\(5"),
        (hr.stream(range(10)).map(same).batch(4), r"chain 'range.*batch\(4.*map"),
        (hr.stream(range(10)).shard(0, 2).batch(4), "chain .*shard"),
    ],
)
def test_a_state_of_another_chain_or_dataset_says_what_differs(other: Any, what: str) -> None:
    state = hr.DataLoader(hr.stream(range(10)).batch(4)).state_dict()
    message = f"this state was saved with {what}.*very same chain"
    with pytest.raises(StateError, match=message):
        hr.DataLoader(other).load_state_dict(state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": 2}, "format version 2, and this headrace reads up to 1. Upgrade headrace"),
        ({"v": None}, "a state must be the dict that state_dict.. gave"),
        ({"epoch": -1}, "a state needs .* lacks a valid epoch"),
        ({"epoch": "0"}, "a state needs .* lacks a valid epoch"),
        ({"seed": "x"}, "a state needs .* lacks a valid epoch or seed"),
        ({"at": -1}, "a state must say where it stands as at, done and part"),
        ({"at": 1.5}, "a state must say where it stands"),
        ({"at": None}, "a state must say where it stands"),
        ({"part": [[3, 1]]}, "a state must say where it stands"),
        ({"part": 5}, "a state must say where it stands"),
        ({"stages": [1]}, "must hold 0 values in stages, got .1."),
        ({"stages": None}, "must hold 0 values in stages, got None"),
    ],
)
def test_a_damaged_state_is_refused_when_it_is_loaded(change: Any, message: str) -> None:
    loader = hr.DataLoader(hr.stream(range(10)).batch(4))
    state = {**loader.state_dict(), **change}
    with pytest.raises(StateError, match=message):
        loader.load_state_dict(state)


@pytest.mark.parametrize("garbage", [None, 5, "state", [], {}, {"epoch": 0}])
def test_what_is_no_state_is_refused(garbage: Any) -> None:
    with pytest.raises(StateError, match="a state must be the dict that .* Save and load it as"):
        hr.DataLoader(hr.stream([1])).load_state_dict(garbage)


def test_a_state_without_its_header_says_what_it_lacks() -> None:
    with pytest.raises(StateError, match="this one lacks chain, data, seed, epoch, rank, world_s"):
        hr.DataLoader(hr.stream([1])).load_state_dict({"v": 1})


def test_a_refused_state_leaves_the_loader_where_it_was() -> None:
    loader = hr.DataLoader(hr.stream(range(5)))
    iterator = iter(loader)
    assert next(iterator) == 0
    with pytest.raises(StateError):
        loader.load_state_dict({"v": 99})
    assert list(iterator) == [1, 2, 3, 4]


def test_names_of_any_length_keep_the_state_small() -> None:
    class Named:
        identity = "n" * 5000

        def __len__(self) -> int:
            return 3

        def read(self, indices: Any) -> list[int]:
            return [int(index) for index in indices]

    stream = hr.DataRef(Named()).stream()
    for k in range(100):
        stream = stream.take(1000 + k).filter(lambda x: True)
    state = hr.DataLoader(stream).state_dict()
    assert len(json.dumps(state)) <= 1024


# -- one iterator at a time, and the end -------------------------------------------------------


@each_backend
def test_an_older_iterator_says_that_it_is_not_the_newest(backend: Backend) -> None:
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        first = iter(loader)
        next(first)
        second = iter(loader)
        with pytest.raises(
            ClosedError, match="this iterator is not the loader's newest.*one itera"
        ):
            next(first)
        assert list(second) == shuffled().epoch(1).collect()


def test_an_older_iterator_that_never_began_takes_nothing_from_the_newer() -> None:
    loader = hr.DataLoader(hr.stream(range(4)))
    first, second = iter(loader), iter(loader)
    with pytest.raises(ClosedError, match="not the loader's newest"):
        next(first)
    assert list(second) == [0, 1, 2, 3]


@each_backend
def test_a_loader_that_was_shut_down_says_so_and_still_gives_its_state(backend: Backend) -> None:
    loader = hr.DataLoader(shuffled(), backend=backend)
    iterator = iter(loader)
    head = [next(iterator), next(iterator)]
    loader.shutdown()
    loader.shutdown()
    message = "this DataLoader was shut down. Make a new one and load its state_dict"
    for use in (lambda: next(iterator), lambda: iter(loader)):
        with pytest.raises(ClosedError, match=message):
            use()
    with pytest.raises(ClosedError, match=message):
        loader.load_state_dict(loader.state_dict())
    with hr.DataLoader(shuffled(), backend=backend) as again:
        again.load_state_dict(loader.state_dict())
        assert head + list(again) == shuffled().collect()


@pytest.mark.parametrize("backend", [hr.Threads, 5, "threads", None.__class__])
def test_what_is_no_backend_is_refused(backend: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"a backend must say look_ahead and start, got .*Inline"
    ):
        hr.DataLoader(hr.stream([1]), backend=backend)


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"a DataLoader runs a Stream, got list. Make one by"):
        hr.DataLoader([1])  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [float("nan"), "7", 1.0])
def test_a_seed_that_is_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="a seed must be a whole number"):
        hr.DataLoader(hr.stream([1]), seed=seed)
    with pytest.raises(ArgumentError, match="a seed must be a whole number"):
        hr.DataLoader(hr.stream([1])).seed(seed)


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("headrace")]


def endless() -> Iterator[int]:
    return itertools.count()


SOURCES: list[Callable[[], Any]] = [lambda: hr.stream(range(10**6)), lambda: hr.stream(endless)]
each_source = pytest.mark.parametrize("source", SOURCES, ids=["addressed", "drawn"])


def assert_no_threads_are_left() -> None:
    gc.collect()
    for thread in our_threads():
        thread.join(10)
    assert our_threads() == []


@each_source
def test_threads_end_with_the_with_block(source: Callable[[], Any]) -> None:
    with hr.DataLoader(source().map(same), backend=hr.Threads(2)) as loader:
        next(iter(loader))
        assert our_threads()
    assert our_threads() == []


@each_source
def test_threads_end_when_the_loop_is_left_and_the_loader_dropped(
    source: Callable[[], Any],
) -> None:
    for _ in hr.DataLoader(source().map(same), backend=hr.Threads(2)):
        break
    assert_no_threads_are_left()


@each_source
def test_threads_end_when_an_error_leaves_the_loader(source: Callable[[], Any]) -> None:
    def fail(x: int) -> int:
        if x == 50:
            raise ValueError("fifty")
        return x

    with pytest.raises(ValueError, match="fifty"):
        list(hr.DataLoader(source().map(fail), backend=hr.Threads(2)))
    assert_no_threads_are_left()


@each_source
def test_threads_end_when_the_last_reference_is_dropped(source: Callable[[], Any]) -> None:
    loader = hr.DataLoader(source().map(same), backend=hr.Threads(2))
    iterator = iter(loader)
    next(iterator)
    dropped = weakref.ref(loader)
    del loader, iterator
    assert dropped() is None
    assert_no_threads_are_left()


@pytest.mark.timeout(60)
def test_a_pump_that_is_full_ends_when_the_last_reference_is_dropped() -> None:
    drawn = threading.Semaphore(0)

    def records() -> Iterator[int]:
        for k in itertools.count():
            drawn.release()
            yield k

    loader = hr.DataLoader(hr.stream(records).batch(1024), backend=hr.Threads(1))
    iterator = iter(loader)
    next(iterator)
    for _ in range(2 * 1024):
        assert drawn.acquire(timeout=30)
    del loader, iterator
    assert_no_threads_are_left()


@each_backend
def test_leaving_a_loop_ends_the_generator_behind_it(backend: Backend) -> None:
    ended = threading.Event()

    def records() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            ended.set()

    loader = hr.DataLoader(hr.stream(records).map(same), backend=backend)
    next(iter(loader))
    loader.shutdown()
    gc.collect()
    assert ended.is_set()


class UserNumbers:
    """A sequence of the user's own: nothing says that it may be read ahead."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.timeout(60)
def test_a_slow_consumer_has_at_most_look_ahead_tasks_waiting() -> None:
    calls: list[int] = []
    backend = hr.Threads(2)
    # A task of 1,024 positions is one batch, so that batches count tasks.
    stream = hr.DataRef.from_sequence(UserNumbers(1024 * 40)).stream().tap(calls.append).batch(1024)
    most = 0
    with hr.DataLoader(stream, backend=backend) as loader:
        for given, _ in enumerate(loader, 1):
            most = max(most, len(calls) - given * 1024)
    assert len(calls) == 1024 * 40
    assert 0 < most <= backend.look_ahead * 1024


# -- errors ------------------------------------------------------------------------------------


class Failing(ValueError):
    pass


def fail_at(bad: int, is_failing: list[bool]) -> Callable[[int], int]:
    def step(x: int) -> int:
        if x == bad and is_failing[0]:
            raise Failing(f"bad record {bad}")
        return x

    return step


class Sequence:
    def __init__(self, is_failing: list[bool]) -> None:
        self.is_failing = is_failing

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> int:
        if index == 21 and self.is_failing[0]:
            raise Failing("bad record 21")
        return index


def drawn_with_an_error(is_failing: list[bool]) -> hr.Stream[int]:
    def records() -> Iterator[int]:
        for k in range(40):
            if k == 21 and is_failing[0]:
                raise Failing("bad record 21")
            yield k

    return hr.stream(records)


def raising(is_failing: list[bool]) -> Callable[[list[int]], list[int]]:
    def collate(batch: list[int]) -> list[int]:
        if 21 in batch and is_failing[0]:
            raise Failing("bad record 21")
        return batch

    return collate


def unfolding(is_failing: list[bool]) -> Callable[[int], Iterator[int]]:
    def several(x: int) -> Iterator[int]:
        yield x
        yield x
        if x == 21 and is_failing[0]:
            raise Failing("bad record 21")
        yield x

    return several


# name -> (the stream, what the note says after "headrace: in ")
CASES: dict[str, tuple[Callable[[list[bool]], Any], str]] = {
    "map": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "map of a shuffled dataset": (
        lambda on: shuffled(40).map(fail_at(21, on)),
        r"map\(step\)#0 over range\[40\], epoch 0, position \d+, index 21",
    ),
    "source": (
        lambda on: hr.stream(Sequence(on)).map(same),
        r"the source over Sequence\[40\], epoch 0, position 21, index 21",
    ),
    "bare source": (
        lambda on: hr.stream(Sequence(on)),
        r"the source over Sequence\[40\], epoch 0, position 21, index 21",
    ),
    "batches of a source": (
        lambda on: hr.stream(Sequence(on)).batch(4, collate="list"),
        r"the source over Sequence\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "drawn source": (
        drawn_with_an_error,
        "the source over drawn from .*records, epoch 0, position 21",
    ),
    "batches of a drawn source": (
        lambda on: drawn_with_an_error(on).batch(4, collate="list"),
        "the source over drawn from .*records, epoch 0, positions 20 to 23",
    ),
    "filtered batches of a drawn source": (
        lambda on: drawn_with_an_error(on).batch(4, collate="list").filter(bool),
        "the source over drawn from .*records, epoch 0, positions 20 to 23",
    ),
    "map between batches": (
        lambda on: (
            hr.stream(range(40))
            .map(fail_at(21, on))
            .batch(2, collate="list")
            .map(same)
            .batch(2, collate="list")
        ),
        r"map\(step\)#0 over range\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "batch": (
        lambda on: hr.stream(range(40)).batch(4, collate=raising(on)).map(same),
        r"batch\(4, drop_last=False, collate=function\) over range\[40\], epoch 0, positions 20",
    ),
    "flat_map": (
        lambda on: hr.stream(range(40)).flat_map(unfolding(on)),
        r"flat_map\(several\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "flat_map in a window": (
        lambda on: hr.stream(range(40)).filter(same).shuffle(4, seed=1).flat_map(unfolding(on)),
        r"flat_map\(several\)#2 over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late batch": (
        lambda on: hr.stream(range(40)).filter(lambda x: True).batch(4, collate=raising(on)),
        r"batch\(4, .*\) over range\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "late map": (
        lambda on: (
            hr.stream(range(40))
            .filter(lambda x: True)
            .batch(4, collate="list")
            .unbatch()
            .map(fail_at(21, on))
        ),
        r"map\(step\)#3 over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late flat_map": (
        lambda on: hr.stream(range(40)).filter(lambda x: True).skip(0).flat_map(unfolding(on)),
        r"flat_map\(several\)#2 over range\[40\], epoch 0, position 21, index 21",
    ),
    "late rebatch": (
        lambda on: hr.stream(range(40)).batch(4, collate="list").rebatch(3, collate=raising(on)),
        r"rebatch\(3, .*\) over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late shard": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)).filter(lambda x: True).shard(0, 2),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "zip of chains": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)).zip(hr.stream(range(99)).map(same)),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "map over chains": (
        lambda on: hr.stream(range(40)).filter(same).repeat(2).map(fail_at(21, on)),
        r"map\(step\)#2 over range\[40\], epoch 0$",
    ),
}


@each_backend
@pytest.mark.parametrize("name", CASES)
def test_an_error_comes_at_its_place_with_its_note_and_can_be_resumed(
    name: str, backend: Backend
) -> None:
    build, note = CASES[name]
    is_failing = [True]
    stream = build(is_failing)
    loader = hr.DataLoader(stream, backend=backend)
    iterator = iter(loader)
    found: list[Any] = []
    with pytest.raises(Failing, match="bad record 21") as caught:
        found.extend(iterator)
    with pytest.raises(Failing, match="bad record 21"):
        next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    loader.shutdown()
    (only,) = caught.value.__notes__
    assert re.match(f"headrace: in {note}", only), only
    names = [entry.name for entry in caught.traceback]
    assert {"step", "__getitem__", "records", "collate", "several"} & set(names), names
    # The state points at the failing record: once it is mended, nothing is lost or doubled.
    is_failing[0] = False
    with hr.DataLoader(stream, backend=backend) as again:
        again.load_state_dict(state)
        rest = list(again)
    assert found + rest == stream.collect()


@pytest.mark.parametrize("name", CASES)
def test_states_at_an_error_are_equal_on_every_backend(name: str) -> None:
    found: list[Any] = []
    for backend in BACKENDS:
        loader = hr.DataLoader(CASES[name][0]([True]), backend=backend)
        with pytest.raises(Failing):
            list(loader)
        found.append(loader.state_dict())
        loader.shutdown()
    assert found[1:] == [found[0]] * 2


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s,
        lambda s: s.batch(4, collate="list"),
        lambda s: s.filter(lambda x: True).batch(4, collate="list"),
        lambda s: s.flat_map(lambda x: [x, x]).shard(1, 2),
        lambda s: s.filter(lambda x: True).skip(3),
    ],
)
@each_backend
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_loses_nothing(
    backend: Backend, build: Any, kind: type[BaseException]
) -> None:
    is_interrupted = [True]

    def step(x: int) -> int:
        if x == 21 and is_interrupted[0]:
            raise kind
        return x

    stream = build(hr.stream(range(40)).map(step))
    loader = hr.DataLoader(stream, backend=backend)
    found: list[Any] = []
    with pytest.raises(kind):
        found.extend(loader)
    is_interrupted[0] = False
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == stream.collect()
    loader.shutdown()


@pytest.mark.timeout(60)
def test_a_source_that_ends_the_program_does_not_hang_its_consumer() -> None:
    def records() -> Iterator[int]:
        yield 1
        raise SystemExit(3)

    with hr.DataLoader(hr.stream(records), backend=hr.Threads(1)) as loader:
        iterator = iter(loader)
        assert next(iterator) == 1
        with pytest.raises(SystemExit):
            next(iterator)


def test_an_iterator_can_be_drawn_from_for_one_epoch_only() -> None:
    loader = hr.DataLoader(hr.stream(iter([1, 2])))
    assert list(loader) == [1, 2]
    with pytest.raises(hr.errors.StreamError, match="drawn from before"):
        list(loader)


@each_backend
def test_many_records_of_a_generator_pass_complete(backend: Backend) -> None:
    with hr.DataLoader(hr.stream(lambda: iter(range(5000))).map(same), backend=backend) as loader:
        assert list(loader) == list(range(5000))
        iterator = iter(loader)
        for _ in range(2500):
            next(iterator)
        loader.load_state_dict(loader.state_dict())
        assert list(loader) == list(range(2500, 5000))


# -- how it looks ------------------------------------------------------------------------------


def test_a_loader_prints_its_chain_backend_and_epoch() -> None:
    loader = hr.DataLoader(hr.stream(range(4)).map(same), backend=hr.Threads(2))
    assert repr(loader) == ("DataLoader(range(4) | map, backend=Threads(num_workers=2), epoch=0)")
    assert loader.explain().endswith("runs on   Threads(num_workers=2)")
    assert "map(same)" in loader._repr_html_()


@each_backend
def test_a_loader_begins_with_the_epoch_of_its_stream(backend: Backend) -> None:
    with hr.DataLoader(shuffled().epoch(3), backend=backend) as loader:
        assert loader.epoch == 3
        assert list(loader) == shuffled().epoch(3).collect()
        assert list(loader) == shuffled().epoch(4).collect()
