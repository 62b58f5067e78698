"""Functions of columns of a record: `input_col` and `output_col`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import ArgumentError

# Any, in this file: records, columns and functions of every type.

# As a column to write to, it stands for one more at the end.
AT_THE_END = -1


@dataclass(frozen=True)
class OfColumns:
    """Calls a function with columns of a record; with all of it for None."""

    fn: Callable[..., Any]
    columns: Any

    def __call__(self, record: Any) -> Any:
        return self.fn(*arguments(record, self.columns))


@dataclass(frozen=True)
class IntoColumns:
    """Writes what a function gives of some columns into a copy of the record."""

    fn: Callable[..., Any]
    columns: Any
    output: Any

    def __call__(self, record: Any) -> Any:
        value = self.fn(*arguments(record, self.columns))
        return placed(record, value, self.columns, self.output)


def over_columns(fn: Callable[..., Any], columns: Any, output: Any = None) -> Callable[[Any], Any]:
    """The function of a record that `map` runs.

    Raises:
        ArgumentError: the function does not take the columns, or the output is none of them.
        TypeError: it is no function.
    """
    output = checked_output(columns, output)
    checked_arguments(fn, columns)
    return fn if columns is None else IntoColumns(fn, columns, output)


def checked_output(columns: Any, output: Any) -> Any:
    """The one column to write to; None for the first of those that are read."""
    if columns is None and output is not None:
        raise ArgumentError(
            f"`output_col` must be None when `input_col` is None, got {output!r}. "
            "Say what is read: input_col=0."
        )
    if not isinstance(output, list | tuple):
        return output
    if len(output) != 1:
        raise ArgumentError(
            f"`output_col` must be a single-element list or tuple, got {output!r}. "
            "Let the function give one value, and name one column."
        )
    return output[0]


def checked_arguments(fn: Callable[..., Any], columns: Any) -> None:
    """Raises ArgumentError where a function cannot be called with so many columns."""
    if not callable(fn):
        raise TypeError(
            f"A callable function is expected, but {type(fn)} is provided. "
            "Pass the function itself, without calling it."
        )
    try:
        signature = inspect.signature(fn)
    except ValueError:
        # Some functions written in C do not tell what they take.
        return
    count = len(columns) if isinstance(columns, list | tuple) else 1
    try:
        signature.bind(*range(count))
    except TypeError as error:
        name = getattr(fn, "__name__", repr(fn))
        raise ArgumentError(
            f"The function {name} takes {signature}, but {count} positional parameters are "
            f"required: {error}. Say by input_col which columns it takes."
        ) from None


def arguments(record: Any, columns: Any) -> tuple[Any, ...]:
    """What a function of columns is called with."""
    if columns is None:
        return (record,)
    if isinstance(columns, list | tuple):
        return tuple(record[column] for column in columns)
    return (record[columns],)


def placed(record: Any, value: Any, columns: Any, output: Any) -> Any:
    """A copy of the record with a value in its column.

    Without `output` it replaces the first of the columns that were read; the others go.
    """
    if isinstance(record, dict):
        made: Any = dict(record)
    else:
        made = list(record)
    read = list(columns) if isinstance(columns, list | tuple) else [columns]
    if output is None:
        made[read[0]] = value
        for column in sorted(read[1:], reverse=True):
            del made[column]
    elif output == AT_THE_END and isinstance(made, list):
        made.append(value)
    else:
        made[output] = value
    return tuple(made) if isinstance(record, tuple) else made
