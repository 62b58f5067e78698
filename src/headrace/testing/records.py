"""The conformance suite of random access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cloudpickle
import numpy as np

from headrace.contracts import Records, rows
from headrace.dataref import DataRef
from headrace.testing.stages import repr_of

# Any, in this file: the suite runs on records of every type.


def check_records(records: Records[Any], expected: Sequence[Any]) -> None:
    """Checks that `records` give what a list would, in any order, with repeats.

    Raises:
        AssertionError: what does not hold, and where.

    Example:
        >>> from headrace.sources import SequenceRecords
        >>> from headrace.testing import check_records
        >>> check_records(SequenceRecords(["a", "b"]), ["a", "b"])
    """
    count = len(expected)
    assert len(records) == count, f"{len(records)} records instead of {count}"
    texts = [repr_of(record) for record in expected]
    chance = np.random.default_rng(0)
    asked = [np.empty(0, dtype=np.int64), np.arange(count), np.arange(count)[::-1]]
    if count:
        asked += [chance.integers(0, count, size) for size in (1, 2, 3 * count)]
    for indices in asked:
        given = [repr_of(record) for record in rows(records.read(indices))]
        assert given == [texts[i] for i in indices.tolist()], f"read({indices.tolist()}): {given}"
    again = cloudpickle.loads(cloudpickle.dumps(records))
    assert [repr_of(record) for record in DataRef(again).stream()] == texts, "after pickling"
    shuffled = DataRef(records).shuffle(seed=5)
    parts = [list(map(repr_of, shuffled.shard(rank, 3).stream())) for rank in range(3)]
    assert sorted(text for part in parts for text in part) == sorted(texts), (
        "three ranks do not see each record once"
    )
