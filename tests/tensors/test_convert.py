"""Batches of a DataLoader in the tensors that `to` names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.tensors import CONVERSIONS, Framework

# Any, in this file: batches are of any type.

CLASSES: list[tuple[Framework, str, str]] = [
    ("jax", "jax", "Array"),
    ("numpy", "numpy", "ndarray"),
    ("tensorflow", "tensorflow", "Tensor"),
    ("torch", "torch", "Tensor"),
]


@pytest.mark.parametrize(
    ("to", "module", "name"),
    [
        pytest.param(*one, marks=[pytest.mark.slow] if one[0] == "tensorflow" else [], id=one[0])
        for one in CLASSES
    ],
)
def test_batches_come_in_the_tensors_that_are_named(to: Framework, module: str, name: str) -> None:
    kind = getattr(pytest.importorskip(module), name)
    stream: hr.Stream[Any] = hr.stream({"x": np.arange(6, dtype=np.int32)}).batch(4)
    found = [batch["x"] for batch in hr.DataLoader(stream, to=to)]

    assert all(isinstance(x, kind) for x in found)
    assert [np.asarray(x).tolist() for x in found] == [[0, 1, 2, 3], [4, 5]]


def test_each_framework_has_a_test() -> None:
    assert [to for to, _, _ in CLASSES] == list(CONVERSIONS)
