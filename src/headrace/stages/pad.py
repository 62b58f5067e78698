"""`pad`: lists of records made into batches of one length."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from headrace.contracts import Kernel, pad
from headrace.contracts.errors import ArgumentError, whole
from headrace.contracts.stacking import Padding

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class PadLists:
    """Makes each list of records one batch, arrays filled up along their first axis.

    They get the length of the longest array, rounded up to a multiple of `multiple_of`, or the
    length `to`, which none may exceed; a list of numbers counts as an array. Further axes,
    numbers and strings are as under `collate="pad"`. Fixed lengths spare compilers of models a
    new shape in each step.

    **Shape**: `(records, length, *further extents)`. **Length**: kept. **State**: none.

    Raises:
        ArgumentError: `to` or `multiple_of` is below 1, or both are given; `value` is no number.
        RecordError: an array is longer than `to`, or its dtype cannot hold `value`.

    Example:
        >>> import headrace as hr
        >>> import numpy as np
        >>> texts = hr.stream([np.array([1, 2, 3]), np.array([4])]).batch(2, collate="list")
        >>> texts.pad(multiple_of=4, value=-1).collect()[0].tolist()
        [[1, 2, 3, -1], [4, -1, -1, -1]]
    """

    to: int | None = None
    multiple_of: int | None = None
    value: float = 0

    def __post_init__(self) -> None:
        if self.to is not None:
            whole("the length to pad to", self.to, least=1, remedy="Leave it out for the longest.")
        if self.multiple_of is not None:
            remedy = "Leave it out for the longest."
            whole("multiple_of", self.multiple_of, least=1, remedy=remedy)
        if self.to is not None and self.multiple_of is not None:
            raise ArgumentError(
                f"pad was given both to={self.to} and multiple_of={self.multiple_of}. One of them "
                "settles the length. Leave out the other."
            )
        object.__setattr__(self, "value", _number(self.value))

    def __str__(self) -> str:
        return f"pad(to={self.to}, multiple_of={self.multiple_of}, value={self.value})"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        return Kernel("map", self.batch_of, str(self))

    def batch_of(self, records: list[Any]) -> Any:
        """One batch of these records."""
        return pad(records, Padding(self.value, self.to, self.multiple_of))


def _number(value: object) -> float:
    """The value to pad with as Python has it: a state names it."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return operator.index(value)
    if isinstance(value, float | np.floating):
        return float(value)
    raise ArgumentError(
        f"the value to pad with must be a number, got {value!r}. "
        "Give one that the arrays' dtype can hold, such as 0 or -100."
    )
