"""The conformance suite of blocks: lists of records and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.contracts import Block, Columns, rows, stack
from headrace.testing.stages import repr_of

# Any, in this file: the suite runs on records of every type.


def check_block(block: Block[Any], expected: Sequence[Any]) -> None:
    """Checks that a block is a sequence of the expected records, whole and cut.

    Columns must give the same records by index, by slice and as rows, and stack to the batch
    that the single records make.

    Raises:
        AssertionError: what does not hold, and where.

    Example:
        >>> import numpy as np
        >>> from headrace.contracts import columns_of
        >>> from headrace.testing import check_block
        >>> check_block(columns_of({"x": np.arange(2)}), [{"x": np.int64(0)}, {"x": np.int64(1)}])
    """
    texts = [repr_of(record) for record in expected]
    count = len(texts)
    assert len(block) == count, f"{len(block)} records instead of {count}"
    assert [repr_of(record) for record in rows(block)] == texts, "rows differ"
    assert [repr_of(record) for record in block] == texts, "iteration differs"
    for index in range(-count, count):
        assert repr_of(block[index]) == texts[index], f"record {index} differs"
    for start, stop in ((0, count), (1, count), (0, max(0, count - 1)), (count // 2, count // 2)):
        part = [repr_of(record) for record in rows(block[start:stop])]
        assert part == texts[start:stop], f"records {start} to {stop} differ"
    if isinstance(block, Columns) and count:
        whole, single = repr_of(block.stack()), repr_of(stack(list(expected)))
        assert whole == single, f"the batch {whole} is not that of the records, {single}"
