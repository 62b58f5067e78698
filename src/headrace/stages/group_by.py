"""`group_by`: records of one key together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import RecordError, whole
from headrace.stages.naming import plain_name_of

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class GroupBy:
    """Gives lists of the records with equal `key(record)` in each window of `window` positions.

    Groups come in the order of their first records, records in theirs. A list has at most `size`
    records: a larger group gives several, one after the other. Nothing crosses a window, so that
    memory is bounded: a key may come again in the next one.

    **Length**: not known. **State**: outputs delivered of the current window. **Cost** of a
    resume: one window; the first list waits for its whole window.

    Raises:
        ArgumentError: `window` or `size` is below 1.
        RecordError: `key` gives what cannot be hashed.

    Example:
        >>> import headrace as hr
        >>> hr.stream(["bee", "ant", "bat"]).group_by(lambda word: word[0], window=3).collect()
        [['bee', 'bat'], ['ant']]
    """

    key: Callable[[Any], Hashable]
    window: int
    size: int | None = None

    def __post_init__(self) -> None:
        plain_name_of(self.key)
        remedy = "Give the number of positions to group, such as 1000."
        whole("the window of group_by", self.window, least=1, remedy=remedy)
        if self.size is not None:
            remedy = "Leave it out for groups of any size."
            whole("the size of a group", self.size, least=1, remedy=remedy)

    def __str__(self) -> str:
        return f"group_by(window={self.window}, size={self.size})"

    @property
    def seed(self) -> int:
        # Nothing is drawn at random: no user has to give a seed.
        return 0

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    def regroup(self, records: list[Any], key: bytes) -> list[list[Any]]:
        groups: dict[Hashable, list[Any]] = {}
        for record in records:
            groups.setdefault(_hashable(self.key(record)), []).append(record)
        return [
            group[start : start + size]
            for group in groups.values()
            for size in (self.size or len(group),)
            for start in range(0, len(group), size)
        ]


def _hashable(key: Any) -> Hashable:
    try:
        hash(key)
    except TypeError:
        raise RecordError(
            f"group_by's key gave {key!r} of type {type(key).__name__} for a record. What can be "
            "hashed was expected. Give a number, a string or a tuple of them."
        ) from None
    return key  # type: ignore[no-any-return]
