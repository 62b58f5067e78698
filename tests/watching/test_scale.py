"""The estimate of bytes: exact where it can be, near where only a share is weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import columns_of
from headrace.watching import Scale

FAST = 16_000.0


def passed(scale: Scale, records: list[bytes]) -> int:
    """Lets records pass one by one; gives how many were weighed."""
    weighed = 0
    for record in records:
        scale.count += 1
        if scale.count == scale.next:
            scale.weigh(record)
            weighed += 1
    return weighed


@given(st.lists(st.integers(0, 100), max_size=50), st.lists(st.integers(1, 9), min_size=1))
def test_slow_records_are_weighed_each(sizes: list[int], cuts: list[int]) -> None:
    records = [bytes(size) for size in sizes]
    single, blocks = Scale(), Scale()
    assert passed(single, records) == len(records)
    while records:
        blocks.add(records[: cuts[0]])
        records, cuts = records[cuts[0] :], [*cuts[1:], cuts[0]]
    assert single.size_bytes == blocks.size_bytes == sum(sizes)
    assert single.count == blocks.count == len(sizes)


@given(st.floats(0, 1e7), st.integers(1, 2000), st.booleans())
def test_records_of_one_size_give_the_exact_sum(
    a_second: float, count: int, is_block: bool
) -> None:
    scale = Scale()
    scale.tune(a_second)
    if is_block:
        scale.add([b"seven b"] * count)
    else:
        passed(scale, [b"seven b"] * count)
    assert scale.size_bytes == pytest.approx(7 * count)


@pytest.mark.parametrize("period", [1, 2, 16, 31, 32])
def test_sizes_that_repeat_do_not_fool_it(period: int) -> None:
    records = [bytes(1000 if k % period == 0 else 10) for k in range(100_000)]
    truth = sum(map(len, records))
    scale = Scale()
    scale.tune(FAST)
    weighed = passed(scale, records)
    assert 4_000 < weighed < 9_000, "one in sixteen of 100,000"
    spread = float(np.std([len(record) for record in records])) / (truth / len(records))
    # Four standard errors, as the docstring of Scale gives them.
    assert abs(scale.size_bytes / truth - 1) <= 4 * 1.2 * spread / weighed**0.5


def test_columns_of_arrays_are_exact_and_left_alone() -> None:
    columns = columns_of({"x": np.zeros((1000, 4), np.float32), "y": np.arange(1000)})
    leaves = list(columns.leaves)
    scale = Scale()
    scale.tune(FAST)
    scale.add(columns)
    scale.add(columns[:10])
    assert scale.size_bytes == pytest.approx(1010 * 24)
    assert all(one is other for one, other in zip(columns.leaves, leaves, strict=True))


def test_columns_that_hold_texts_are_weighed_by_rows() -> None:
    texts = ["x" * (k % 50) for k in range(5000)]
    scale = Scale()
    scale.tune(FAST)
    scale.add(columns_of({"id": np.arange(5000), "text": texts}))
    assert scale.size_bytes == pytest.approx(sum(map(len, texts)) + 8 * 5000, rel=0.1)


def test_a_stream_that_slows_down_is_weighed_again_at_once() -> None:
    scale = Scale()
    scale.tune(1e9)
    passed(scale, [b"x"] * 1000)
    scale.tune(1.0)
    assert passed(scale, [bytes(100)] * 3) == 3


def test_nothing_is_weighed_where_nobody_asked() -> None:
    scale = Scale(is_weighing=False)
    scale.tune(1.0)
    assert passed(scale, [b"x"] * 10) == 0
    scale.add([b"x"])
    scale.add(columns_of({"x": np.arange(3)}))
    assert (scale.count, scale.size_bytes) == (14, 0.0)
