"""`pad`: lists of records made into batches of one length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.testing import check_stage, repr_of

# Any, in this file: batches.


def test_pad_conforms() -> None:
    check_stage(
        lambda stream: stream.map(lambda x: [np.arange(x % 4), np.arange(2)]).pad(multiple_of=3),
        lambda records: (padded(x % 4) for x in records),
    )


def padded(n: int) -> Any:
    width = 3 if n < 4 else 6
    rows = np.zeros((2, width), dtype=np.int64)
    rows[0, :n], rows[1, :2] = np.arange(n), np.arange(2)
    return rows


def batch_of(*arrays: Any, **how: Any) -> Any:
    return hr.stream([list(arrays)]).pad(**how).collect()[0]


def test_the_length_is_the_longest_a_multiple_or_the_one_asked_for() -> None:
    arrays = np.ones(3, "i4"), np.ones(5, "i4")
    assert batch_of(*arrays).shape == (2, 5)
    assert batch_of(*arrays, multiple_of=4).shape == (2, 8)
    assert batch_of(*arrays, to=6, value=-1).tolist() == [
        [1, 1, 1, -1, -1, -1],
        [1, 1, 1, 1, 1, -1],
    ]
    assert batch_of(*arrays, to=6).dtype == np.int32


def test_further_axes_are_filled_to_their_largest() -> None:
    batch = batch_of(np.ones((2, 3)), np.ones((1, 2)), multiple_of=4)
    assert batch.shape == (2, 4, 3)
    assert batch.sum() == 8


def test_each_leaf_is_padded_and_numbers_and_strings_are_as_in_a_batch() -> None:
    records = [{"x": np.ones(n), "n": n, "s": "a" * n, "z": np.array(n)} for n in (1, 2)]
    batch = batch_of(*records, to=3)
    assert repr_of(batch) == repr_of(
        {
            "x": np.array([[1.0, 0, 0], [1, 1, 0]]),
            "n": np.array([1, 2]),
            "s": ["a", "aa"],
            "z": np.array([1, 2]),
        }
    )


def test_arrays_of_equal_lengths_are_padded_too() -> None:
    assert batch_of(np.ones(2), np.ones(2), multiple_of=3).shape == (2, 3)


def test_an_array_that_is_too_long_names_its_leaf() -> None:
    with pytest.raises(RecordError, match=r"arrays of 'x' to a length of 2: one has 3. Cut it"):
        batch_of({"x": np.ones(3)}, to=2)


@pytest.mark.parametrize(
    ("dtype", "value"), [("u1", -1), ("i8", 0.5), ("i8", float("nan")), ("?", 1), ("<U3", 1)]
)
def test_a_value_that_the_dtype_cannot_hold_names_its_leaf(dtype: str, value: float) -> None:
    with pytest.raises(RecordError, match=r"pad the arrays of 'x' with .*cannot hold it. Convert"):
        batch_of({"x": np.zeros(1, dtype)}, {"x": np.zeros(2, dtype)}, value=value)


def test_small_floats_and_nan_can_be_padded_with() -> None:
    import ml_dtypes

    batch = batch_of(np.ones(1, ml_dtypes.bfloat16), np.ones(2, ml_dtypes.bfloat16), value=-2)
    assert batch.astype(float).tolist() == [[1, -2], [1, 1]]
    assert np.isnan(batch_of(np.ones(1), np.ones(2), value=float("nan"))[0, 1])


@pytest.mark.parametrize("bad", [0, -1, 1.5])
def test_a_length_below_one_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="the length to pad to must be .* Leave it out"):
        hr.stream([[1]]).pad(to=bad)
    with pytest.raises(ArgumentError, match="multiple_of must be .* Leave it out"):
        hr.stream([[1]]).pad(multiple_of=bad)


def test_two_lengths_are_refused() -> None:
    with pytest.raises(ArgumentError, match="both to=4 and multiple_of=2. One .* Leave out the"):
        hr.stream([[1]]).pad(to=4, multiple_of=2)


@pytest.mark.parametrize("bad", [None, "0", True])
def test_a_value_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="the value to pad with must be a number, got"):
        hr.stream([[1]]).pad(value=bad)


def test_a_number_of_numpy_is_a_value_like_any_other() -> None:
    batch = batch_of(np.ones(1), np.ones(2), value=np.int8(7))
    assert batch.tolist() == [[1, 7], [1, 1]]
    stream = hr.stream([[1]]).pad(value=np.float32(0.5))  # type: ignore[arg-type]
    assert str(stream) == "Stream(range(1) | pad(to=None, multiple_of=None, value=0.5))"
