"""The conformance suite of blocks passes true ones and finds broken ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Columns, columns_of
from headrace.testing import check_block

RECORDS = [{"x": np.arange(3) + n, "y": (n, "a" * n)} for n in range(5)]


def test_lists_and_stored_columns_conform() -> None:
    check_block(list(range(4)), range(4))
    ref = hr.Storage("memory://").submit(RECORDS, "records", "1.0")
    for indices in (range(5), [4, 0, 0], []):
        block: Any = ref.read(list(indices))
        check_block(block, [RECORDS[index] for index in indices])


@pytest.mark.parametrize(
    ("leaf", "length", "message"),
    [
        ([1, 2], 3, "3 records instead of 2"),
        ([2, 1], 2, "rows differ"),
    ],
    ids=["length", "order"],
)
def test_broken_columns_are_found(leaf: list[int], length: int, message: str) -> None:
    broken: Columns[Any] = Columns(columns_of([1, 2]).layout, [leaf], length)
    with pytest.raises(AssertionError, match=message):
        check_block(broken, [1, 2])
