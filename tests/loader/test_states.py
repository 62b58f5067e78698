"""States that the DataLoader refuses, and what they may weigh."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.streams import same

import headrace as hr
from headrace.contracts.errors import StateError

# Any, in this file: records of every type.


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
