"""Data frames of pandas and Polars as Arrow tables."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from headrace.contracts.errors import ArgumentError, RecordError
from headrace.deferred import pyarrow as pa

# Any, in this file: data frames are of packages that the core does not import.


def table_of_pandas(frame: Any) -> pa.Table:
    """A pandas data frame as a table.

    The index is left out, but levels of it that have a name become columns. NaN among floats stays
    NaN; what is missing among text, dates, categories and objects, or in a nullable dtype, is None.

    Raises:
        RecordError: a column holds values of several kinds, or of one that Arrow does not know.
        ArgumentError: two columns have one name, or the columns have several levels.
    """
    index = [
        (_text(name), _array(frame.index.get_level_values(level), name))
        for level, name in enumerate(frame.index.names)
        if name is not None
    ]
    columns = [
        (_text(name), _array(frame.iloc[:, at], name)) for at, name in enumerate(frame.columns)
    ]
    return pa.Table.from_arrays(
        [array for _, array in index + columns], names=[name for name, _ in index + columns]
    )


def _text(name: object) -> str:
    if isinstance(name, str | int | np.integer):
        return str(name)
    raise ArgumentError(
        f"the name of a column must be a text or a whole number, got {name!r}. Name it anew: "
        'frame.columns = ["_".join(map(str, name)) for name in frame.columns].'
    )


def _array(values: Any, name: object) -> pa.Array | pa.ChunkedArray:
    try:
        return _converted(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        row = _first_misfit(values)
        shown = reprlib.repr(values[row : row + 1].tolist()[0])
        raise RecordError(
            f"column {name!r} of dtype {values.dtype} holds {shown} at row {row}, which "
            f"Arrow cannot hold there: {error}. Give the column values of one kind, say by "
            '.astype(str), or pass frame.to_dict("records").'
        ) from error


def _converted(values: Any) -> pa.Array | pa.ChunkedArray:
    # By itself Arrow would take each NaN for a value that is missing.
    is_float = isinstance(values.dtype, np.dtype) and values.dtype.kind == "f"
    return pa.array(values, from_pandas=not is_float)


def _first_misfit(values: Any) -> int:
    """The first row that cannot be converted together with those before it."""
    fitting, failing = 0, len(values)
    while failing - fitting > 1:
        middle = (fitting + failing) // 2
        try:
            _converted(values[:middle])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            failing = middle
        else:
            fitting = middle
    return fitting
