"""Ranks of torch.distributed: real gloo groups of two and four processes."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

import headrace as hr

# Any, in this file: what ranks give.


def found(rank: int) -> tuple[int, int, str]:
    ranks = hr.Ranks.detect()
    return ranks.rank, ranks.world_size, ranks.source


def talk(rank: int) -> list[Any]:
    ranks = hr.Ranks.detect()
    given = [ranks.all_gather({"rank": rank, "n": turn}) for turn in range(20)]
    ranks.barrier()
    return [given, ranks.broadcast(f"from {rank}")]


def test_detect_finds_the_default_group(four_ranks: Any) -> None:
    assert four_ranks.each(found) == [(rank, 4, "torch.distributed") for rank in range(4)]


def test_every_rank_hears_what_each_says_in_order(four_ranks: Any) -> None:
    heard = [[{"rank": rank, "n": turn} for rank in range(4)] for turn in range(20)]
    assert four_ranks.each(talk) == [[heard, "from 0"]] * 4


def test_ranks_given_by_hand_use_the_group_that_is_there(two_ranks: Any) -> None:
    gathered = two_ranks.each(lambda rank: hr.Ranks(rank, 2).all_gather(rank))
    assert gathered == [[0, 1], [0, 1]]


def test_a_meeting_leaves_few_keys_in_the_store(two_ranks: Any) -> None:
    def keys(rank: int, turns: int) -> int:
        import torch.distributed as dist

        for _ in range(turns):
            hr.Ranks.detect().barrier()
        dist.barrier()
        return dist.distributed_c10d._get_default_store().num_keys()

    two_ranks.each(keys, 1)
    few, many = (max(two_ranks.each(keys, turns)) for turns in (1, 40))
    # Those of the group's own barrier are not ours.
    assert many - few <= 8


def late(rank: int, timeout_s: float) -> tuple[str, float]:
    ranks = hr.Ranks.detect(timeout_s=timeout_s)
    began = time.monotonic()
    if rank == 1:
        return "absent", 0.0
    try:
        ranks.barrier()
    except hr.errors.RankError as error:
        return str(error), time.monotonic() - began
    return "met", 0.0


def test_4_2_the_time_limit_is_kept_and_the_missing_rank_is_named(make_world: Any) -> None:
    """fullsync waits half an hour in its collective, whatever its timeout says."""
    said = make_world(4).each(late, 0.3)
    for rank in (0, 2, 3):
        message, seconds = said[rank]
        assert "barrier: rank 1 did not come" in message
        assert seconds < 5


def test_a_killed_rank_is_named_by_the_others(make_world: Any) -> None:
    def waiting(rank: int) -> None:
        ranks = hr.Ranks.detect(timeout_s=1)
        ranks.barrier()
        if rank == 2:
            time.sleep(60)
        ranks.barrier()

    world = make_world(4)
    world.begin(waiting)
    world.kill(2)
    errors = [world.result(rank) for rank in (0, 1, 3)]
    assert all(isinstance(error, hr.errors.RankError) for error in errors)
    assert all("rank 2 did not come" in str(error) for error in errors)


def test_without_rank_0_and_its_store_the_others_end_too(make_world: Any) -> None:
    def waiting(rank: int) -> None:
        hr.Ranks.detect(timeout_s=1).barrier()
        if rank == 0:
            time.sleep(60)
        hr.Ranks.detect(timeout_s=1).barrier()

    world = make_world(2)
    world.begin(waiting)
    world.kill(0)
    error = world.result(1)
    assert isinstance(error, hr.errors.RankError)


def test_a_late_rank_hears_that_the_others_have_gone(make_world: Any) -> None:
    def coming(rank: int) -> Any:
        import torch.distributed as dist

        store = dist.distributed_c10d._get_default_store()
        try:
            if rank == 0:
                store.wait(["gone"])
            hr.Ranks.detect(timeout_s=0.2).all_gather(rank)
        except hr.errors.RankError as error:
            return str(error)
        finally:
            store.set("gone", "1")
        return None

    first, second = make_world(2).each(coming)
    assert "rank 0 did not come to rank 1 within 0.2 s" in second
    assert "rank 1 waited for rank 0 in vain" in first


def test_ranks_that_do_different_things_are_told_so(make_world: Any) -> None:
    def mixed(rank: int) -> str:
        ranks = hr.Ranks.detect()
        with pytest.raises(hr.errors.RankError) as caught:
            ranks.all_gather(1) if rank else ranks.barrier()
        return str(caught.value)

    first, second = make_world(2).each(mixed)
    assert "barrier: rank 1 came for 'all_gather', and rank 0 for 'barrier'" in first
    assert "all_gather: rank 0 came for 'barrier'" in second


def test_4_2_no_group_is_made_that_nobody_destroys(two_ranks: Any) -> None:
    """fullsync makes a group for each loader, and destroys none."""

    def groups(rank: int) -> tuple[int, int]:
        import torch.distributed as dist

        kept = dist.distributed_c10d._world.pg_map
        before = len(kept)
        for _ in range(3):
            stream = hr.stream(range(20)).filter(lambda x: x % 3)
            list(hr.DataLoader(stream, epoch_end="shortest"))
        return before, len(kept)

    assert all(before == after for before, after in two_ranks.each(groups))


def test_ranks_along_a_mesh_get_the_same_across_it(four_ranks: Any) -> None:
    def loaded(rank: int) -> Any:
        from torch.distributed.device_mesh import init_device_mesh

        mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "tp"))
        ranks = hr.Ranks.from_mesh(mesh, "dp")
        stream = hr.stream(range(20)).filter(lambda x: x % 5).batch(2)
        loader = hr.DataLoader(stream, ranks=ranks, epoch_end="shortest")
        batches = [batch.tolist() for batch in loader]
        whole = hr.Ranks.from_mesh(mesh, "dp", "tp")
        return ranks.rank, ranks.world_size, whole.rank, ranks.all_gather(rank), batches

    given = four_ranks.each(loaded)
    assert [one[:3] for one in given] == [(0, 2, 0), (0, 2, 1), (1, 2, 2), (1, 2, 3)]
    assert [one[3] for one in given] == [[0, 2], [1, 3], [0, 2], [1, 3]]
    assert given[0][4] == given[1][4]
    assert given[2][4] == given[3][4]
    records = itertools.chain(*given[0][4], *given[2][4])
    assert sorted(records) == [x for x in range(20) if x % 5]


def test_a_mesh_without_the_dimension_is_refused(two_ranks: Any) -> None:
    def refused(rank: int) -> str:
        from torch.distributed.device_mesh import init_device_mesh

        mesh = init_device_mesh("cpu", (2,), mesh_dim_names=("data",))
        with pytest.raises(hr.errors.ArgumentError) as caught:
            hr.Ranks.from_mesh(mesh, "dp")
        return str(caught.value)

    message = two_ranks.each(refused)[0]
    assert "the dimension 'dp' was asked" in message
    assert "'data'" in message
