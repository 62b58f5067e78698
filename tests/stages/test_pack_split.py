"""`pack(mode="split")`: documents joined and cut, against brute force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.testing import check_stage

# Any, in this file: rows of arrays.
SEPARATOR = 999


def document(x: int) -> Any:
    """A document of 0 to 6 tokens that nothing else has."""
    return np.arange(x * 10 + 1, x * 10 + 1 + x * 5 % 7)


def split(documents: Iterator[Any], length: int) -> Iterator[dict[str, Any]]:
    """The rows, token by token, as lazily as it can."""
    row: list[tuple[int, int, int]] = []
    for tokens in documents:
        joined = [*tokens, SEPARATOR] if len(tokens) else []
        segment, begin = (row[-1][1] + 1 if row else 1), 0
        for place, token in enumerate(joined):
            row.append((int(token), segment, place - begin))
            if len(row) == length:
                yield as_row(row, length)
                row, segment, begin = [], 1, place + 1
    if row:
        yield as_row(row, length)


def as_row(row: list[tuple[int, int, int]], length: int) -> dict[str, Any]:
    filled = np.array(row + [(0, 0, 0)] * (length - len(row)))
    tokens, segments, places = filled.T
    return {
        "tokens": tokens.copy(),
        "segment_ids": segments.astype(np.int32),
        "positions": places.astype(np.int32),
    }


@pytest.mark.parametrize("length", [1, 3, 8, 200])
def test_split_conforms(length: int) -> None:
    check_stage(
        lambda s: s.map(document).pack(length, mode="split", separator=SEPARATOR),
        lambda records: split(map(document, records), length),
    )


def test_split_after_a_filter_conforms() -> None:
    check_stage(
        lambda s: (
            s.filter(lambda x: x % 3).map(document).pack(4, mode="split", separator=SEPARATOR)
        ),
        lambda records: split((document(x) for x in records if x % 3), 4),
    )


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 9), st.integers(1, 4))
def test_no_token_is_lost_and_only_the_last_row_is_padded(
    sizes: list[int], length: int, portion: int
) -> None:
    numbers = iter(range(1_000, 10**6))
    documents = [[next(numbers) for _ in range(size)] for size in sizes]
    stream = hr.stream(documents).pack(length, mode="split", separator=SEPARATOR)
    with hr.DataLoader(stream.batch(portion, collate="list")) as loader:
        rows: list[Any] = [row for batch in loader for row in batch]
    joined = [token for one in documents if one for token in [*one, SEPARATOR]]
    found = [token for row in rows for token in row["tokens"].tolist()]
    assert found == joined + [0] * (-len(joined) % length)
    expected = list(split(iter(documents), length))
    for row, other in zip(rows, expected, strict=True):
        assert all(np.array_equal(row[name], other[name]) for name in row)


def test_a_failing_document_resumes_at_the_row_that_it_was_wanted_for() -> None:
    is_failing = [True]

    def step(x: int) -> Any:
        if x == 4 and is_failing:
            is_failing.pop()
            raise ValueError("four")
        return document(x)

    def stream() -> Any:
        return hr.stream(range(9)).map(step).pack(5, mode="split", separator=SEPARATOR)

    loader = hr.DataLoader(stream())
    found: list[Any] = []
    with pytest.raises(ValueError, match="four"):
        found.extend(loader)
    loader.load_state_dict(loader.state_dict())
    found += list(loader)
    whole = stream().collect()
    assert [row["tokens"].tolist() for row in found] == [row["tokens"].tolist() for row in whole]


def test_documents_longer_than_many_rows_are_cut() -> None:
    rows = hr.stream([list(range(1, 8))]).pack(3, mode="split", separator=SEPARATOR).collect()
    assert [row["tokens"].tolist() for row in rows] == [[1, 2, 3], [4, 5, 6], [7, SEPARATOR, 0]]
    assert [row["positions"].tolist() for row in rows] == [[0, 1, 2], [0, 1, 2], [0, 1, 0]]
