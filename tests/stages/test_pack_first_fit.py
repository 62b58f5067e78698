"""`pack(mode="first_fit")`: whole sequences in rows, against brute force."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import RecordError
from headrace.stages.pack_first_fit import first_fit
from headrace.testing import check_stage

# Any, in this file: rows of arrays.


def sequence(x: int) -> Any:
    """A sequence of 0 to 6 tokens that nothing else has."""
    return np.arange(x * 10 + 1, x * 10 + 1 + x * 5 % 7)


def placed(sizes: list[int], room: int) -> list[int]:
    """First-fit decreasing as its definition says it."""
    left: list[int] = []
    rows = [0] * len(sizes)
    for size, place in sorted((-size, place) for place, size in enumerate(sizes)):
        size = -size
        row = next((k for k, free in enumerate(left) if free >= size), len(left))
        if row == len(left):
            left.append(room)
        left[row] -= size
        rows[place] = row
    return rows


@pytest.mark.parametrize("window", [1, 4, 100])
def test_pack_conforms(window: int) -> None:
    check_stage(lambda stream: stream.map(sequence).pack(9, window=window))


def test_pack_after_a_filter_and_beside_the_consumer_conforms() -> None:
    check_stage(lambda s: s.filter(lambda x: x % 3).map(sequence).pack(7, window=5))
    check_stage(lambda s: s.filter(bool).skip(1).map(sequence).pack(7, window=5))
    check_stage(
        lambda s: s.map(sequence).pack(4, window=5, overflow="split").map(lambda row: row["tokens"])
    )


@given(st.lists(st.integers(1, 20), max_size=60))
def test_first_fit_is_its_definition(sizes: list[int]) -> None:
    assert first_fit(sizes, 20) == placed(sizes, 20)


def test_first_fit_knows_rows_of_any_length() -> None:
    assert first_fit([1, 2**40, 2**40 - 1], 2**40) == [1, 0, 1]


@given(
    st.lists(st.integers(0, 12), max_size=40), st.integers(1, 9), st.integers(1, 15), st.booleans()
)
def test_no_token_is_lost_and_rows_are_those_of_brute_force(
    sizes: list[int], length: int, window: int, are_lists: bool
) -> None:
    numbers = iter(range(1, 10**6))
    records: list[list[int]] = [[next(numbers) for _ in range(size)] for size in sizes]
    source: Any = records if are_lists else [np.array(r, np.int64) for r in records]
    rows = iter(hr.stream(source).pack(length, window=window, overflow="split").collect())
    for start in range(0, len(records), window):
        parts = [
            record[k : k + length]
            for record in records[start : start + window]
            for k in range(0, len(record), length)
        ]
        numbered = placed([len(part) for part in parts], length)
        used: list[int] = []
        for number in dict.fromkeys(numbered):
            inside = [part for part, k in zip(parts, numbered, strict=True) if k == number]
            row = next(rows)
            check_row(row, inside, length)
            used.append(int((row["segment_ids"] > 0).sum()))
        # What two rows hold would not fit one: the bound on padding of every first-fit.
        assert all(a + b > length for a, b in combinations(used, 2))
    assert next(rows, None) is None


def check_row(row: Any, parts: list[list[int]], length: int) -> None:
    padding = [0] * (length - sum(map(len, parts)))
    assert row["tokens"].tolist() == list(chain.from_iterable(parts)) + padding
    ids = [k for k, part in enumerate(parts, 1) for _ in part]
    assert row["segment_ids"].tolist() == ids + padding
    assert row["positions"].tolist() == [k for part in parts for k in range(len(part))] + padding


def test_rows_are_batched_like_other_records() -> None:
    batch: Any = hr.stream([[1, 2], [3], [4, 5, 6]]).pack(3).batch(2).collect()[0]
    assert batch["tokens"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_sequence_longer_than_a_row_is_refused_with_stage_and_positions() -> None:
    with pytest.raises(RecordError, match="5 tokens for rows of 4. .* overflow='split'") as caught:
        hr.stream([[1]] * 4 + [[1] * 5]).pack(4, window=2).collect()
    assert "in pack(4, window=2, overflow=raise) over" in caught.value.__notes__[0]
    assert "positions 4 to 5" in caught.value.__notes__[0]


def test_padding_of_texts_is_below_one_percent_at_the_default_window() -> None:
    sizes = np.random.default_rng(0).lognormal(5.5, 1.0, 4_096).astype(int).clip(1, 2_048)
    stream = hr.stream([np.ones(size, np.int32) for size in sizes]).pack(2_048)
    assert sizes.sum() / (2_048 * stream.join()) > 0.99
