"""Arguments that pipes of both kinds take: other pipes, and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.compat.torchdata.datapipes.parents import is_pipe
from headrace.contracts.errors import ArgumentError, StreamError, whole

# Any, in this file: pipes of every type.


def checked_pipes(pipe: object, pipes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The pipes. Raises StreamError where there are none, or one is none."""
    name = type(pipe).__name__
    if not pipes:
        raise StreamError(f"{name} joins pipes, got none. Pass one at least.")
    for one in pipes:
        if not is_pipe(one):
            raise StreamError(
                f"All inputs of {name} are required to be `IterDataPipe`, got "
                f"{type(one).__name__}. Wrap it in IterableWrapper(...)."
            )
    return pipes


def columns_of(sequence_length: int, columns_to_skip: Sequence[int] | None) -> list[int]:
    """The columns that are not skipped. Raises ArgumentError where none is left."""
    remedy = "Give the number of columns."
    width = whole("sequence_length", sequence_length, least=1, remedy=remedy)
    columns = [at for at in range(width) if at not in (columns_to_skip or ())]
    if not columns:
        raise ArgumentError(
            f"All instances are being filtered out in UnZipper: {list(columns_to_skip or ())} "
            f"of {width} columns. One was expected to be left. Check columns_to_skip."
        )
    return columns
