"""A segment run where it is read."""

from __future__ import annotations

from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Backend

BACKENDS: list[Backend] = [hr.Inline(), hr.Threads(2)]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_a_chain_that_ends_since_one_beside_it_failed_keeps_its_place(backend: Backend) -> None:
    is_broken = True

    def fail(x: int) -> int:
        if is_broken and x == 2:
            raise OSError("no answer")
        return x

    other = hr.stream(range(10, 14)).map(int)
    stream: hr.Stream[Any] = hr.mix([hr.stream(range(4)).map(fail), other], [1, 1], seed=5)
    expected: list[Any] = []
    with hr.DataLoader(stream.skip(1), backend=backend) as loader:
        with pytest.raises(OSError, match="no answer"):
            expected.extend(loader)
        state = loader.state_dict()
    is_broken = False
    with hr.DataLoader(stream.skip(1), backend=backend) as loader:
        loader.load_state_dict(state)
        expected.extend(loader)
    assert expected == stream.skip(1).collect()


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_what_a_window_gave_before_an_error_is_not_given_again(backend: Backend) -> None:
    is_broken = True

    def fail(x: int) -> int:
        if is_broken and x == 3:
            raise OSError("no answer")
        return x

    stream = hr.stream(range(9)).filter(lambda _: True).shuffle(7, seed=1).map(fail).skip(2)
    found: list[int] = []
    with hr.DataLoader(stream, backend=backend) as loader:
        with pytest.raises(OSError, match="no answer"):
            found.extend(loader)
        state = loader.state_dict()
    is_broken = False
    with hr.DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(state)
        found.extend(loader)
    assert found == stream.collect()
