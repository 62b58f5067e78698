"""`limit`: short epochs that stop and go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.streams import each_backend, shuffled

import headrace as hr
from headrace.contracts import Backend
from headrace.contracts.errors import ArgumentError, ClosedError

# Any, in this file: records of every type.

CHAINS = {
    "order": lambda: shuffled(10),
    "filtered": lambda: shuffled(14).filter(lambda x: x < 10),
    "many": lambda: shuffled(5).flat_map(lambda x: [x, x]),
    "batch": lambda: shuffled(20).map(abs).batch(2, collate="list"),
    "late": lambda: shuffled(30).filter(lambda x: x < 20).batch(2, collate="list"),
    "windows": lambda: shuffled(10).filter(lambda x: True).shuffle(3, seed=1),
    "zipped": lambda: shuffled(10).map(abs).zip(shuffled(10)),
    "drawn": lambda: hr.stream(lambda: iter(range(10))).map(abs),
}
each_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)


@each_backend
@each_chain
@pytest.mark.parametrize("n", [1, 3, 5, 10, 11])
def test_limits_in_a_row_give_epoch_after_epoch(chain: Any, backend: Backend, n: int) -> None:
    with hr.DataLoader(chain(), backend=backend) as loader:
        found: list[Any] = []
        for epoch in range(2):
            parts = [list(loader.limit(n)) for _ in range(-(-10 // n))]
            assert [len(part) for part in parts[:-1]] == [n] * (len(parts) - 1)
            found += [record for part in parts for record in part]
            # An epoch of which all was given is running until it is asked for more.
            assert loader.epoch == epoch + bool(10 % n)
    assert found == [*chain().epoch(0), *chain().epoch(1)]


@each_backend
@each_chain
def test_a_for_after_a_limit_goes_on_and_one_after_it_is_the_next_epoch(
    chain: Any, backend: Backend
) -> None:
    with hr.DataLoader(chain(), backend=backend) as loader:
        head = list(loader.limit(4))
        assert head + list(loader) == chain().collect()
        assert list(loader) == chain().epoch(1).collect()


def test_a_limit_that_is_left_early_goes_on_where_it_was_left() -> None:
    loader = hr.DataLoader(hr.stream(range(6)))
    for record in loader.limit(4):
        if record == 1:
            break
    assert list(loader.limit(2)) == [2, 3]
    # A `for` without a limit has ended its epoch wherever it was left.
    for record in loader:
        assert record == 4
        break
    assert list(loader.limit(2)) == [0, 1]


@each_backend
@each_chain
def test_the_state_is_exact_inside_and_between_limits(chain: Any, backend: Backend) -> None:
    whole = [*chain().epoch(0), *chain().epoch(1)]
    loader = hr.DataLoader(chain(), backend=backend)
    given, states = 0, [(0, loader.state_dict())]
    for _ in range(5):
        for _ in loader.limit(4):
            given += 1
            states.append((given, loader.state_dict()))
        states.append((given, loader.state_dict(delivered=given)))
    assert loader.state_dict() == loader.state_dict(delivered=given)
    loader.shutdown()
    again = hr.DataLoader(chain())
    for count, state in states:
        again.load_state_dict(json.loads(json.dumps(state)))
        end = (count // 10 + 1) * 10
        assert list(again.limit(3)) == whole[count : min(count + 3, end)]


def test_blocks_after_a_limit_go_on_with_its_epoch() -> None:
    for stream in (shuffled(10), shuffled(20).filter(lambda x: x < 10)):
        loader = hr.DataLoader(stream)
        found = list(loader.limit(3))
        assert found + [record for block in loader.blocks(4) for record in block] == list(stream)
        assert [r for block in loader.blocks(4) for r in block] == list(stream.epoch(1))


def test_a_limit_of_an_empty_stream_is_an_empty_epoch() -> None:
    loader = hr.DataLoader(hr.stream(range(3)).filter(lambda x: False))
    assert [list(loader.limit(2)), list(loader.limit(2))] == [[], []]
    assert loader.epoch == 2


def test_an_error_ends_the_epoch_of_a_limit() -> None:
    def fail(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    loader = hr.DataLoader(hr.stream(range(4)).map(fail))
    assert list(loader.limit(1)) == [0]
    with pytest.raises(ValueError, match="two"):
        list(loader.limit(3))
    assert (loader.epoch, next(iter(loader)), loader.epoch) == (0, 0, 1)


def test_an_older_limit_says_that_it_is_not_the_newest() -> None:
    loader = hr.DataLoader(hr.stream(range(9)))
    first = loader.limit(4)
    assert next(first) == 0
    assert next(loader.limit(4)) == 1
    with pytest.raises(ClosedError, match="not the loader's newest"):
        next(first)


def test_the_place_of_the_next_pass_moves_with_a_limit() -> None:
    loader = hr.DataLoader(hr.stream(range(9)))
    moves, _ = loader.upcoming()
    list(loader.limit(2))
    moved, upcoming = loader.upcoming()
    assert moved > moves
    assert upcoming == loader.state_dict()


def test_batches_of_a_limit_come_as_tensors_too() -> None:
    torch = pytest.importorskip("torch")
    loader = hr.DataLoader(hr.stream(range(4)).batch(2), to="torch")
    assert [type(batch) for batch in loader.limit(2)] == [torch.Tensor] * 2


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_a_limit_below_one_is_refused(n: Any) -> None:
    with pytest.raises(ArgumentError, match=r"limit must be .* at least 1, got .*iterate over"):
        hr.DataLoader(hr.stream([1])).limit(n)
