"""The bytes of records: of what they hold, by shape and length, never by pickling."""

from __future__ import annotations

import sys
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import EncodedImage
from headrace.watching import size_of

Pair = namedtuple("Pair", ["left", "right"])
TREES = st.recursive(
    st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
)


def total(tree: Any) -> int:
    if isinstance(tree, bytes):
        return len(tree)
    return sum(total(one) for one in (tree.values() if isinstance(tree, dict) else tree))


@given(TREES)
def test_a_tree_has_the_bytes_of_its_leaves(tree: Any) -> None:
    assert size_of(tree) == total(tree)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (np.zeros((3, 5), np.int16), 30),
        (np.zeros((8, 8), np.int32)[::2, ::2], 64),
        (np.float32(1), 4),
        (np.array(["ab", b"cde"], object), 5),
        (memoryview(b"abcd"), 4),
        ("grün", 4),
        (True, 1),
        (7, 8),
        (0.5, 8),
        (None, 0),
        (Pair(b"ab", np.zeros(2)), 18),
        (EncodedImage(b"GIF89a"), 6),
    ],
)
def test_each_kind_of_leaf_has_its_bytes(value: Any, size: int) -> None:
    assert size_of(value) == size


def test_a_large_array_is_not_serialised() -> None:
    # A view of one byte that claims a terabyte: whoever copies or pickles it dies.
    huge = np.broadcast_to(np.zeros(1, np.uint8), (10**12,))
    assert size_of({"x": huge}) == 10**12


class Unknown:
    def __reduce__(self) -> str:
        raise TypeError("refuses to be pickled")


class Lazy:
    nbytes = float("nan")


class Refuses:
    @property
    def nbytes(self) -> int:
        raise RuntimeError("nbytes is not defined for sparse tensors")


@pytest.mark.parametrize("value", [Unknown(), Lazy(), Refuses()])
def test_what_cannot_say_its_bytes_counts_what_python_says(value: object) -> None:
    assert size_of(value) == sys.getsizeof(value)


@pytest.mark.slow
def test_tensors_of_torch() -> None:
    torch = pytest.importorskip("torch")
    assert size_of({"x": torch.zeros(3, 4), "y": torch.zeros(2, dtype=torch.bfloat16)}) == 52


@pytest.mark.slow
def test_arrays_of_jax() -> None:
    jax = pytest.importorskip("jax")
    assert size_of(jax.numpy.zeros((3, 4), "float32")) == 48


@pytest.mark.slow
def test_tensors_of_tensorflow() -> None:
    tf = pytest.importorskip("tensorflow")
    assert size_of([tf.zeros((3, 4)), tf.constant([b"abc", b"d"]), tf.zeros(())]) == 56


def test_images_of_pillow() -> None:
    images = pytest.importorskip("PIL.Image")
    assert size_of(images.new("RGB", (4, 5))) == 60
