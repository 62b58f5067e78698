"""Epochs and seeds of the DataLoader, its length, and how it prints."""

from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pytest
from tests.streams import each_backend, noise, same, shuffled

import headrace as hr
from headrace.contracts import Backend

# Any, in this file: records of every type.


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


@each_backend
def test_an_iterator_that_was_not_asked_uses_up_no_epoch(backend: Backend) -> None:
    with hr.DataLoader(shuffled(10), backend=backend) as loader:
        iter(loader)
        iter(loader.limit(2))
        state = loader.upcoming()[1]
        assert list(loader) == shuffled(10).epoch(0).collect()
        iter(loader)
        assert loader.epoch == 1
        assert list(loader) == shuffled(10).epoch(1).collect()
        loader.load_state_dict(state)
        iter(loader)
        assert list(loader) == shuffled(10).epoch(0).collect()
        next(iter(loader))
        assert list(loader) == shuffled(10).epoch(2).collect()


def test_the_older_of_two_unasked_iterators_is_refused() -> None:
    loader = hr.DataLoader(hr.stream(range(3)))
    older, newer = iter(loader), iter(loader)
    assert list(newer) == [0, 1, 2]
    with pytest.raises(hr.errors.ClosedError, match="not the loader's newest"):
        next(older)


def test_a_pass_that_went_on_to_the_next_epoch_is_followed_by_the_one_after() -> None:
    first, second = (hr.DataLoader(shuffled(10)) for _ in range(2))
    batches = iter(first)
    for _ in range(10):
        next(batches)
    second.load_state_dict(first.state_dict())
    for epoch in (1, 2):
        again = iter(second)
        assert [next(again) for _ in range(10)] == shuffled(10).epoch(epoch).collect()
