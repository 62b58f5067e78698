"""`shuffle`: records permuted inside windows."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headrace.contracts import Visit
from headrace.contracts.errors import seed_value, whole
from headrace.orders import Permutation, Windowed


@dataclass(frozen=True)
class Shuffle:
    """Shuffles inside aligned windows of `window` positions: windowed, not global.

    For an exact shuffle of the whole dataset use `ref.shuffle(seed)`. While each record before
    it comes from one position this is arithmetic on positions: no buffer, nothing read ahead,
    the same for every number of ranks. Else a window counts positions (not what a filter left
    of them) and is made whole before its first record is given.

    **Length**: kept. **State**: none, or outputs delivered of the current window. **Cost** of a
    resume: none, or one window.

    Raises:
        ArgumentError: `window` is below 1, `seed` no integer, or no seed is found when it runs.

    Example:
        >>> import headrace as hr
        >>> sorted(hr.stream(range(10)).shuffle(5, seed=1).take(5).collect())
        [0, 1, 2, 3, 4]
    """

    window: int
    seed: int | None = None

    def __post_init__(self) -> None:
        whole(
            "shuffle window", self.window, least=1, remedy="Leave out .shuffle to keep the order."
        )
        if self.seed is not None:
            seed_value(self.seed)

    def __str__(self) -> str:
        return f"shuffle({self.window}, seed={self.seed})"

    def length(self, before: int | None) -> int | None:
        return before

    def reorder(self, visit: Visit) -> Visit | None:
        if visit.is_cut or visit.offset:
            return None
        return replace(visit, order=Windowed(visit.order, self.window, self.seed))

    def regroup(self, records: list[Any], key: bytes) -> list[Any]:  # Any: records
        seed, epoch = struct.unpack("<QQ", key)
        permutation = Permutation(len(records), seed, epoch >> 1, "window")
        order = permutation.forward(np.arange(len(records), dtype=np.int64))
        return [records[index] for index in order.tolist()]
