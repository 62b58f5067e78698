"""`on_error`: what becomes of records that cannot be made."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headrace.contracts import LEFT, Guard, Kernel
from headrace.contracts.errors import ArgumentError, near, whole

# Any, in this file: a stage is met before its record types are known.
Policy = Literal["raise", "skip", "substitute"]
POLICIES = ("raise", "skip", "substitute")


@dataclass(frozen=True)
class OnError:
    """Says what becomes of a record that fails in the stages before it.

    "skip" leaves the record out, "substitute" puts `value` in its place (a function is called
    with the error), and "raise" is what happens without. Stored and indexed records that cannot
    be read are covered too, and every function back to the last stage that holds records beside
    the consumer; put it straight behind the functions it is for. A batch that holds a failing
    record fails whole, so `on_error` belongs before `batch`.

    `budget` is how many records of an epoch may fail, or, below 1, which share of them (where
    the length is not known, of the records so far, and of 1,000 at least); the next failure is
    raised. Each failure is one line of JSON in the file `quarantine`: data, version, epoch,
    position, index, stage, error and traceback; a resume lists none of them twice.

    **Length**: kept by "substitute", not known after "skip". **State**: the number of failures
    so far. Which records are left out depends on the records alone, on every backend and after
    every resume.

    Raises:
        ArgumentError: `policy` is unknown, `budget` no number or share, `value` is given without
            "substitute" or missing with it, or "raise" has a budget or a quarantine.

    Example:
        >>> import headrace as hr
        >>> hr.stream(["1", "two", "3"]).map(int).on_error("skip").collect()
        [1, 3]
        >>> hr.stream(["1", "two", "3"]).map(int).on_error("substitute", value=0).collect()
        [1, 0, 3]
    """

    policy: Policy
    budget: int | float | None = None
    quarantine: str | Path | None = None
    value: Any = LEFT

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ArgumentError(
                f"on_error does 'raise', 'skip' or 'substitute', got {self.policy!r}. "
                + near(str(self.policy), POLICIES)
            )
        if (self.policy == "substitute") != (self.value is not LEFT):
            raise ArgumentError(
                f"on_error({self.policy!r}) was given {'no ' * (self.value is LEFT)}value, and "
                "'substitute' alone puts one in. Say on_error('substitute', value=...)."
            )
        if self.policy == "raise" and (self.budget, self.quarantine) != (None, None):
            raise ArgumentError(
                "on_error('raise') raises the first failure, and was given a budget or a "
                "quarantine. Say 'skip' or 'substitute' with them."
            )
        _check_budget(self.budget)

    def __str__(self) -> str:
        allowed = "" if self.budget is None else f", budget={self.budget}"
        return f"on_error({self.policy}{allowed})"

    def length(self, before: int | None) -> int | None:
        return None if self.policy == "skip" and before != 0 else before

    @property
    def kernel(self) -> Kernel:
        if self.policy == "raise":
            return Kernel("raise", _leave_out, str(self))
        path = None if self.quarantine is None else Path(self.quarantine)
        fn = _leave_out if self.policy == "skip" else Substitute(self.value)
        return Kernel(self.policy, fn, str(self), guard=Guard(self.budget, path))


@dataclass(frozen=True)
class Substitute:
    """Gives the value for a failing record."""

    value: Any

    def __call__(self, error: Exception) -> Any:
        value: Callable[[Exception], Any] | Any = self.value
        return value(error) if callable(value) else value


def _leave_out(_: Exception) -> Any:
    return LEFT


def _check_budget(budget: Any) -> None:
    if budget is None:
        return
    if isinstance(budget, float) and not budget >= 1 and not math.isnan(budget) and budget >= 0:
        return
    remedy = "Say how many records of an epoch may fail, or a share such as 0.01."
    whole("the budget of on_error", budget, least=0, remedy=remedy)
