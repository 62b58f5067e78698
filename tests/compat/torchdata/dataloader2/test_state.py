"""The position of a DataLoader2: saved as JSON, restored anywhere."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compat.torchdata.dataloader2.pipes import Passing, flat, is_even

from headrace.compat.torchdata.dataloader2 import DataLoader2, MultiProcessingReadingService
from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.contracts.errors import StateError

# Any, in this file: records of every type, and JSON.


def by_position() -> Any:
    return IterableWrapper(range(40)).shuffle().sharding_filter().map(abs).batch(3)


def parsed() -> Any:
    rows = IterableWrapper(range(10)).flatmap(lambda n: [n, n + 10, n + 20, n + 30])
    return rows.shuffle(buffer_size=4).sharding_filter().map(abs).batch(3)


def drawn() -> Any:
    return Passing(IterableWrapper(range(40)).shuffle()).filter(is_even).sharding_filter().batch(3)


GRAPHS = pytest.mark.parametrize("graph", [by_position, parsed, drawn])


def sent(state: Any) -> Any:
    return json.loads(json.dumps(state))


@GRAPHS
@given(epochs=st.integers(0, 2), given_batches=st.integers(0, 14))
@settings(max_examples=10)
def test_any_cut_goes_on_with_the_next_batch(graph: Any, epochs: int, given_batches: int) -> None:
    whole = DataLoader2(graph())
    whole.seed(5)
    for _ in range(epochs):
        list(whole)
    first = list(whole)
    following = list(whole)

    stopped = DataLoader2(graph())
    stopped.seed(5)
    for _ in range(epochs):
        list(stopped)
    head = list(itertools.islice(stopped, given_batches))
    resumed = DataLoader2(graph())
    resumed.load_state_dict(sent(stopped.state_dict()))
    rest = list(resumed) if 0 < len(head) < len(first) else []
    if not head:
        rest = list(resumed)
    assert head + rest == first
    assert list(resumed) == following


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graph", "workers"), [(by_position, (0, 2)), (parsed, (2, 3)), (drawn, (3, 0))]
)
def test_a_state_loads_on_any_number_of_workers(graph: Any, workers: tuple[int, int]) -> None:
    def loader(count: int) -> DataLoader2[Any]:
        service = MultiProcessingReadingService(count) if count else None
        return DataLoader2(graph(), reading_service=service)

    whole = DataLoader2(graph())
    whole.seed(5)
    expected = list(whole)
    with loader(workers[0]) as stopped:
        stopped.seed(5)
        head = list(itertools.islice(stopped, 4))
        state = sent(stopped.state_dict())
    with loader(workers[1]) as resumed:
        resumed.load_state_dict(state)
        assert head + list(resumed) == expected


def test_from_state_takes_the_graph_of_a_state_in_this_process() -> None:
    loader = DataLoader2(by_position(), datapipe_adapter_fn=lambda graph: graph.map(tuple))
    batches = iter(loader)
    next(batches)
    again: DataLoader2[Any] = DataLoader2.from_state(loader.state_dict(), None)
    # The adapter has changed the graph once.
    assert list(again) == list(batches)


def test_from_state_takes_the_graph_beside_a_state_from_elsewhere() -> None:
    loader = DataLoader2(by_position())
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    for moved in (sent(state), pickle.loads(pickle.dumps(state)), copy.deepcopy(state)):
        assert type(moved) is dict
        with pytest.raises(StateError, match="saved outside of this process holds a position and"):
            DataLoader2.from_state(moved)
    again: DataLoader2[Any] = DataLoader2.from_state(sent(state), None, by_position())
    assert list(again) == list(batches)


def test_a_subclass_stays_one() -> None:
    class Mine(DataLoader2[Any]):
        pass

    loader = Mine(by_position())
    assert type(Mine.from_state(loader.state_dict())) is Mine


def test_a_loader_without_a_graph_takes_that_of_a_state() -> None:
    state = DataLoader2(by_position()).state_dict()
    loader: DataLoader2[Any] = DataLoader2(None)
    loader.load_state_dict(state)
    assert sorted(flat(loader)) == list(range(40))


def test_a_state_is_small_and_holds_no_records() -> None:
    records = [f"record {n}" for n in range(5000)]
    loader = DataLoader2(IterableWrapper(records).shuffle().batch(100))
    next(iter(loader))
    assert len(json.dumps(loader.state_dict())) < 1200


def test_a_state_that_was_just_loaded_is_given_back() -> None:
    first = DataLoader2(by_position())
    next(iter(first))
    state = sent(first.state_dict())
    second = DataLoader2(by_position())
    second.load_state_dict(state)
    assert sent(second.state_dict()) == state


def test_a_state_before_the_first_batch_begins_the_same_epoch() -> None:
    first, second = DataLoader2(by_position()), DataLoader2(by_position())
    second.load_state_dict(sent(first.state_dict()))
    assert list(first) == list(second)


def test_the_seed_of_the_loop_does_not_move_a_resumed_epoch() -> None:
    loader = DataLoader2(by_position())
    loader.seed(1)
    head = list(itertools.islice(loader, 4))
    resumed = DataLoader2(by_position())
    resumed.load_state_dict(sent(loader.state_dict()))
    epochs = []
    for epoch in (1, 2):
        resumed.seed(epoch)
        epochs.append(list(resumed))
    expected = []
    for epoch in (1, 2):
        loader.seed(epoch)
        expected.append(list(loader))
    assert [head + epochs[0], epochs[1]] == expected


def test_a_seed_that_waits_is_saved_too() -> None:
    loader = DataLoader2(by_position())
    list(loader)
    loader.seed(9)
    resumed = DataLoader2(by_position())
    resumed.load_state_dict(sent(loader.state_dict()))
    assert list(resumed) == list(loader)


def test_the_state_of_another_graph_is_refused() -> None:
    loader = DataLoader2(by_position())
    next(iter(loader))
    other = DataLoader2(parsed())
    other.load_state_dict(loader.state_dict())
    with pytest.raises(StateError, match="this state was saved with data"):
        iter(other)


def test_what_is_before_the_sharding_filter_is_a_part_of_the_graph() -> None:
    loader = DataLoader2(parsed())
    next(iter(loader))
    other = IterableWrapper(range(11)).flatmap(lambda n: [n]).shuffle(buffer_size=4)
    resumed = DataLoader2(other.sharding_filter().map(abs).batch(3))
    resumed.load_state_dict(loader.state_dict())
    with pytest.raises(StateError, match="this state was saved with data"):
        iter(resumed)


@pytest.mark.parametrize("state", [None, {"serialized_datapipe": b"", "randomness_state": 0}, []])
def test_what_is_no_state_is_refused(state: Any) -> None:
    with pytest.raises(StateError, match="a state must be the dict that state_dict"):
        DataLoader2(by_position()).load_state_dict(state)


def test_the_state_of_another_share_of_a_graph_shared_by_hand_is_refused() -> None:
    loader = DataLoader2(by_position())
    next(iter(loader))
    state = {**loader.state_dict(), "share": [1, 2]}
    loader.load_state_dict(state)
    with pytest.raises(StateError, match="saved on share 1 of 2, and this loader gives share 0 of"):
        iter(loader)
    with pytest.raises(StateError, match="states of 2 ranks were to be merged, and their graph is"):
        loader.load_state_dict([state, state])
