"""Batches as JAX arrays: what becomes one, and what stays as it is."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import headrace as hr
from headrace.adapters.jax import to_jax

# Any, in this file: JAX is optional here.
jax = pytest.importorskip("jax")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.arange(6, dtype=np.float32)[::-1],
        np.arange(3, dtype=">f4"),
        np.float32(1.5),
        np.array(2.5, np.float32),
        np.array([1.5, -2], ml_dtypes.bfloat16),
        np.array([True, False]),
    ],
    ids=["array", "flipped", "other byte order", "number", "0-d", "bfloat16", "bool"],
)
def test_arrays_and_numbers_keep_their_values(array: Any) -> None:
    found = to_jax(array)

    assert isinstance(found, jax.Array)
    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(np.asarray(found), array)


def test_64_bits_become_32_unless_jax_is_told() -> None:
    batch = {"label": np.array([1, 2**32 + 2]), "x": np.array([0.5])}
    found = to_jax(batch)
    assert (found["label"].dtype, found["x"].dtype) == (np.int32, np.float32)
    assert found["label"].tolist() == [1, 2]
    with jax.enable_x64(True):
        kept = to_jax(batch)
        assert kept["label"].tolist() == [1, 2**32 + 2]


def test_what_jax_has_no_dtype_for_stays() -> None:
    batch = (
        *(["a", "b"], "c", b"d", 3, 1.5, None, np.array(["e"]), np.datetime64("2026-01-01")),
        *(np.zeros(2, [("a", "i4")]), np.array([None]), np.array([b"f"])),
    )
    found = to_jax(batch)

    assert found[0] == ["a", "b"]
    assert all(new is old for new, old in zip(found[1:], batch[1:], strict=True))


def test_batches_keep_their_values_while_later_ones_are_read() -> None:
    # Memory is used again for later batches, and JAX may share it: not before it is free.
    ref = hr.DataRef.from_sequence(np.arange(64 * 4096, dtype=np.float32).reshape(-1, 4096))
    batches = list(hr.DataLoader(ref.stream().batch(4), to="jax"))

    found = np.concatenate([np.asarray(batch) for batch in batches])
    np.testing.assert_array_equal(found, [ref[index] for index in range(64)])
