"""The bookkeeping of looking ahead, against a plain model of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import State
from headrace.executors.places import Place, Places


@dataclass(frozen=True)
class At:
    """A mark that says how many records were drawn."""

    count: int

    def state(self) -> State:
        return {"at": self.count}


@given(st.integers(0, 30), st.booleans(), st.integers(0, 2**8 - 1), st.randoms())
def test_what_is_left_and_what_is_delivered_is_all(
    count: int, ordered: bool, mask: int, chance: random.Random
) -> None:
    # The first place of a state is never delivered; an ordered one has no mask.
    given_before = 0 if ordered else mask << 1
    before = {k for k in range(count) if given_before >> k & 1}
    places = Places(At(0), ordered=ordered, given=given_before)
    delivered: list[int] = []
    flying: list[Place] = []
    drawn = 0
    while True:
        marks = places.at.state()["at"], places.mask
        resumed = {marks[0] + k for k in range(40) if marks[1] >> k & 1}
        done = set(range(marks[0])) | {k for k in resumed if k < count}
        assert done == before | set(delivered)
        if drawn < count and (not flying or chance.random() < 0.5):
            place = places.add(drawn, At(drawn + 1))
            drawn += 1
            flying += [place] if place is not None else []
        elif flying:
            place = flying.pop(chance.randrange(len(flying)))
            places.finish(place, place.value)
            delivered += places.take(chance.randint(1, 3))
        elif found := places.take(2):
            delivered += found
        else:
            break
    assert sorted(delivered) == sorted(set(range(count)) - before)
    assert not ordered or delivered == list(range(count))
    assert len(places) == 0


def test_an_error_stops_the_delivery_at_its_place() -> None:
    places = Places(At(0))
    first, second, third = (places.add(k, At(k + 1)) for k in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    places.finish(third, 3)
    places.finish(second, None, ValueError("two"))
    assert places.take(9) == []
    places.finish(first, 1)
    assert places.take(9) == [1]
    assert places.ready() is second
    assert places.at == At(1)
