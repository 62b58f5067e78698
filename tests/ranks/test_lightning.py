"""Each rank's place in the checkpoint that one rank writes."""

from __future__ import annotations

from typing import Any

import headrace as hr
from headrace.adapters.lightning import Place

# Any, in this file: worlds run functions of every type.


def loader() -> hr.DataLoader[Any]:
    stream = hr.DataRef.from_sequence(range(40)).shuffle(seed=7).stream()
    return hr.DataLoader(stream.filter(lambda x: x % 3).batch(3), epoch_end="shortest")


def kept(rank: int) -> tuple[list[Any], list[list[int]]]:
    batches = loader()
    next(iter(batches))
    batches.load_state_dict(batches.state_dict())
    states = Place(batches).states()
    return states, [batch.tolist() for batch in batches]


def gone_on(rank: int, states: list[Any]) -> list[list[int]]:
    batches = loader()
    Place(batches).load(states)
    return [batch.tolist() for batch in batches]


def test_every_rank_is_kept_and_goes_on_with_its_own_records(two_ranks: Any) -> None:
    (states, first), (other, second) = two_ranks.each(kept)

    assert states == other
    assert two_ranks.each(gone_on, states) == [first, second]
    assert first != second
