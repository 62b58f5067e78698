"""The state after the batches that were used, where more were given out; and batches to="..."."""

from __future__ import annotations

import itertools
import json
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.chains import Calls, Origin, Step, chained, origins, steps
from tests.streams import BACKENDS, same, shuffled

import headrace as hr
from headrace.contracts import Backend, Run, iterate, rows
from headrace.contracts.errors import ArgumentError
from headrace.testing import repr_of

# Any, in this file: records are whatever the random stages make.
# More than this is only slow.
MOST_RECORDS = 200


class Positive(NamedTuple("Positive", [("x", Any)])):
    """A record that cannot be made of everything, and so not converted."""

    def __new__(cls, x: Any) -> Positive:
        if not isinstance(x, np.ndarray) and x < 0:
            raise ValueError(str(x))
        return super().__new__(cls, x)


@given(
    origin=origins(),
    chain=steps(),
    backend=st.sampled_from(BACKENDS),
    ahead=st.integers(0, 40),
    share=st.floats(0, 1),
)
def test_it_is_the_state_that_was_there_then(
    origin: Origin, chain: list[Step], backend: Backend, ahead: int, share: float
) -> None:
    stream = chained(origin, chain, Calls())
    length = len(list(itertools.islice(stream, MOST_RECORDS + 1)))
    assume(length <= MOST_RECORDS)
    delivered = round(share * length)
    with hr.DataLoader(stream, backend=backend) as loader:
        before = None if delivered else loader.state_dict()
        given_out = iter(loader)
        for _ in itertools.islice(given_out, delivered):
            pass
        expected = before or loader.state_dict()
        for _ in itertools.islice(given_out, ahead):
            pass
        assert loader.state_dict(delivered=delivered) == expected


CHAINS = [
    pytest.param(shuffled(50).batch(4), id="one batch a unit"),
    pytest.param(shuffled(50).filter(lambda x: x % 3).batch(4), id="filtered"),
    pytest.param(hr.stream(lambda: iter(range(50))).batch(4), id="drawn"),
    pytest.param(hr.stream(lambda: iter(range(50))).filter(same).batch(4), id="drawn, filtered"),
]


@pytest.mark.parametrize("stream", CHAINS)
def test_batches_are_counted_over_epochs_from_where_the_state_was_loaded(
    stream: hr.Stream[Any],
) -> None:
    def taken(loader: hr.DataLoader[Any], count: int) -> list[str]:
        epochs = itertools.chain.from_iterable(iter(lambda: list(loader), None))
        return [repr_of(batch) for batch in itertools.islice(epochs, count)]

    whole = taken(hr.DataLoader(stream), 60)
    first = hr.DataLoader(stream)
    taken(first, 30)
    state = json.loads(json.dumps(first.state_dict(delivered=20)))
    second = hr.DataLoader(stream)
    second.load_state_dict(state)
    assert taken(second, 40) == whole[20:]
    third = hr.DataLoader(stream)
    third.load_state_dict(second.state_dict(delivered=15))
    assert taken(third, 25) == whole[35:]


def test_a_pass_that_was_left_ends_where_it_was_left() -> None:
    loader = hr.DataLoader(shuffled(50).batch(4))
    next(iter(loader))
    rest = iter(loader)
    next(rest)
    expected = loader.state_dict()
    next(rest)
    assert loader.state_dict(delivered=2) == expected


def test_arithmetic_goes_over_epochs_that_this_loader_never_ran() -> None:
    loader = hr.DataLoader(shuffled(50).batch(4, drop_last=True), seed=3)
    state = loader.state_dict(delivered=12 * 5 + 2)
    assert (state["epoch"], state["at"]) == (5, 2)
    assert loader.state_dict(delivered=12)["at"] == 12
    far = loader.state_dict(delivered=12 * 10**9 + 1)
    assert (far["epoch"], far["at"]) == (10**9, 1)
    offset = hr.DataLoader(hr.DataRef.from_sequence(range(10)).stream(start_offset=7).batch(2))
    states = [offset.state_dict(delivered=n) for n in (2, 3, 7, 8)]
    assert [(state["epoch"], state["at"]) for state in states] == [(0, 2), (1, 1), (1, 5), (2, 1)]


def test_a_dropped_last_batch_is_not_counted() -> None:
    loader = hr.DataLoader(shuffled(899).batch(32, drop_last=True))
    for _ in range(2):
        assert len(list(loader)) == 28
    state = loader.state_dict(delivered=60)
    assert (state["epoch"], state["at"]) == (2, 4)


def test_what_was_not_given_out_has_no_state() -> None:
    loader = hr.DataLoader(shuffled(50).filter(same).batch(4))
    next(iter(loader))
    with pytest.raises(ArgumentError, match="after 2 batches was asked.* 0 to 1. Count the batch"):
        loader.state_dict(delivered=2)
    with pytest.raises(ArgumentError, match="delivered must be a whole number of at least 0"):
        loader.state_dict(delivered=-1)
    with pytest.raises(ArgumentError, match="after 1 batches was asked"):
        hr.DataLoader(hr.stream([]).batch(4)).state_dict(delivered=1)


@pytest.mark.parametrize("stream", CHAINS)
def test_blocks_give_the_same_records_and_states(stream: hr.Stream[Any]) -> None:
    expected = [repr_of(batch) for batch in stream]
    loader = hr.DataLoader(stream)
    found = [repr_of(batch) for block in loader.blocks(3) for batch in rows(block)]
    assert found == expected
    singly = hr.DataLoader(stream)
    for _ in itertools.islice(singly, 5):
        pass
    assert loader.state_dict(delivered=5) == singly.state_dict()


@given(
    origin=origins(),
    chain=steps(),
    first=st.integers(0, 5),
    readers=st.integers(1, 4),
    epoch=st.integers(0, 2),
)
def test_equal_readers_give_together_what_one_gives(
    origin: Origin, chain: list[Step], first: int, readers: int, epoch: int
) -> None:
    nodes = [chained(origin, chain[:count], Calls()).node for count in range(len(chain), -1, -1)]
    divisible = [node for node in nodes if node.is_divisible]
    assume(divisible)
    node = divisible[0]
    run = Run(epoch=epoch)
    expected = list(itertools.islice(iterate(node.open(run)), MOST_RECORDS + 1))
    assume(len(expected) <= MOST_RECORDS)
    for reader in range(readers):
        found = list(iterate(node.open_every(run, first + reader, readers)))
        assert repr_of(found) == repr_of(expected[first + reader :: readers])


def test_batches_come_in_the_tensors_of_a_framework() -> None:
    torch = pytest.importorskip("torch")
    columns: Any = {"x": np.arange(6)}
    loader = hr.DataLoader(hr.stream(columns).batch(4), to="torch")
    first = next(iter(loader))
    assert isinstance(first["x"], torch.Tensor)
    first["x"][0] = 9
    assert loader.state_dict() == loader.state_dict(delivered=1)


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(ArgumentError, match="got 'pytorch'. Did you mean one of 'torch'"):
        hr.DataLoader(hr.stream([1]), to="pytorch")  # type: ignore[arg-type]


def test_a_batch_that_cannot_be_converted_is_not_passed_over() -> None:
    pytest.importorskip("torch")
    loader = hr.DataLoader(hr.stream([Positive(np.array(n)) for n in (1, -2, 3)]), to="torch")
    batches = iter(loader)

    assert int(next(batches).x) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="-2"):
            next(batches)
