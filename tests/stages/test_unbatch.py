"""`unbatch`: the records of each batch."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage, repr_of

Pair = namedtuple("Pair", ["x", "y"])


def test_unbatch_conforms() -> None:
    check_stage(lambda stream: stream.batch(3, collate="list").unbatch(), iter, slack=3)


def test_unbatch_after_a_late_batch_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).batch(2, collate="list").unbatch(),
        lambda records: (x for x in records if x % 3),
        slack=3,
    )


@pytest.mark.parametrize(
    "records",
    [
        [{"x": np.arange(2), "s": "a"}, {"x": np.arange(2), "s": "b"}],
        [(np.float32(1), "a"), (np.float32(2), "b"), (np.float32(3), "c")],
        [Pair(np.int8(1), np.ones((2, 2))), Pair(np.int8(2), np.zeros((2, 2)))],
        ["a", "b", "c"],
    ],
)
def test_unbatch_undoes_stack(records: list[object]) -> None:
    again = hr.stream(records).batch(2).unbatch().collect()
    assert repr_of(again) == repr_of(records)


def test_leaves_of_different_length_are_no_batch() -> None:
    batch = {"x": np.arange(2), "y": np.arange(3)}
    with pytest.raises(ArgumentError, match="columns must have one common length, got {'x': 2"):
        hr.stream([batch]).unbatch().collect()


def test_a_number_is_no_batch() -> None:
    with pytest.raises(ArgumentError, match="a column must have a first axis, got a single number"):
        hr.stream([5]).unbatch().collect()
