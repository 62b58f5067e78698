"""Ranks of jax.distributed: two processes on the CPU."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from typing import Any

import pytest

import headrace as hr

# Any, in this file: what ranks give.


def joined(rank: int, port: int) -> Any:
    import jax

    jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank)
    ranks = hr.Ranks.detect(timeout_s=20)
    gathered = [ranks.all_gather([rank, turn]) for turn in range(3)]
    stream = hr.stream(range(10)).filter(lambda x: x % 3).batch(2)
    batches = [batch.tolist() for batch in hr.DataLoader(stream, ranks=ranks, epoch_end="longest")]
    ranks.barrier()
    return ranks.rank, ranks.world_size, ranks.source, gathered, batches


def absent(rank: int) -> str | None:
    if rank:
        return None
    with pytest.raises(hr.errors.RankError) as caught:
        hr.Ranks.detect(timeout_s=0.2).barrier()
    return str(caught.value)


@pytest.mark.slow
def test_ranks_of_jax_distributed_meet(make_processes: Callable[[int], Any]) -> None:
    pytest.importorskip("jax")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = make_processes(2)
    try:
        first, second = world.each(joined, port)
        assert [one[:3] for one in (first, second)] == [
            (rank, 2, "jax.distributed") for rank in range(2)
        ]
        assert first[3] == second[3] == [[[0, turn], [1, turn]] for turn in range(3)]
        assert sorted(itertools.chain(*first[4], *second[4])) == [1, 2, 4, 5, 7, 8]
        assert "rank 1 did not come" in world.each(absent)[0]
    finally:
        world.close()
