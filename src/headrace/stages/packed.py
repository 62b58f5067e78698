"""Rows of fixed length out of sequences of tokens: what both ways to pack have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import RecordError
from headrace.contracts.stacking import refuse_mask

# Any: tokens are integers of every width. Shape (n,).
Tokens: TypeAlias = "npt.NDArray[Any]"
# One row: "tokens", "segment_ids" and "positions".
Row: TypeAlias = "dict[str, npt.NDArray[Any]]"


def tokens_of(record: Any, field: str | None) -> Tokens:  # Any: the user's record
    """The sequence in a record, as an array.

    Raises:
        RecordError: it has no such field, or that is no sequence of integers.
    """
    if field is not None:
        if not isinstance(record, dict) or field not in record:
            raise RecordError(
                f"pack was asked for the field {field!r}, got {_shown(record)}. Records that are "
                "dicts with this key were expected. Name the field that holds the tokens."
            )
        record = record[field]
    tokens = _as_array(record)
    if tokens is not None and tokens.ndim == 1 and tokens.dtype.kind in "iu":
        return tokens
    what = _shown(record) if tokens is None else f"shape {tokens.shape} of {tokens.dtype}"
    raise RecordError(
        f"pack needs sequences of tokens, got {what}. A 1-D array or a list of integers was "
        "expected. Make it one with .map; of records that are dicts, name the field=."
    )


def packed(rows: Sequence[Sequence[Tokens]], length: int) -> list[Row]:
    """Each row's sequences one after the other, filled up with zeros to `length`.

    **Shape**: all three (length,): "tokens" of the sequences' dtype, "segment_ids" int32 that
    count a row's sequences from 1, "positions" int32 inside each; 0 where there is no token.

    Raises:
        RecordError: sequences differ in their dtype.
    """
    if not rows:
        return []
    dtype = _dtype_of([sequence.dtype for row in rows for sequence in row])
    filling = np.zeros(length, dtype=dtype)
    pieces: list[Tokens] = []
    segments: list[int] = []
    for row in rows:
        pieces += row
        segments += range(1, len(row) + 1)
        pieces.append(filling[sum(map(len, row)) :])
        segments.append(0)
    sizes = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
    segment_ids = np.repeat(np.array(segments, dtype=np.int32), sizes)
    begins = np.repeat((np.cumsum(sizes) - sizes).astype(np.int32), sizes)
    positions = np.arange(len(rows) * length, dtype=np.int32) - begins
    positions[segment_ids == 0] = 0
    shape = len(rows), length
    columns = {
        "tokens": np.concatenate(pieces).reshape(shape),
        "segment_ids": segment_ids.reshape(shape),
        "positions": positions.reshape(shape),
    }
    return [{name: column[k] for name, column in columns.items()} for k in range(len(rows))]


def _as_array(value: Any) -> Tokens | None:  # Any: the user's value
    if isinstance(value, np.ndarray):
        refuse_mask(value)
        return value
    if not isinstance(value, list):
        return None
    try:
        # NumPy takes a list of nothing for one of floats.
        return np.asarray(value, dtype=None if value else np.int64)
    except ValueError:
        return None


def _dtype_of(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:  # Any: of tokens
    if len(set(dtypes)) > 1:
        names = ", ".join(sorted({str(dtype) for dtype in dtypes}))
        raise RecordError(
            f"cannot pack sequences of different dtypes into one row: {names}. One dtype was "
            "expected. Convert them with .map before .pack; lists of integers are int64."
        )
    return dtypes[0]


def _shown(value: Any) -> str:  # Any: the user's value
    keys = f" with the keys {list(value)}" if isinstance(value, dict) else ""
    return f"a {type(value).__name__}{keys}"
