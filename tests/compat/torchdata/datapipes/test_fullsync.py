"""`fullsync` on real ranks."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.contracts.errors import RankError

# Any, in this file: what ranks give.


def synced(rank: int, lengths: list[int]) -> list[list[int]]:
    pipe = IterableWrapper(range(lengths[rank])).fullsync(timeout=60)
    return [list(pipe), list(pipe)]


def failing(rank: int) -> str:
    def fail(number: int) -> int:
        if rank == 1 and number == 3:
            raise OSError("torn")
        return number

    try:
        list(IterableWrapper(range(9)).map(fail).fullsync(timeout=60))
    except (OSError, RankError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [[40, 37], [0, 5], [3, 3], [16, 17]])
def test_all_ranks_end_with_the_shortest_in_each_pass(two_ranks: Any, lengths: list[int]) -> None:
    assert two_ranks.each(synced, lengths) == [[list(range(min(lengths)))] * 2] * 2


@pytest.mark.slow
def test_a_rank_that_fails_ends_the_others(two_ranks: Any) -> None:
    waiting, failed = two_ranks.each(failing)

    assert failed == "OSError: torn"
    assert waiting.startswith("RankError: rank 1 failed while rank 0 was in fullsync: OSError")
