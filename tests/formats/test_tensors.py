"""Tensors are stored as arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.formats.stand_in import all_of, same, stored

from headrace.contracts.errors import RecordError

torch = pytest.importorskip("torch")

# Any, in this file: records of every structure.


class Pair(NamedTuple):
    left: Any
    right: Any


def pairs(wrap: Any) -> list[Any]:
    return [
        {"x": wrap(np.full((2, 3), n, np.float32)), "p": Pair(n, [wrap(np.arange(n)), ("a", n)])}
        for n in range(40)
    ]


def test_tensors_come_back_as_arrays_in_the_same_structure() -> None:
    assert same(all_of(stored([pairs(torch.from_numpy)])), all_of(stored([pairs(np.asarray)])))


def test_a_tensor_that_has_a_gradient_is_stored_without_it() -> None:
    (value,) = all_of(stored([[torch.ones(2, requires_grad=True)]]))
    assert same(value, np.ones(2, np.float32))


def test_a_tensor_that_numpy_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(RecordError, match="record 0 holds a value of type Tensor"):
        stored([[torch.ones(2, dtype=torch.bfloat16)]])


def test_a_conjugated_tensor_is_stored_as_what_it_shows() -> None:
    (value,) = all_of(stored([[torch.tensor([1 + 2j]).conj()]]))
    assert same(value, np.array([1 - 2j], np.complex64))


@pytest.mark.slow
def test_arrays_of_jax_and_tensors_of_tensorflow_are_stored_as_arrays_too() -> None:
    jax = pytest.importorskip("jax")
    tensorflow = pytest.importorskip("tensorflow")
    for make in (jax.numpy.asarray, tensorflow.constant):
        records = [{"x": make(np.full(3, n, np.float32)), "n": n} for n in range(5)]
        expected = [{"x": np.full(3, n, np.float32), "n": n} for n in range(5)]
        assert same(all_of(stored([records])), expected)
