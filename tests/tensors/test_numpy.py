"""Batches as NumPy arrays, of the tensors of each framework."""

from __future__ import annotations

from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest

from headrace.adapters.numpy import to_numpy

# Any, in this file: the frameworks are optional here.


class Pair(NamedTuple):
    left: Any
    right: Any


def test_torch_tensors_become_arrays() -> None:
    torch = pytest.importorskip("torch")
    shared = torch.arange(3)
    batch = {
        "x": shared,
        "grad": torch.ones(2, requires_grad=True),
        "pair": Pair(torch.tensor(2.5), ["a", torch.tensor([True])]),
        "conj": torch.tensor([1 + 2j]).conj(),
        "brain": torch.tensor([1.5, -2], dtype=torch.bfloat16),
        "brain number": torch.tensor(1.5, dtype=torch.bfloat16),
        "text": "a",
    }
    found = to_numpy(batch)

    assert found["x"].tolist() == [0, 1, 2]
    shared[0] = 7
    assert found["x"][0] == 7
    assert found["grad"].tolist() == [1, 1]
    assert isinstance(found["pair"], Pair)
    assert found["pair"].left == np.float32(2.5)
    assert found["pair"].right[1].tolist() == [True]
    assert found["conj"].tolist() == [1 - 2j]
    assert found["brain"].dtype == found["brain number"].dtype == ml_dtypes.bfloat16
    assert found["brain"].tolist() == [1.5, -2.0]
    assert found["brain number"] == 1.5
    assert found["text"] == "a"


def test_tensors_that_numpy_has_not_stay() -> None:
    torch = pytest.importorskip("torch")
    tensors = [torch.eye(2).to_sparse(), torch.ones(2).to(torch.float8_e4m3fn)]

    assert all(new is old for new, old in zip(to_numpy(tensors), tensors, strict=True))


@pytest.mark.slow
def test_tensorflow_tensors_become_arrays() -> None:
    tf = pytest.importorskip("tensorflow")
    found = to_numpy(
        {
            "x": tf.constant([1, 2]),
            "brain": tf.constant([1.5], tf.bfloat16),
            "text": tf.constant(["a"]),
            "variable": (tf.constant(2.5),),
        }
    )

    assert found["x"].tolist() == [1, 2]
    assert found["brain"].dtype == ml_dtypes.bfloat16
    assert found["text"].tolist() == [b"a"]
    assert found["variable"] == (np.float32(2.5),)


def test_jax_arrays_become_arrays() -> None:
    jax = pytest.importorskip("jax")
    found = to_numpy({"x": jax.numpy.arange(3), "brain": jax.numpy.ones(2, "bfloat16")})

    assert isinstance(found["x"], np.ndarray)
    assert found["x"].tolist() == [0, 1, 2]
    assert found["brain"].dtype == ml_dtypes.bfloat16


def test_arrays_and_python_values_stay() -> None:
    batch = (np.arange(3), 3, "a", None, {1.5: "a key that is no name"}, [b"c"])
    found = to_numpy(batch)

    assert all(new is old for new, old in zip(found[:5], batch[:5], strict=True))
    assert found[5] == [b"c"]
