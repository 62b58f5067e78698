"""Stacking, padding and unstacking: shapes, dtypes, and what cannot be stacked."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from headrace.contracts import Columns, columns_of, pad, stack, unstack
from headrace.contracts.collate import ragged
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.stacking import Padding
from headrace.testing import repr_of

# Any, in this file: records of every type.
Pair = namedtuple("Pair", ["x", "y"])


@pytest.mark.parametrize(
    ("records", "batch"),
    [
        ([1, 2], np.array([1, 2])),
        ([1.5, 2.0], np.array([1.5, 2.0])),
        ([True, False], np.array([True, False])),
        ([np.float16(1), np.float16(2)], np.array([1, 2], dtype=np.float16)),
        ([np.ones(2, "i1"), np.ones(2, "i1")], np.ones((2, 2), "i1")),
        (["a", "b"], ["a", "b"]),
        ([b"a", None], [b"a", None]),
        ([1, 2.5], [1, 2.5]),
        ([np.str_("a"), np.str_("bcd")], np.array(["a", "bcd"])),
        (
            [{"x": 1, "y": ("a", 2)}] * 2,
            {"x": np.array([1, 1]), "y": (["a", "a"], np.array([2, 2]))},
        ),
        ([Pair(1, "a")] * 2, Pair(np.array([1, 1]), ["a", "a"])),
    ],
)
def test_stack_keeps_the_tree_and_stacks_each_leaf(records: Any, batch: Any) -> None:
    assert repr_of(stack(records)) == repr_of(batch)


def test_times_of_different_units_keep_their_precision() -> None:
    day, second = np.datetime64("2026-01-01"), np.datetime64("2026-01-01T00:00:07")
    assert stack([day, second])[1] == second


def test_small_floats_keep_their_dtype() -> None:
    values = [ml_dtypes.bfloat16(1), ml_dtypes.bfloat16(2)]
    assert stack(values).dtype == ml_dtypes.bfloat16


def test_torch_tensors_are_stacked_into_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    batch = stack([{"x": torch.ones(2)}, {"x": torch.zeros(2)}])
    assert isinstance(batch["x"], torch.Tensor)
    assert batch["x"].tolist() == [[1, 1], [0, 0]]


def test_records_of_different_structure_show_both() -> None:
    with pytest.raises(RecordError, match=r"different structure: {'x': \*} and {'y': \*}.*\.map"):
        stack([{"x": 1}, {"y": 1}])


def test_no_records_make_no_batch() -> None:
    with pytest.raises(RecordError, match="cannot make a batch of no records. Ask for at least"):
        stack([])


@pytest.mark.parametrize("name", ["a.b", "the record"])
def test_ragged_arrays_name_their_leaf(name: str) -> None:
    arrays = [np.ones(2), np.ones((3, 1))]
    records: list[Any] = [{"a": {"b": array}} for array in arrays] if name == "a.b" else arrays
    message = rf"cannot stack the arrays of '{name}': their shapes differ \(\(2,\), \(3, 1\)\).*pad"
    with pytest.raises(RecordError, match=message):
        stack(records)
    with pytest.raises(RecordError, match=rf"cannot pad the arrays of '{name}': .* \(1, 2\)"):
        pad(records)


def test_an_array_beside_something_else_is_refused() -> None:
    with pytest.raises(RecordError, match=r"their shapes differ \(\(2,\), None\)"):
        stack([np.ones(2), None])
    with pytest.raises(RecordError, match=r"numbers of axes differ \(1, None\)"):
        pad([np.ones(2), None])


def test_pad_fills_up_with_zeros_and_loses_no_precision() -> None:
    padded = pad([{"x": np.array([1, 2])}, {"x": np.array([0.5])}])["x"]
    assert repr_of(padded) == repr_of(np.array([[1, 2], [0.5, 0]]))
    square = pad([np.ones((1, 2)), np.ones((2, 1))])
    assert square.tolist() == [[[1, 1], [0, 0]], [[1, 0], [1, 0]]]
    assert pad(["a", "b"]) == ["a", "b"]


def test_pad_of_columns_takes_ragged_leaves_apart_only() -> None:
    columns = columns_of({"x": [np.ones(1), np.ones(2)], "y": np.arange(2)})
    assert pad(columns)["x"].tolist() == [[1, 0], [1, 1]]
    plain = columns_of({"y": np.arange(2)})
    assert pad(plain)["y"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "records",
    [
        [{"x": np.float32(1), "s": "a"}, {"x": np.float32(2), "s": "b"}],
        [(np.ones(2), None), (np.zeros(2), None)],
        [Pair(np.int8(1), b"a"), Pair(np.int8(2), b"b")],
    ],
)
def test_unstack_undoes_stack(records: Any) -> None:
    assert repr_of(unstack(stack(records))) == repr_of(records)


def test_columns_need_one_length_and_a_first_axis() -> None:
    with pytest.raises(ArgumentError, match=r"one common length, got {'x': 2, 'y': 3}. Cut them"):
        columns_of({"x": np.arange(2), "y": np.arange(3)})
    with pytest.raises(ArgumentError, match="a column must have a first axis, got a single number"):
        columns_of({"x": 5})
    assert isinstance(columns_of([1, 2]), Columns)


def test_masked_arrays_are_refused_before_their_masks_are_lost() -> None:
    masked = np.ma.masked_array(np.arange(3), mask=[False, True, False])
    message = r"a plain array was expected, got a masked one of shape \(3,\).*Pass .filled"
    with pytest.raises(ArgumentError, match=message):
        stack([{"x": masked}, {"x": masked}])
    with pytest.raises(ArgumentError, match=message):
        pad([masked, masked])
    with pytest.raises(ArgumentError, match=message):
        columns_of({"x": masked})


def test_columns_of_nothing_are_refused() -> None:
    with pytest.raises(ArgumentError, match="columns need an array at least, got {}.*Pass arrays"):
        columns_of({})


def test_ragged_joins_arrays_and_says_where_each_begins() -> None:
    batch = ragged([{"x": np.arange(n, dtype=np.int16), "n": n, "s": "a"} for n in (2, 0, 3)])
    assert repr_of(batch) == repr_of(
        {
            "x": {
                "values": np.array([0, 1, 0, 1, 2], dtype=np.int16),
                "offsets": np.array([0, 2, 2, 5]),
            },
            "n": np.array([2, 0, 3]),
            "s": ["a", "a", "a"],
        }
    )


def test_ragged_has_the_same_structure_whatever_the_lengths_are() -> None:
    one, equal = ragged([np.ones((2, 3))]), ragged([np.ones((2, 3))] * 2)
    assert one["offsets"].tolist() == [0, 2]
    assert equal["offsets"].tolist() == [0, 2, 4]
    assert equal["values"].shape == (4, 3)
    assert repr_of(ragged(columns_of({"x": np.ones((2, 3))}))["x"]) == repr_of(
        ragged([{"x": np.ones(3)}] * 2)["x"]
    )


def test_arrays_without_axes_are_stacked_by_each_way() -> None:
    records = [np.array(1), np.array(2)]
    for join in (stack, pad, ragged):
        assert join(records).tolist() == [1, 2]


def test_arrays_that_differ_in_more_than_their_length_cannot_be_joined() -> None:
    with pytest.raises(RecordError, match=r"cannot join the arrays of 'x': beside .* \(\(2,\), \("):
        ragged([{"x": np.ones((1, 2))}, {"x": np.ones((1, 3))}])
    with pytest.raises(RecordError, match=r"cannot join the arrays of 'x': their numbers of axes"):
        ragged([{"x": np.ones(1)}, {"x": np.ones((1, 3))}])
    with pytest.raises(ArgumentError, match="a plain array was expected, got a masked one"):
        ragged([np.ma.masked_array([1], mask=[True])])


def test_lists_of_numbers_are_padded_and_joined_as_arrays_whatever_their_lengths() -> None:
    records: list[Any] = [{"t": [1, 2], "s": ["a"]}, {"t": [], "s": ["b"]}]
    padded = {"t": np.array([[1, 2], [0, 0]]), "s": [["a", "b"]]}
    assert repr_of(pad(records)) == repr_of(padded)
    parts = {"values": np.array([1, 2]), "offsets": np.array([0, 2, 2])}
    assert repr_of(ragged(records)["t"]) == repr_of(parts)
    assert ragged([([1],), ([2],)])[0]["offsets"].tolist() == [0, 1, 2]


def test_a_message_about_structure_stays_short() -> None:
    with pytest.raises(RecordError, match=r"\.\.\. and \[\]. Make .* by np.asarray") as raised:
        stack([[1] * 5000, []])
    assert len(str(raised.value)) < 500


def test_torch_tensors_are_padded_and_joined_as_tensors() -> None:
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor([1, 2]), torch.tensor([3], dtype=torch.int32)]
    assert repr_of(pad(tensors)) == repr_of(torch.tensor([[1, 2], [3, 0]]))
    assert pad(tensors, Padding(-1, multiple_of=3)).tolist() == [[1, 2, -1], [3, -1, -1]]
    joined = ragged([{"x": tensor} for tensor in tensors])["x"]
    assert joined["values"].tolist() == [1, 2, 3]
    assert joined["offsets"].tolist() == [0, 2, 3]
    with pytest.raises(RecordError, match=r"with 0.5: their dtype torch.int64 cannot hold it"):
        pad(tensors, Padding(0.5))
    with pytest.raises(RecordError, match=r"cannot stack .* shapes differ \(\(1,\), \(2,\)\)"):
        stack(tensors)
