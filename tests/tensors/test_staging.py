"""Buffers through which batches go to a device: what lies in them, and when they are used again."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.tensors import to_torch
from headrace.tensors.leaves import over_leaves
from headrace.tensors.staging import ALIGNED, Staging

# Any, in this file: torch is optional here, and batches are of any type.
torch = pytest.importorskip("torch")


def leaves(batch: Any) -> list[Any]:
    found: list[Any] = []
    over_leaves(found.append, batch)
    return found


DTYPES = ["u1", "i2", ">i4", "i8", "f2", "f4", ">f8", "c8", "?"]
SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DTYPES), SHAPES), min_size=1, max_size=5))
def test_a_staged_batch_equals_its_arrays(kinds: list[tuple[str, tuple[int, ...]]]) -> None:
    rng = np.random.default_rng(len(kinds))
    batch = [rng.integers(0, 100, shape).astype(dtype) for dtype, shape in kinds]
    staged = Staging(is_pinned=False).filled(batch)
    for tensor, wanted in zip(staged, to_torch(batch), strict=True):
        assert tensor.dtype == wanted.dtype
        assert tensor.shape == wanted.shape
        assert torch.equal(tensor, wanted)


def test_leaves_lie_side_by_side_in_one_buffer_where_every_dtype_may() -> None:
    staging = Staging(is_pinned=False)
    staged = leaves(
        staging.filled({"a": np.ones(3, np.uint8), "b": np.ones(2), "c": np.float32(1)})
    )
    first = staged[0].data_ptr()
    assert [one.data_ptr() - first for one in staged] == [0, ALIGNED, 2 * ALIGNED]


def test_views_that_torch_does_not_know_are_staged() -> None:
    flipped = np.arange(6).reshape(2, 3)[::-1, ::-1]
    frozen = np.arange(3, dtype=np.float32)
    frozen.flags.writeable = False
    small = np.arange(2).astype(ml_dtypes.bfloat16)
    staged = Staging(is_pinned=False).filled([flipped, frozen, small])
    assert staged[0].tolist() == flipped.tolist()
    assert staged[1].tolist() == [0, 1, 2]
    assert staged[2].dtype == torch.bfloat16
    assert staged[2].tolist() == [0, 1]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_tensors_of_the_cpu_are_staged_and_all_else_stays() -> None:
    sparse = torch.eye(2).to_sparse()
    ragged = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.strided)
    words, times = np.array(["a"]), np.array(["2026-11-21"], "M8[D]")
    batch: dict[str, Any] = {
        "t": torch.arange(4).reshape(2, 2).T,
        "s": sparse,
        "r": ragged,
        "w": words,
        "d": times,
        "n": 3,
    }
    staging = Staging(is_pinned=False)
    staged = staging.filled(batch)
    assert staged["t"].tolist() == [[0, 2], [1, 3]]
    assert staged["t"].data_ptr() != batch["t"].data_ptr()
    assert all(staged[key] is batch[key] for key in "srwdn")


def test_a_buffer_is_kept_while_batches_fit_and_grows_for_a_larger_one() -> None:
    staging = Staging(is_pinned=False)
    places = []
    for size in (100, 100, 50, 5_000, 100):
        [tensor] = staging.filled([np.full(size, size)])
        assert tensor.tolist() == [size] * size
        places.append(tensor.data_ptr())
    assert places[0] == places[1] == places[2]
    assert places[3] == places[4]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there it can be locked")
def test_memory_that_cannot_be_locked_says_so_each_time() -> None:
    staging = Staging(is_pinned=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"[Aa]ccelerator|CUDA"):
            staging.filled([np.ones(3)])


def test_a_buffer_waits_for_its_copy_before_it_is_filled_again() -> None:
    told: list[str] = []

    class Event:
        def synchronize(self) -> None:
            told.append(f"waited while it held {tensor.tolist()}")

    staging = Staging(is_pinned=False)
    [tensor] = staging.filled([np.arange(2)])
    staging.copied_at(Event())
    staging.filled([np.array([7, 7])])
    staging.filled([np.array([8, 8])])
    assert told == ["waited while it held [0, 1]"]
    assert tensor.tolist() == [8, 8]
