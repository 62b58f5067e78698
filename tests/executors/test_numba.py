"""Functions compiled by Numba where it can, on threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.executors.numba import Jitted, is_typed

# Any, in this file: records and a package without types.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]


def total(x: Any) -> Any:
    found = 0.0
    for k in range(len(x)):
        found += x[k]
    return found


def test_arrays_are_summed_in_nopython_mode() -> None:
    pytest.importorskip("numba")
    records = [np.arange(n, dtype=np.float64) for n in range(9)]
    stream: Any = hr.stream(records).async_map(total, "numba")
    assert stream.collect() == [float(x.sum()) for x in records]
    jitted: Any = Jitted(total)
    assert jitted(records[3]) == 3.0
    assert len(jitted._fast.nopython_signatures) == 1


@pytest.mark.parametrize(
    ("fn", "record", "expected"),
    [
        pytest.param(lambda x: x * x + 1, 3, 10, id="a number"),
        pytest.param(lambda x: x[0] + x[1], (np.arange(2), 1), [1, 2], id="a tuple"),
        pytest.param(lambda x: x["a"] * 2, {"a": np.arange(2)}, [0, 2], id="a batch as a dict"),
        pytest.param(lambda x: x.upper(), "text", "TEXT", id="text"),
        pytest.param(lambda x: {str(x): open}, 3, {"3": open}, id="what nopython refuses"),
        pytest.param(np.sqrt, 9.0, 3.0, id="no Python function"),
    ],
)
def test_what_cannot_be_compiled_runs_all_the_same(fn: Any, record: Any, expected: Any) -> None:
    pytest.importorskip("numba")
    (found,) = hr.stream([record]).async_map(fn, "numba").collect()
    assert np.array_equal(found, expected)


def test_a_user_s_own_dispatcher_and_errors_stay_as_they_are() -> None:
    numba = pytest.importorskip("numba")

    @numba.njit  # type: ignore[untyped-decorator]
    def positive(x: int) -> int:
        if x < 0:
            raise ValueError("negative")
        return x

    stream = hr.stream([1, -1]).async_map(positive, "numba")
    with pytest.raises(ValueError, match="negative") as caught:
        stream.collect()
    assert "in async_map(positive) over list[2], epoch 0, position 1" in caught.value.__notes__[0]


def test_only_arrays_and_numbers_have_fast_types() -> None:
    assert all(map(is_typed, (1, 1.5, True, np.int8(1), np.zeros(2), (1, np.zeros(2)))))
    assert not any(map(is_typed, ("a", [1], {"a": 1}, None, (1, "a"), np.array([None]))))
