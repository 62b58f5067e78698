"""Batches as torch tensors: what is shared, what is copied, and what stays as it is."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from headrace.adapters.torch import to_torch

torch = pytest.importorskip("torch")


def test_a_writable_array_is_shared() -> None:
    array = np.arange(3)
    to_torch({"x": array})["x"][0] = 7

    assert array[0] == 7


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.broadcast_to(np.arange(3), (2, 3)), id="read-only"),
        pytest.param(np.arange(6).reshape(2, 3)[:, ::-1], id="flipped"),
        pytest.param(np.arange(6).reshape(2, 3).astype(">f4"), id="other byte order"),
        pytest.param(np.float32(1.5), id="number"),
    ],
)
def test_what_torch_cannot_share_is_copied(array: Any) -> None:
    tensor = to_torch(array)
    expected = np.array(array)
    tensor += 1

    np.testing.assert_array_equal(tensor.numpy(), expected + 1)
    np.testing.assert_array_equal(array, expected)


def test_bfloat16_keeps_its_bits() -> None:
    array = np.array([1.5, -2.0], ml_dtypes.bfloat16)

    assert to_torch(array).dtype == torch.bfloat16
    assert to_torch(array).tolist() == [1.5, -2.0]


def test_texts_times_and_python_values_stay() -> None:
    record = (np.str_("a"), np.array(["b"]), np.datetime64("2026-01-01"), 3, 1.5, None, b"c")
    kept = to_torch(record)

    assert all(new is old for new, old in zip(kept, record, strict=True))
