"""The golden form of a state: plain JSON that every later version must read or refuse."""

from __future__ import annotations

from itertools import islice

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
