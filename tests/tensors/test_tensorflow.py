"""Batches as TensorFlow tensors: what becomes one, and what stays as it is."""

from __future__ import annotations

import os
from collections import namedtuple
from typing import Any

import ml_dtypes
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

tf: Any = pytest.importorskip("tensorflow")  # Any: TensorFlow publishes no types
from headrace.adapters.tensorflow import to_tensorflow  # noqa: E402

pytestmark = pytest.mark.slow

Pair = namedtuple("Pair", ["x", "y"])


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.arange(6).reshape(2, 3), id="array"),
        pytest.param(np.arange(6).reshape(2, 3)[:, ::-1], id="flipped"),
        pytest.param(np.arange(6).reshape(2, 3).astype(">f4"), id="other byte order"),
        pytest.param(np.float32(1.5), id="number"),
        pytest.param(np.array([1.5, -2.0], ml_dtypes.bfloat16), id="bfloat16"),
    ],
)
def test_arrays_and_numbers_become_tensors(array: Any) -> None:
    tensor = to_tensorflow({"x": array})["x"]

    assert tensor.dtype == tf.as_dtype(np.asarray(array).dtype.newbyteorder("="))
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_lists_of_texts_become_string_tensors_in_every_structure() -> None:
    made = to_tensorflow((Pair(["a", "b"], [b"c"]), [np.arange(2)]))

    assert isinstance(made[0], Pair)
    assert (made[0].x.numpy().tolist(), made[0].y.numpy().tolist()) == ([b"a", b"b"], [b"c"])
    assert made[1][0].numpy().tolist() == [0, 1]


def test_times_and_python_values_stay() -> None:
    objects = np.array([{}, "a"], object)
    record = (np.datetime64("2026-01-01"), 3, 1.5, None, b"c", "text", objects)
    kept = to_tensorflow(record)

    assert all(new is old for new, old in zip(kept, record, strict=True))
