"""DataLoaders of several ranks that are merged and gone on with."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from tests.elastic import leaves, through_json
from tests.streams import same

import headrace as hr

# Any, in this file: batches and states.


def loader(rank: int, world_size: int, backend: Any = None, count: int = 103) -> Any:
    ref = hr.DataRef.from_sequence(range(count)).shuffle(seed=7)
    stream = ref.stream().map(same).batch(2, collate="list")
    ranks = hr.Ranks(rank, world_size)
    return hr.DataLoader(stream, backend=backend, ranks=ranks, epoch_end="shortest")


def given(part: Any, cut: int) -> list[Any]:
    return list(itertools.islice(part, cut))


def test_three_merges_over_other_ranks_and_backends_deliver_each_record_once() -> None:
    found: list[Any] = []
    merged = None
    for world_size, cut in ((4, 5), (3, 4), (5, 2)):
        states = []
        for rank in range(world_size):
            with loader(rank, world_size, hr.Threads(2) if rank % 2 else None) as part:
                if merged is not None:
                    part.load_state_dict(merged)
                found += given(part, cut)
                states.append(through_json(part.state_dict()))
        merged = through_json(hr.merge_states(states))
    with loader(0, 1) as part:
        part.load_state_dict(merged)
        assert len(part) == 10
        assert part.epoch == 0
        found += list(part)
        # From the next epoch on nothing is left of the merge.
        assert part.state_dict()["rest"] is None
        following = list(part)
    assert Counter(leaf for one in found for leaf in leaves(one)) == Counter(range(103))
    with loader(0, 1) as part:
        assert following == list(itertools.islice(itertools.chain(part, part), 52, None))


def test_a_rank_of_a_merged_epoch_resumes_at_every_cut() -> None:
    parts = [loader(rank, 2, count=31) for rank in range(2)]
    for part in parts:
        given(part, 3)
    merged = hr.merge_states([part.state_dict() for part in parts])
    whole = loader(1, 3, count=31)
    whole.load_state_dict(merged)
    expected = list(whole)
    following = list(whole)
    for cut in range(len(expected) + 1):
        first = loader(1, 3, hr.Threads(2), count=31)
        first.load_state_dict(merged)
        assert given(first, cut) == expected[:cut]
        state = through_json(first.state_dict())
        again = loader(1, 3, count=31)
        again.load_state_dict(state)
        assert again.state_dict() == state
        assert list(again) == (expected[cut:] or following)
        if cut:
            counted = loader(1, 3, count=31)
            counted.load_state_dict(merged)
            given(counted, len(expected))
            assert counted.state_dict(delivered=cut) == state


def test_a_filtered_stream_sharded_by_hand_goes_on_with_other_ranks() -> None:
    def part(rank: int, world_size: int) -> Any:
        ref = hr.DataRef.from_sequence(range(90)).shuffle(seed=3).shard(rank, world_size)
        stream = ref.stream().filter(lambda record: record % 3).shuffle(6, seed=1).batch(4)
        return hr.DataLoader(stream)

    first = [part(rank, 3) for rank in range(3)]
    found = [batch for rank, one in enumerate(first) for batch in given(one, 1 + rank)]
    merged = hr.merge_states([one.state_dict() for one in first])
    for rank in range(2):
        second = part(rank, 2)
        second.load_state_dict(merged)
        found += list(second)
    delivered = Counter(record for batch in found for record in batch.tolist())
    assert delivered == Counter(record for record in range(90) if record % 3)


def test_a_seed_set_after_a_merge_counts_from_the_next_epoch() -> None:
    def part(rank: int) -> Any:
        ref = hr.DataRef.from_sequence(range(40)).shuffle(seed=None)
        return hr.DataLoader(ref.stream(), ranks=hr.Ranks(rank, 2), seed=1)

    parts = [part(0), part(1)]
    before = [record for one in parts for record in given(one, 4)]
    merged = hr.merge_states([one.state_dict() for one in parts])
    after: list[int] = []
    for rank in range(2):
        one = part(rank)
        one.load_state_dict(merged)
        one.seed(9)
        after += list(one)
        assert one.state_dict()["next_seed"] == 9
    assert sorted(before + after) == list(range(40))


@pytest.mark.parametrize("policy", ["shortest", "longest"])
def test_a_merged_epoch_ends_for_all_ranks_as_they_say(policy: Any) -> None:
    def part(rank: int, world_size: int) -> Any:
        stream = hr.DataRef.from_sequence(range(30)).stream().prefetch(2).batch(2, collate="list")
        ranks = hr.Ranks(rank, world_size)
        return hr.DataLoader(stream, ranks=ranks, epoch_end=policy)

    states = []
    found: list[Any] = []
    for rank in range(2):
        with part(rank, 2) as one:
            found += given(one, 3)
            states.append(through_json(one.state_dict()))
    merged = hr.merge_states(states)
    counts = []
    for rank in range(4):
        with part(rank, 4) as one:
            one.load_state_dict(merged)
            batches = [(batch, one.is_padding) for batch in one]
            counts.append(len(batches))
            found += [batch for batch, is_padding in batches if not is_padding]
    # Of 18 records two ranks have five, in three batches, and two have four, in two.
    assert counts == [2 if policy == "shortest" else 3] * 4
    delivered = Counter(leaf for one in found for leaf in leaves(one))
    left_out = Counter([28, 29] if policy == "shortest" else [])
    assert delivered + left_out == Counter(range(30))


def test_a_state_of_other_ranks_says_how_to_merge() -> None:
    state = loader(1, 4).state_dict()
    with pytest.raises(hr.errors.StateError, match="hr.merge_states"):
        loader(1, 3).load_state_dict(state)
