"""The golden form of a state: plain JSON that every later version must read or refuse."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

import headrace as hr

HEADER = {"v": 1, "epoch": 0, "rank": 0, "world_size": 1, "rest": None, "leftovers": None}


def test_the_state_of_a_chain_is_what_the_design_says() -> None:
    ref = hr.DataRef.from_sequence(range(10)).shuffle(seed=7)
    loader = hr.DataLoader(ref.stream().filter(lambda x: True).batch(2), seed=3)
    list(islice(loader, 2))
    state = loader.state_dict()
    assert {key: state[key] for key in HEADER} == HEADER
    assert state["chain"].endswith("| filter | batch(2, drop_last=False, collate=stack)")
    assert (state["data"], state["seed"]) == ("range[10]", 3)
    assert (state["at"], state["done"], state["part"], state["stages"]) == (4, "", [], [None])


def test_a_cut_inside_a_unit_says_how_many_of_its_outputs_were_delivered() -> None:
    loader = hr.DataLoader(hr.stream(range(10)).flat_map(lambda x: [x] * 3))
    list(islice(loader, 8))
    state = loader.state_dict()
    assert (state["at"], state["part"]) == (2, [[2, 2]])


def cut_state() -> dict[str, Any]:  # Any: JSON
    loader = batches()
    next(iter(loader))
    return loader.state_dict()


def batches() -> hr.DataLoader[Any]:  # Any: batches
    return hr.DataLoader(hr.DataRef.from_sequence(range(9)).shuffle(seed=7).stream().batch(2))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", 10**40, "lacks a valid epoch or seed"),
        ("epoch", True, "lacks a valid epoch or seed"),
        ("seed", 2**64, "lacks a valid epoch or seed"),
        ("seed", True, "lacks a valid epoch or seed"),
        ("next_seed", 1.5, "lacks a valid epoch or seed"),
        ("at", 10**40, "must say where it stands"),
        ("rest", [[4, 9]], "must say in rest what is left, as .start, stop, step."),
        ("leftovers", [0], "must say in leftovers what is left"),
    ],
)
def test_a_state_that_was_changed_is_refused_when_it_is_loaded(
    key: str,
    value: Any,  # Any: whatever a file may hold
    message: str,
) -> None:
    loader = batches()
    with pytest.raises(hr.errors.StateError, match=message):
        loader.load_state_dict({**cut_state(), key: value})
    assert len(list(loader)) == 5


@pytest.mark.parametrize("seed", [None, -(2**63), 2**64 - 1])
def test_every_seed_that_a_loader_takes_can_be_loaded(seed: int | None) -> None:
    loader = batches()
    loader.load_state_dict({**cut_state(), "seed": seed})
    assert loader.state_dict()["seed"] == seed


@pytest.mark.parametrize("join", ["zip", "concat"])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_state_names_the_records_of_every_stream_that_is_joined(
    join: str, is_filtered: bool
) -> None:
    def loader(other: str) -> hr.DataLoader[Any]:  # Any: records
        first = hr.DataRef.from_sequence(range(4)).stream()
        if is_filtered:
            first = first.filter(lambda x: True)
        return hr.DataLoader(getattr(first, join)(hr.DataRef(Named(other)).stream()))

    began = loader("numbers@1")
    next(iter(began))
    loader("numbers@1").load_state_dict(began.state_dict())
    with pytest.raises(hr.errors.StateError, match=r"numbers@1.*numbers@2"):
        loader("numbers@2").load_state_dict(began.state_dict())


class Named:
    """Records of a name."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    def __len__(self) -> int:
        return 4

    def read(self, indices: Any) -> list[int]:  # Any: an array
        return [int(index) for index in indices]
