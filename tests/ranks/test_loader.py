"""Loaders on real ranks: ends that are agreed on, ranks that die, resume on all of them."""

from __future__ import annotations

import itertools
import json
import random
import time
from typing import Any

import numpy as np
import pytest

import headrace as hr

# Any, in this file: batches as lists.


def kept_on(rank: int, world_size: int) -> list[int]:
    """The records that a filter leaves on a rank: most on the last one."""
    return [x for x in range(rank, 120, world_size) if is_kept(x)]


def is_kept(x: int) -> bool:
    return x % 4 == 3 or x < 60


def uneven(batch: int = 3) -> hr.Stream[Any]:
    return hr.stream(range(120)).filter(is_kept).batch(batch)


def run_epochs(
    rank: int, epoch_end: Any, threads: int = 0, epochs: int = 2
) -> tuple[list[Any], str | None]:
    """The batches of some epochs, each with whether it is padding; or how they failed."""
    backend = hr.Threads(threads) if threads else hr.Inline()
    with hr.DataLoader(uneven(), backend=backend, epoch_end=epoch_end) as loader:
        given: list[Any] = []
        try:
            for _ in range(epochs):
                given.append([])
                for batch in loader:
                    given[-1].append((np.asarray(batch).tolist(), loader.is_padding))
        except hr.errors.RankError as error:
            return given, str(error)
        return given, None


def batches_of(rank: int, world_size: int) -> list[list[int]]:
    kept = kept_on(rank, world_size)
    return [kept[i : i + 3] for i in range(0, len(kept), 3)]


@pytest.mark.parametrize("threads", [0, 2], ids=["inline", "threads"])
def test_shortest_ends_all_ranks_with_the_shortest(four_ranks: Any, threads: int) -> None:
    lengths = [len(batches_of(rank, 4)) for rank in range(4)]
    assert min(lengths) < max(lengths)
    for rank, (given, error) in enumerate(four_ranks.each(run_epochs, "shortest", threads)):
        wanted = [(batch, False) for batch in batches_of(rank, 4)[: min(lengths)]]
        assert (given, error) == ([wanted, wanted], None)


@pytest.mark.parametrize("threads", [0, 2], ids=["inline", "threads"])
def test_4_2_longest_loses_nothing_and_tells_its_repeats(four_ranks: Any, threads: int) -> None:
    """fullsync truncates to the shortest rank, and knows no other way."""
    most = max(len(batches_of(rank, 4)) for rank in range(4))
    for rank, (given, error) in enumerate(four_ranks.each(run_epochs, "longest", threads)):
        own = batches_of(rank, 4)
        wanted = [(batch, False) for batch in own] + [(own[-1], True)] * (most - len(own))
        assert (given, error) == ([wanted, wanted], None)


def test_error_stops_all_ranks_at_the_same_batch_and_says_who_has_more(four_ranks: Any) -> None:
    least = min(len(batches_of(rank, 4)) for rank in range(4))
    for rank, (given, error) in enumerate(four_ranks.each(run_epochs, None)):
        assert given == [[(batch, False) for batch in batches_of(rank, 4)[:least]]]
        assert "unequal numbers of batches" in str(error)
        assert 'epoch_end="shortest"' in str(error)


def test_equal_ends_after_a_filter_are_no_error(two_ranks: Any) -> None:
    def equal(rank: int) -> list[Any]:
        stream = hr.stream(range(40)).filter(lambda x: x % 4 < 2).batch(2)
        return [batch.tolist() for batch in hr.DataLoader(stream)]

    first, second = two_ranks.each(equal)
    assert len(first) == len(second) == 5
    assert sorted(itertools.chain(*first, *second)) == [x for x in range(40) if x % 4 < 2]


def test_a_collective_serves_many_batches(two_ranks: Any) -> None:
    def meetings(rank: int) -> int:
        from headrace.ranks.channel import BoardChannel

        count, meet = [0], BoardChannel.meet

        def counted(self: Any, *args: Any, **options: Any) -> Any:
            count[0] += 1
            return meet(self, *args, **options)

        BoardChannel.meet = counted  # type: ignore[method-assign]
        try:
            stream = hr.stream(range(800)).filter(lambda x: True).batch(2)
            assert len(list(hr.DataLoader(stream, epoch_end="shortest"))) == 200
        finally:
            BoardChannel.meet = meet  # type: ignore[method-assign]
        return count[0]

    assert two_ranks.each(meetings) == [17, 17]


def cut_and_resume(rank: int, epoch_end: Any, cuts: list[int], threads: int) -> bool:
    """Whether all ranks, stopped after so many batches, go on with the rest."""

    def loader() -> hr.DataLoader[Any]:
        backend = hr.Threads(threads) if threads else hr.Inline()
        return hr.DataLoader(uneven(), backend=backend, epoch_end=epoch_end)

    def read(loader: hr.DataLoader[Any]) -> list[Any]:
        return [(batch.tolist(), loader.is_padding) for batch in loader]

    with loader() as first:
        whole = read(first)
        following = read(first)
    for cut in cuts:
        with loader() as before:
            batches = iter(before)
            for _ in range(cut):
                next(batches)
            state = json.loads(json.dumps(before.state_dict()))
            assert before.state_dict(delivered=cut) == state
        with loader() as after:
            after.load_state_dict(state)
            if read(after) != (whole[cut:] or following):
                return False
    return True


@pytest.mark.parametrize("epoch_end", ["shortest", "longest"])
def test_all_ranks_resume_at_every_cut(two_ranks: Any, epoch_end: str) -> None:
    lengths = [len(batches_of(rank, 2)) for rank in range(2)]
    count = min(lengths) if epoch_end == "shortest" else max(lengths)
    assert lengths[0] != lengths[1]
    random_cuts = random.Random(7).sample(range(1, count - 4), 3)
    cuts = [*random_cuts, *range(count - 4, count + 1)]
    assert two_ranks.each(cut_and_resume, epoch_end, cuts, 0) == [True, True]
    assert two_ranks.each(cut_and_resume, epoch_end, cuts[:3], 2) == [True, True]


def test_a_rank_that_dies_in_mid_epoch_is_named(make_world: Any) -> None:
    def training(rank: int) -> int:
        number, ranks = 0, hr.Ranks.detect(timeout_s=1)
        for number, _ in enumerate(hr.DataLoader(uneven(1), ranks=ranks, epoch_end="longest")):
            if rank == 1 and number == 5:
                time.sleep(60)
        return number

    world = make_world(2)
    world.begin(training)
    world.kill(1)
    error = world.result(0)
    assert isinstance(error, hr.errors.RankError)
    assert "rank 1 did not come" in str(error) or "broken" in str(error)


def test_a_rank_that_leaves_its_loop_early_gets_the_others_an_error(make_world: Any) -> None:
    def training(rank: int) -> str | None:
        ranks = hr.Ranks.detect(timeout_s=0.5)
        try:
            for _ in hr.DataLoader(uneven(1), ranks=ranks, epoch_end="shortest"):
                if rank == 1:
                    break
        except hr.errors.RankError as error:
            return str(error)
        return None

    first, second = make_world(2).each(training)
    assert "agreeing on the end of epoch 0: rank 1 did not come" in first
    assert second is None


def test_a_break_on_all_ranks_begins_the_next_epoch(two_ranks: Any) -> None:
    def training(rank: int) -> list[int]:
        loader = hr.DataLoader(uneven(1), epoch_end="shortest")
        for _ in loader:
            break
        return [len(list(loader.limit(2))), len(list(loader)), sum(map(len, loader.blocks(4)))]

    assert two_ranks.each(training) == [[2, 28, 30]] * 2


def test_a_rank_whose_function_fails_raises_it_and_the_others_name_it(two_ranks: Any) -> None:
    def failing(rank: int) -> tuple[int, str]:
        def checked(x: int) -> int:
            if x == 21:
                raise ValueError("21 is bad")
            return x

        stream = hr.stream(range(60)).filter(lambda x: True).map(checked)
        given: list[int] = []
        with pytest.raises((ValueError, hr.errors.RankError)) as caught:
            given.extend(hr.DataLoader(stream, epoch_end="shortest"))
        return len(given), f"{caught.type.__name__}: {caught.value}"

    first, second = two_ranks.each(failing)
    assert first[1].startswith("RankError: rank 1 failed")
    assert "ValueError: 21 is bad" in first[1]
    assert second[1] == "ValueError: 21 is bad"
    assert first[0] == second[0] == 10


@pytest.mark.parametrize(
    ("key", "differing"),
    [
        pytest.param("seed", {"seed": 1}, id="seed"),
        pytest.param("chain", {"batch": 4}, id="chain"),
        pytest.param("epoch", {"epoch": 3}, id="epoch"),
    ],
)
def test_ranks_that_are_not_alike_are_named(
    two_ranks: Any, key: str, differing: dict[str, int]
) -> None:
    def begun(rank: int) -> str:
        chosen = {"seed": 0, "batch": 2, "epoch": 0} | (differing if rank else {})
        stream = hr.stream(range(20)).batch(chosen["batch"]).epoch(chosen["epoch"])
        loader = hr.DataLoader(stream, seed=chosen["seed"])
        with pytest.raises(hr.errors.RankError) as caught:
            next(iter(loader))
        return str(caught.value)

    for message in two_ranks.each(begun):
        assert f"the ranks do not have the same {key}: rank 0: " in message


def test_a_rank_that_found_no_state_is_named(two_ranks: Any) -> None:
    def resumed(rank: int) -> str:
        before = hr.DataLoader(uneven())
        assert len(list(before.limit(1))) == 1
        loader = hr.DataLoader(uneven())
        if rank:
            loader.load_state_dict(before.state_dict())
        with pytest.raises(hr.errors.RankError) as caught:
            next(iter(loader))
        return str(caught.value)

    message = "same begin: rank 0: 'the start of the epoch', rank 1: 'where a state says'"
    for told in two_ranks.each(resumed):
        assert message in told


def test_a_seed_that_is_set_on_one_rank_only_is_found_in_the_next_epoch(two_ranks: Any) -> None:
    def seeded(rank: int) -> str:
        stream = hr.DataRef.from_sequence(range(20)).stream().shuffle(4, seed=None)
        loader = hr.DataLoader(stream, seed=1)
        assert len(list(loader)) == 10
        if rank:
            loader.seed(2)
        with pytest.raises(hr.errors.RankError) as caught:
            list(loader)
        return str(caught.value)

    assert "the same seed: rank 0: 1, rank 1: 2" in two_ranks.each(seeded)[0]


def test_a_rank_without_a_batch_cannot_repeat_it(two_ranks: Any) -> None:
    def empty(rank: int) -> str:
        stream = hr.stream(range(10)).filter(lambda x: x % 2 == 0)
        with pytest.raises(hr.errors.RankError) as caught:
            list(hr.DataLoader(stream, epoch_end="longest"))
        return str(caught.value)

    for message in two_ranks.each(empty):
        assert "rank 1 has none" in message
