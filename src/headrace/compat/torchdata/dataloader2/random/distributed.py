"""One seed for all ranks."""

from __future__ import annotations

from headrace.ranks import Ranks


def dist_share_seed(seed: int, process_group: Ranks | None = None) -> int:
    """The seed of rank 0, on every rank: `headrace.Ranks.broadcast`.

    It goes by the store of the process group, so any integer is carried, and no group is made.

    Raises:
        RankError: a rank is missing, or there is no way to it.

    Example:
        >>> dist_share_seed(7)
        7
    """
    ranks = Ranks.detect() if process_group is None else process_group
    return int(ranks.broadcast(seed))
