"""Which rank of how many this process is, and short talks with the others.

One file a way to find out: torch, jax, horovod, environment. `Ranks` is the value in front.
"""

from __future__ import annotations

from headrace.ranks.ranks import Ranks

__all__ = ["Ranks"]
