"""Pipes as such: their chains, their iterators, their names and seeds."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import headrace as hr
from headrace.compat.torchdata.datapipes import (
    DataChunk,
    IterDataPipe,
    MapDataPipe,
    StreamWrapper,
    functional_datapipe,
)
from headrace.compat.torchdata.datapipes.base import stream_of
from headrace.compat.torchdata.datapipes.iter import IterableWrapper, Mapper
from headrace.contracts.errors import ArgumentError, ClosedError, StreamError

# Any, in this file: records of every type.


class Plus(IterDataPipe[int]):
    """A class of a user's own, over another pipe."""

    def __init__(self, source_datapipe: Any, number: int = 1) -> None:
        self.source_datapipe = source_datapipe
        self.number = number

    def __iter__(self) -> Iterator[int]:
        for record in self.source_datapipe:
            yield record + self.number


class Negative(Mapper):
    """A class that overrides the iteration of one of ours, and calls it."""

    def __iter__(self) -> Iterator[int]:
        for record in super().__iter__():
            yield -record


class Tens(MapDataPipe[int]):
    def __getitem__(self, index: int) -> int:
        return 10 * index

    def __len__(self) -> int:
        return 4


def test_a_pipe_of_ours_is_iterated_as_its_stream() -> None:
    pipe = IterableWrapper(range(4)).map(str)
    assert list(pipe) == pipe.stream().collect() == ["0", "1", "2", "3"]
    assert len(pipe) == 4


def test_a_class_of_ones_own_stands_between_pipes_of_ours() -> None:
    pipe = Plus(IterableWrapper(range(3))).map(str)
    assert list(pipe) == list(pipe) == ["1", "2", "3"]


def test_the_nearer_of_iteration_and_stream_counts() -> None:
    pipe: Any = Negative(IterableWrapper([1, 2]), abs)
    assert list(pipe) == [-1, -2]
    assert pipe.stream().map(str).collect() == ["-1", "-2"]


def test_pipes_of_torch_stand_under_ours() -> None:
    pytest.importorskip("torch")
    from torch.utils.data.datapipes.iter import IterableWrapper as Wrapper

    torchs: Any = Wrapper([1, 2])
    assert list(Mapper(torchs, str)) == ["1", "2"]


def test_any_iterable_has_a_stream() -> None:
    assert stream_of([1, 2]).collect() == [1, 2]


def test_only_the_newest_iterator_is_valid() -> None:
    pipe = IterableWrapper(range(3))
    old = iter(pipe)
    assert next(old) == 0
    new = iter(pipe)
    with pytest.raises(ClosedError, match="invalidated because another iterator has been created"):
        next(old)
    assert list(new) == [0, 1, 2]


def test_a_pipe_that_stands_in_a_graph_twice_is_read_for_each_place() -> None:
    pipe = IterableWrapper(range(3))
    assert list(pipe.zip(pipe)) == [(0, 0), (1, 1), (2, 2)]


def test_reset_is_called_at_each_iteration() -> None:
    class Counted(Plus):
        resets = 0

        def reset(self) -> None:
            self.resets += 1

        def __iter__(self) -> Iterator[int]:
            yield self.resets

    pipe = Counted(None)
    assert [*pipe, *pipe] == [1, 2]


def test_plus_joins_one_pipe_to_another() -> None:
    assert list(IterableWrapper([1]) + IterableWrapper([2])) == [1, 2]


def test_a_seed_counts_for_one_iteration_and_none_gives_ever_new_orders() -> None:
    pipe = IterableWrapper(range(50)).shuffle()
    first = list(pipe.set_seed(3))
    assert first == list(pipe.set_seed(3))
    orders = {tuple(pipe) for _ in range(3)}
    assert len({tuple(first), *orders}) == 4


def test_the_seed_of_torch_counts_where_torch_is_imported() -> None:
    torch: Any = pytest.importorskip("torch")
    pipe = IterableWrapper(range(50)).shuffle()
    torch.manual_seed(7)
    first = [list(pipe), list(pipe)]
    torch.manual_seed(7)
    assert first == [list(pipe), list(pipe)]
    assert first[0] != first[1]


def test_pipes_pickle_and_copy_without_their_iterators() -> None:
    pipe = Plus(IterableWrapper(range(3)), 5)
    begun = iter(pipe)
    assert next(begun) == 5
    for other in (pickle.loads(pickle.dumps(pipe)), copy.deepcopy(pipe)):
        assert list(other) == [5, 6, 7]
    assert next(begun) == 6


def test_a_registered_class_is_a_method_of_all_pipes() -> None:
    @functional_datapipe("plus_for_test")
    class Method(Plus):
        pass

    assert list(IterableWrapper([1]).plus_for_test(2)) == [3]
    assert "plus_for_test" in dir(IterableWrapper([1]))
    functional_datapipe("plus_for_test")(Method)
    with pytest.raises(ArgumentError, match="function name plus_for_test as it is already taken"):
        functional_datapipe("plus_for_test")(Plus)


def test_only_classes_of_pipes_are_registered() -> None:
    with pytest.raises(StreamError, match=r"decorates a class of pipes, got <class 'int'>"):
        functional_datapipe("number")(int)


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'shufle'. Did you mean one of 'shuff"):
        IterableWrapper([1]).shufle()


def test_a_class_without_iteration_says_so() -> None:
    class Empty(IterDataPipe[int]):
        pass

    with pytest.raises(NotImplementedError, match="Empty was iterated and says no records"):
        list(Empty())


def test_a_length_that_nobody_says_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="Plus instance doesn't have valid length"):
        len(Plus(IterableWrapper([1])))
    with pytest.raises(StreamError, match=r"MapDataPipe instance doesn't have valid length"):
        len(MapDataPipe())


def test_a_map_style_pipe_is_read_in_order_with_random_access() -> None:
    assert Tens().stream().collect() == [0, 10, 20, 30]
    assert hr.DataRef.from_sequence(Tens())[2] == 20
    with pytest.raises(NotImplementedError, match="asked for the record 5 and has none"):
        MapDataPipe()[5]


def test_a_pipe_left_early_closes_what_it_reads() -> None:
    closed: list[bool] = []

    class Open(Plus):
        def __iter__(self) -> Iterator[int]:
            try:
                yield from range(10)
            finally:
                closed.append(True)

    records = iter(Open(None).map(abs))
    assert list(itertools.islice(records, 2)) == [0, 1]
    records.close()
    assert closed == [True]


def test_a_chunk_is_a_list_that_prints_with_an_indent() -> None:
    chunk = DataChunk([1, 2])
    assert chunk == [1, 2]
    assert chunk.items == list(chunk.raw_iterator()) == [1, 2]
    assert chunk.as_str("..") == "..[1, 2]"


class Closing:
    """A file that notes its end."""

    def __init__(self, name: str, closed: list[str]) -> None:
        self.name = name
        self._closed = closed

    def close(self) -> None:
        self._closed.append(self.name)

    def read(self) -> str:
        return f"text of {self.name}"


def test_a_wrapper_is_its_file_and_closes_it_when_it_is_dropped() -> None:
    closed: list[str] = []
    wrapper = StreamWrapper(Closing("a", closed), name="a.txt")
    assert wrapper.read() == "text of a"
    assert repr(wrapper) == "StreamWrapper<a.txt>"
    del wrapper
    assert closed == ["a"]


def test_a_parent_closes_with_the_last_of_its_children() -> None:
    closed: list[str] = []
    parent = StreamWrapper(Closing("tar", closed))
    children = [StreamWrapper(Closing(name, closed), parent) for name in "ab"]
    parent.autoclose()
    children[0].close()
    assert closed == ["a"]
    StreamWrapper.close_streams({"records": [children[1]]})
    assert closed == ["a", "b", "tar"]
    with pytest.raises(RuntimeError, match="Parent stream should be StreamWrapper"):
        StreamWrapper(Closing("c", closed), "no wrapper")  # type: ignore[arg-type]
