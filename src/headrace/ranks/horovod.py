"""Ranks of Horovod, who meet by its collectives."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from headrace.ranks.bounded import within
from headrace.ranks.channel import Found, Met

# Any, in this file: Horovod is optional.
MODULES = ("horovod.torch", "horovod.tensorflow", "horovod.tensorflow.keras", "horovod.keras")


def found() -> Found | None:
    """The rank that Horovod gave, where one of its modules is imported and initialised."""
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None and module.is_initialized():
            channel = CollectiveChannel(name) if hasattr(module, "allgather_object") else None
            rank, world_size = int(module.rank()), int(module.size())
            return Found(rank, world_size, name, int(module.local_rank()), channel)
    return None


@dataclass(frozen=True)
class CollectiveChannel:
    """Meetings by `allgather_object`. Horovod does not say who is missing."""

    module: str

    def meet(self, text: str, *, topic: str, timeout_s: float) -> Met:
        module = sys.modules[self.module]
        try:
            answer = within(timeout_s, lambda: module.allgather_object([topic, text]))
        except TimeoutError:
            texts = [text if one == module.rank() else None for one in range(module.size())]
            return Met(0, texts, is_exact=False)
        return Met(0, [said for _, said in answer])
