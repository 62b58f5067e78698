"""Results of worker processes in shared memory, which the consumer maps without a copy."""

from __future__ import annotations

from headrace.arena.arena import Arena, Slot
from headrace.arena.desk import Desk

__all__ = ["Arena", "Desk", "Slot"]
