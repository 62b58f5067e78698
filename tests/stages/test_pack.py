"""What both ways to pack share: their arguments, and the sequences that they take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError

# Any, in this file: records of every type.
SPLIT: dict[str, Any] = {"mode": "split", "separator": 0}
WAYS: list[dict[str, Any]] = [{}, SPLIT]


def tokens(stream: Any) -> list[list[int]]:
    return [row["tokens"].tolist() for row in stream.collect()]


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
def test_rows_have_three_arrays_of_one_length(way: dict[str, Any]) -> None:
    row = hr.stream([np.array([7, 8], np.uint16)]).pack(5, **way).collect()[0]
    assert {name: (array.shape, str(array.dtype)) for name, array in row.items()} == {
        "tokens": ((5,), "uint16"),
        "segment_ids": ((5,), "int32"),
        "positions": ((5,), "int32"),
    }


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
def test_lists_fields_and_sequences_of_nothing_are_taken(way: dict[str, Any]) -> None:
    lists = hr.stream([[7], [], [8]]).pack(4, **way)
    arrays = hr.stream([{"x": np.array(x, np.int64), "n": 1} for x in ([7], [], [8])])
    assert tokens(lists) == tokens(arrays.pack(4, field="x", **way))
    assert tokens(lists) == ([[7, 0, 8, 0]] if way else [[7, 8, 0, 0]])
    assert tokens(hr.stream([[], []]).pack(4, **way)) == []
    assert tokens(hr.stream([]).pack(4, **way)) == []


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
@pytest.mark.parametrize(
    ("record", "what"),
    [
        (np.ones((2, 2), np.int64), r"shape \(2, 2\) of int64"),
        (np.ones(2), r"shape \(2,\) of float64"),
        ([1.5, 2.0], r"shape \(2,\) of float64"),
        ([True], r"shape \(1,\) of bool"),
        ([[1], [2, 3]], "a list"),
        ("text", "a str"),
        ({"x": [1]}, r"a dict with the keys \['x'\]"),
    ],
)
def test_what_is_no_sequence_of_integers_is_refused(
    way: dict[str, Any], record: Any, what: str
) -> None:
    with pytest.raises(RecordError, match=rf"pack needs sequences of tokens, got {what}.*field="):
        hr.stream([record]).pack(4, **way).collect()


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
def test_a_field_that_is_not_there_is_refused(way: dict[str, Any]) -> None:
    for record, what in (({"y": [1]}, r"a dict with the keys \['y'\]"), ([1], "a list")):
        with pytest.raises(RecordError, match=rf"the field 'x', got {what}.*Name the field"):
            hr.stream([record]).pack(4, field="x", **way).collect()


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
def test_sequences_of_different_dtypes_are_refused(way: dict[str, Any]) -> None:
    records = [np.array([1], np.int32), np.array([2], np.int64)]
    with pytest.raises(RecordError, match=r"different dtypes into one row: int32, int64.*Convert"):
        hr.stream(records).pack(6, **way).collect()


def test_masked_tokens_are_refused() -> None:
    with pytest.raises(ArgumentError, match="a plain array was expected, got a masked one"):
        hr.stream([np.ma.masked_array([1, 2], mask=[False, True])]).pack(4).collect()


@pytest.mark.parametrize("way", WAYS, ids=["first_fit", "split"])
@pytest.mark.parametrize("bad", [0, -1, 1.5])
def test_a_length_below_one_is_refused(way: dict[str, Any], bad: Any) -> None:
    with pytest.raises(ArgumentError, match="the length of packed rows must be .* Give the number"):
        hr.stream([[1]]).pack(bad, **way)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="pack's mode must be .* got 'fit'. Did .*'first_fit'"):
        hr.stream([[1]]).pack(4, mode="fit")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="overflow must say .* got 'cut'. Did you .*'split'"):
        hr.stream([[1]]).pack(4, overflow="cut")  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, -1, 1.5])
def test_a_window_below_one_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="the window of pack must be .* such as 1024"):
        hr.stream([[1]]).pack(4, window=bad)


def test_a_separator_belongs_to_split_alone() -> None:
    with pytest.raises(
        ArgumentError, match=r'"split"\) got no separator. .* Pass it as separator='
    ):
        hr.stream([[1]]).pack(4, mode="split")
    with pytest.raises(ArgumentError, match="was given the separator 0. It joins nothing.*Leave"):
        hr.stream([[1]]).pack(4, separator=0)
    with pytest.raises(ArgumentError, match="the separator of pack must be .* got 'x'"):
        hr.stream([[1]]).pack(4, mode="split", separator="x")  # type: ignore[arg-type]


def test_a_separator_that_the_tokens_cannot_hold_is_refused() -> None:
    stream = hr.stream([np.array([1], np.uint8)]).pack(4, mode="split", separator=256)
    with pytest.raises(RecordError, match="the separator 256 .* of uint8, which end at 255. Conv"):
        stream.collect()
