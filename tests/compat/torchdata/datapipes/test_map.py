"""MapDataPipes beyond torch's: caches, columns, and from one kind of pipe to the other."""

from __future__ import annotations

import pytest

import headrace as hr
from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.compat.torchdata.datapipes.map import SequenceWrapper


def test_a_cached_record_is_made_once() -> None:
    made: list[int] = []

    def make(number: int) -> list[int]:
        made.append(number)
        return [number]

    pipe = SequenceWrapper(range(3)).map(make).in_memory_cache()

    assert pipe[1] is pipe[1]
    assert [pipe[at] for at in range(len(pipe))] == [[0], [1], [2]]
    assert sorted(made) == [0, 1, 2]


def test_columns_are_pipes_of_their_own() -> None:
    pipe = SequenceWrapper([(0, 10, 20), (1, 11, 21)])

    first, last = pipe.unzip(sequence_length=3, columns_to_skip=[1])
    assert [list(first.to_iter_datapipe()), list(last.to_iter_datapipe())] == [[0, 1], [20, 21]]
    assert (len(first), last[1]) == (2, 21)


def test_some_indices_can_be_iterated() -> None:
    pipe = SequenceWrapper({"a": 1, "b": 2, "c": 3})

    assert list(pipe.to_iter_datapipe(indices=["c", "a"])) == [3, 1]
    assert sorted(pipe.shuffle(indices=["c", "a"])) == [1, 3]
    assert len(pipe.to_iter_datapipe(["c"])) == 1


def test_an_iterated_map_has_random_access() -> None:
    pipe = SequenceWrapper(range(1000)).map(str).batch(2).to_iter_datapipe()
    loader = hr.DataLoader(pipe.stream())
    batches = iter(loader)
    first = next(batches)
    state = loader.state_dict()

    again = hr.DataLoader(pipe.stream())
    again.load_state_dict(state)
    assert [first, *again] == list(pipe)


def test_pairs_become_a_map() -> None:
    pipe = IterableWrapper([("a", 1), ("b", 2)])

    by_key = pipe.to_map_datapipe()
    assert (by_key["b"], len(by_key)) == (2, 2)
    assert (
        IterableWrapper("abc").enumerate().to_map_datapipe(lambda two: (two[1], two[0]))["c"] == 2
    )
    unknown = pipe.filter(lambda pair: True).to_map_datapipe()
    assert len(unknown) == 2


def test_a_key_that_comes_twice_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Found duplicate key a"):
        assert IterableWrapper([("a", 1), ("a", 2)]).to_map_datapipe()["a"] == 2
