"""`ShuffleSpec`: a name that the original has, and gives nothing to do."""

from __future__ import annotations

from abc import ABC


class ShuffleSpec(ABC):  # noqa: B024 - the original has no methods either
    """Has no methods, as in the original: shuffling is told by `dp.shuffle(...)`."""
