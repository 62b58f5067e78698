"""Batches as torch tensors: what is shared, what is copied, and what stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest

import headrace as hr
from headrace.adapters.torch import to_torch

torch = pytest.importorskip("torch")


class Pair(NamedTuple):
    left: Any
    right: Any


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
        pytest.param(np.zeros(3, "i1,i4")["f1"], id="field of packed records"),
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


def test_a_gathered_batch_is_shared_and_can_be_written_to(tmp_path: Path) -> None:
    arrays = {"x": np.arange(600.0).reshape(200, 3), "name": [str(i) for i in range(200)]}
    ref = hr.Storage(tmp_path).submit(arrays, "points", "1.0").shuffle(seed=1)
    kept: list[Any] = []
    stream = ref.stream().batch(64).tap(kept.append)

    for batch in hr.DataLoader(stream, to="torch"):
        assert batch["x"].data_ptr() == kept[-1]["x"].ctypes.data
        assert batch["name"] == kept[-1]["name"]
        batch["x"] += 1


def test_each_kind_of_container_is_kept() -> None:
    record = {"pair": Pair(np.ones(2), [np.int64(3)]), 0: (np.array(2.5),), "odd": {1.5: 2}}
    found = to_torch(record)

    assert isinstance(found["pair"], Pair)
    assert found["pair"].left.tolist() == [1, 1]
    assert found["pair"].right[0].item() == 3
    assert found[0][0].shape == ()
    assert found["odd"] is record["odd"]
