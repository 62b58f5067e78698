"""`collate`: lists of records made into batches."""

from __future__ import annotations

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage


def test_collate_conforms() -> None:
    check_stage(
        lambda stream: stream.map(lambda x: [x, x + 1]).collate(),
        lambda records: (np.array([x, x + 1]) for x in records),
    )


def test_collate_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 2 == 0).batch(2, collate="list").collate(lambda b: sum(b))
        ),
        None,
    )
    even = hr.stream(range(8)).filter(lambda x: x % 2 == 0).batch(2, collate="list")
    assert even.collate(sum).collect() == [2, 10]


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ArgumentError, match="collate must be 'stack', 'pad', 'ragged', 'list'"):
        hr.stream([[1]]).collate("heap")  # type: ignore[arg-type]
