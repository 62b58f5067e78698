"""Merged states: what they hold, what is refused, and ends that random chains seldom meet."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.elastic import ALL, Ranks, multiset, through_json
from tests.streams import same

import headrace as hr
from headrace.contracts import Run, iterate
from headrace.contracts.errors import StateError
from headrace.engine import Resume

# Any, in this file: records of every type, and states.


def copies(record: int) -> list[tuple[int, int]]:
    return [(record, copy) for copy in range(record % 4)]


def ref(count: int = 60) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(count))


def states_of(stream: Any, cuts: list[int]) -> list[Any]:
    return Ranks(stream).run(cuts)


# -- a test of the tests -------------------------------------------------------------------------


def without_begun_units(states: Any) -> Any:
    return {**hr.merge_states(states), "leftovers": []}


def with_a_progression_twice(states: Any) -> Any:
    merged = hr.merge_states(states)
    return {**merged, "rest": merged["rest"] and [*merged["rest"], merged["rest"][0]]}


def with_outputs_forgotten(states: Any) -> Any:
    merged = hr.merge_states(states)
    return {**merged, "leftovers": [[row, 1] for row, _ in merged["leftovers"]]}


def of_the_first_rank_alone(states: Any) -> Any:
    first = states[0]["at"] * states[0]["world_size"]
    return {**hr.merge_states(states), "rest": [[first, 60, 1]]}


WRONG = [
    without_begun_units,
    with_a_progression_twice,
    with_outputs_forgotten,
    of_the_first_rank_alone,
]


@pytest.mark.parametrize("merge", [hr.merge_states, *WRONG])
def test_a_wrong_merge_would_be_caught(merge: Callable[[Any], Any]) -> None:
    stream = ref().stream().flat_map(copies)
    ranks = Ranks(stream, merge)
    ranks.run([9, 12, 17])
    ranks.merge = hr.merge_states
    ranks.run([ALL, ALL])
    assert (multiset(ranks.given) == multiset(list(stream))) == (merge is hr.merge_states)


# -- what is shared out --------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
@pytest.mark.parametrize("worlds", [[1, 4], [4, 1], [3, 5, 2], [5, 5, 5]])
def test_more_ranks_than_records_and_empty_ranks_lose_nothing(
    count: int, worlds: list[int]
) -> None:
    for cut in (0, 1, 3):
        ranks = Ranks(ref(count).stream().flat_map(lambda record: [record] * 2))
        for world_size in worlds:
            ranks.run([cut] * world_size)
            if ranks.merged["epoch"]:
                break
        else:
            ranks.run([ALL] * 3)
        assert multiset(ranks.given) == dict.fromkeys(range(count), 2)


def by_hand(
    rank: int, world_size: int, remainder: Any, state: Any, cut: int, made: Any
) -> tuple[list[Any], Any]:
    """What one rank of a stream that is sharded by hand gives up to a cut, and its state."""
    chain = made(ref(23).shard(rank, world_size, remainder)).node
    resume = Resume(chain, 0, None, None) if state is None else Resume.of(chain, state)
    run = Run(epoch=resume.epoch, rest=resume.rest)
    cursor = chain.open(run, resume.where(state) if state else None)
    given = list(itertools.islice(cursor, cut))
    return given, through_json(resume.state(cursor.state()))


@pytest.mark.parametrize("remainder", ["keep", "drop", "pad"])
@pytest.mark.parametrize("worlds", [[3, 2], [2, 3, 4], [4, 4, 1]])
@pytest.mark.parametrize(
    "made",
    [
        lambda part: part.stream(),
        lambda part: part.stream().batch(2, collate="list"),
        lambda part: part.stream().flat_map(lambda record: [(record, 0), (record, 1)]),
        lambda part: part.stream().filter(bool).shuffle(4, seed=2),
    ],
)
def test_streams_sharded_by_hand_merge_with_every_remainder(
    remainder: Any, worlds: list[int], made: Any
) -> None:
    expected = multiset(list(made(ref(23))))
    found: list[Any] = []
    merged = None
    for number, world_size in enumerate(worlds):
        cut = ALL if number == len(worlds) - 1 else 1 + number
        parts = [
            by_hand(rank, world_size, remainder, merged, cut + rank, made)
            for rank in range(world_size)
        ]
        found += [record for given, _ in parts for record in given]
        merged = hr.merge_states([state for _, state in parts])
        if merged["epoch"]:
            break
    delivered = multiset(found)
    if remainder == "keep":
        assert delivered == expected
    elif remainder == "drop":
        assert not delivered - expected
        assert sum((expected - delivered).values()) < 2 * max(worlds)
    else:
        assert not expected - delivered


def test_padding_that_was_begun_repeats_the_same_records() -> None:
    def made(part: Any) -> Any:
        return part.stream().shuffle(4, seed=2).filter(lambda record: True)

    states = [by_hand(rank, 2, "pad", None, ALL if rank else 10, made)[1] for rank in range(2)]
    merged = hr.merge_states(states)
    given, _ = by_hand(0, 1, "pad", merged, ALL, made)
    assert len(given) == 2


def test_a_start_offset_is_left_out_once_over_all_merges() -> None:
    stream = ref(20).stream(start_offset=3)
    ranks = Ranks(stream)
    ranks.run([2, 1])
    ranks.run([ALL, ALL, ALL])
    assert sorted(ranks.given) == list(range(6, 20))


def test_a_merge_at_the_start_of_an_epoch_shares_it_out_as_always() -> None:
    stream = ref().shuffle(seed=3).stream().filter(lambda record: record % 3)
    merged = hr.merge_states(states_of(stream, [0, 0, 0]))
    assert (merged["rest"], merged["at"], merged["epoch"]) == (None, 0, 0)
    ranks = Ranks(stream, merged=merged)
    assert ranks.run([5, 5]) == Ranks(stream).run([5, 5])


def test_ranks_at_the_end_of_an_epoch_go_on_with_the_next() -> None:
    stream = ref().shuffle(seed=3).stream()
    merged = hr.merge_states(states_of(stream, [ALL] * 3))
    assert (merged["rest"], merged["at"], merged["epoch"]) == (None, 0, 1)
    ranks = Ranks(stream, merged=merged)
    ranks.run([ALL, ALL])
    assert Counter(ranks.given) == Counter(stream.epoch(1))
    assert ranks.given[: len(ranks.given) // 2] == list(stream.epoch(1))[::2]


def started(state: Any) -> Any:
    """The start of the epoch after that of a state."""
    return {**state, "epoch": state["epoch"] + 1, "at": 0, "part": [], "rest": None}


def test_a_rank_at_the_start_of_the_next_epoch_is_at_the_end_of_this_one() -> None:
    stream = ref(30).stream()
    states = states_of(stream, [ALL, 4])
    assert hr.merge_states([started(states[0]), states[1]]) == hr.merge_states(states)
    inside = states_of(stream, [3, 0])
    next_epoch = [{**state, "epoch": 1} for state in inside]
    ended = {**states_of(stream, [ALL, ALL])[1], "epoch": 0}
    assert hr.merge_states([next_epoch[0], ended]) == hr.merge_states(next_epoch)


def test_positions_passed_over_by_an_unordered_stage_are_delivered() -> None:
    stream = ref(20).stream().async_map(same, ordered=False)
    states = states_of(stream, [0, 0])
    # Of rank 0, 0 to 8: units 0, 2 and 3 are not delivered; of rank 1 all before unit 1.
    states[0].update(at=0, stages=[f"{0b10010:x}"])
    states[1].update(at=1, stages=[f"{0b10:x}"])
    ranks = Ranks(stream, merged=hr.merge_states(states))
    ranks.run([ALL, ALL, ALL])
    assert sorted(ranks.given) == sorted(set(range(20)) - {2, 8, 1, 5})


def test_draws_of_late_stages_never_come_twice() -> None:
    def drawn(record: Any, rng: np.random.Generator) -> tuple[Any, int]:
        return record, int(rng.integers(2**62))

    stream = ref(40).stream().filter(same).batch(2, collate="list").map(drawn, seeded=True, seed=1)
    ranks = Ranks(stream)
    ranks.run([3, 4])
    assert ranks.merged["stages"] == [None, 4]
    ranks.run([2, 3, 1])
    ranks.run([ALL])
    draws = [draw for _, draw in ranks.given]
    assert len(set(draws)) == len(draws) == 20


@pytest.mark.parametrize("is_late", [False, True])
def test_failures_are_summed_and_dealt_out_again(is_late: bool) -> None:
    def refused(record: Any) -> Any:
        if number_of(record) % 4 == 3:
            raise ValueError(record)
        return record

    begin: Any = ref(40).stream()
    begin = begin.filter(lambda record: True).batch(1, collate="list") if is_late else begin

    def failures(states: list[Any]) -> int:
        memos = [state["stages"][-1] for state in states] if is_late else []
        counts = [memo[1] for memo in memos] or [state.get("failed", [0]) for state in states]
        return sum(sum(count) for count in counts)

    ranks = Ranks(begin.map(refused).on_error("skip"))
    first = ranks.run([6, 7, 6])
    merged = ranks.merged["stages"][-1][1] if is_late else ranks.merged["failed"]
    assert merged == [failures(first)]
    second = ranks.run([ALL, ALL])
    assert failures(second) == 10
    assert len(ranks.given) == 30


def number_of(record: Any) -> int:
    return int(record[0] if isinstance(record, list) else record)


def test_a_share_of_failures_is_one_of_the_whole_epoch() -> None:
    def refused(record: int) -> int:
        if record % 10 == 9:
            raise ValueError(record)
        return record

    # A tenth of what is left alone would allow fewer than have been already.
    stream = ref(60).stream().flat_map(lambda x: [x]).map(refused).on_error("skip", budget=0.2)
    ranks = Ranks(stream)
    ranks.run([25, 25])
    ranks.run([ALL])
    assert len(ranks.given) == 54


# -- what a merged epoch says --------------------------------------------------------------------


def test_the_length_is_that_of_what_is_left_for_the_rank() -> None:
    stream = ref(23).stream().batch(2)
    merged = hr.merge_states(states_of(stream, [1, 2]))
    for world_size in (1, 3, 4):
        lengths = []
        for rank in range(world_size):
            chain = stream.node.on(rank, world_size)
            resume = Resume.of(chain, merged)
            run = Run(epoch=0, rest=resume.rest)
            cursor = chain.open(run, resume.where(merged))
            lengths.append(chain.length(run))
            assert lengths[-1] == len(list(iterate(cursor)))
        assert lengths[0] is not None
    filtered = ref(23).stream().filter(bool)
    resume = Resume.of(filtered.node, hr.merge_states(states_of(filtered, [1, 2])))
    assert filtered.node.length(Run(rest=resume.rest)) is None


def test_equal_readers_of_a_merged_epoch_make_its_batches_alone() -> None:
    stream = ref(50).shuffle(seed=2).stream().batch(3, collate="list")
    chain = stream.node.on(1, 2)
    resume = Resume.of(chain, hr.merge_states(states_of(stream, [2, 4, 1])))
    run = Run(rest=resume.rest)
    whole = list(iterate(chain.open(run)))
    parts = [list(iterate(chain.open_every(run, first, 2))) for first in range(2)]
    assert parts == [whole[::2], whole[1::2]]


@pytest.mark.parametrize("is_late", [False, True])
def test_an_error_after_a_merge_names_the_indices(is_late: bool) -> None:
    def refused(record: Any) -> Any:
        if failing:
            raise ValueError(record)
        return record

    failing: list[bool] = []
    stream = ref(40).shuffle(seed=1).stream().flat_map(lambda record: refused(copies(record)))
    stream = stream.batch(2, collate="list").map(refused) if is_late else stream
    ranks = Ranks(stream)
    ranks.run([5, 3])
    failing.append(True)
    with pytest.raises(ValueError, match="0") as caught:
        ranks.run([1])
    indices = {index for index, _ in caught.value.args[0]}
    noted = caught.value.__notes__[0].partition("ind")[2]
    assert indices <= set(map(int, re.findall("[0-9]+", noted)))


def test_states_stay_small() -> None:
    def size(state: Any) -> int:
        return len(json.dumps([state["rest"], state["leftovers"]], separators=(",", ":")))

    in_step = states_of(ref(10**6).stream().batch(4), [5] * 64)
    assert size(hr.merge_states(in_step)) < 60
    ragged = states_of(ref(10**6).stream().filter(bool), [40 + 7 * r % 20 for r in range(8)])
    assert size(hr.merge_states(ragged)) < 300
    ranks = Ranks(ref(10**4).stream().filter(same).shuffle(20, seed=1))
    for world_size in (3, 5, 4):
        states = ranks.run([30 + 7 * rank for rank in range(world_size)])
        assert all(len(json.dumps(state)) < 1024 for state in states)
    assert size(ranks.merged) < 1024


def test_a_merged_state_alone_merges_to_itself() -> None:
    merged = hr.merge_states(states_of(ref().stream(), [3, 4]))
    assert hr.merge_states([merged]) == merged


# -- what is refused -----------------------------------------------------------------------------


def two() -> list[Any]:
    return states_of(ref().stream().flat_map(copies), [3, 4])


def changed(number: int, **changes: Any) -> list[Any]:
    states = two()
    states[number].update(changes)
    return states


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "merge_states was given '..'. A list with the state_dict.* Give all of them"),
        (7, "merge_states was given '7'"),
        ([7], "a state must be the dict that state_dict.. gave, got int"),
        (two()[:1], "of the 2 ranks, rank 1 missing. The state of each rank .* lost, .* Give the"),
        (
            [two()[0]] * 2,
            "of the 2 ranks, rank 0 is given 2 times. .* delivered twice. Give the file",
        ),
        ([*two(), two()[1]], "rank 1 is given 2 times"),
        (changed(1, rank=5), "a state says rank 5 of 2. A rank from 0"),
        (changed(1, rank=-1), "a state says rank -1 of 2. A rank from 0"),
        (changed(1, v=9), "format version 9"),
        (changed(1, chain="range(3)"), r"rank 1 has chain 'range.3.', and that of rank 0 has "),
        (changed(1, data="x"), "rank 1 has data 'x', and that of rank 0 has 'range.60.'. The same"),
        (changed(1, seed=4), "rank 1 has seed '4', and that of rank 0 has 'None'. .* Merge the"),
        (changed(1, world_size=3), "rank 1 has world_size '3', and that of rank 0 has '2'"),
        (changed(1, epoch=1), "rank 0 stands in epoch 0, and rank 1 in epoch 1. Ranks in one ep"),
        (changed(1, epoch=7), "rank 0 stands in epoch 0, and rank 1 in epoch 7"),
        (changed(1, rest=[[5, 9, 1]], leftovers=[]), "rank 1 has rest .*, and that of rank 0 has"),
        (
            [{**state, "rest": [[9, 5, 1]]} for state in two()],
            "must say in rest what is left, as .start, stop, step.",
        ),
        (changed(1, leftovers=[[[[1, 2, 1]], 0]]), "must say in leftovers what is left"),
        (changed(1, at=900, part=[[900, 1]]), "unit 900 is begun, and its rank 1 has no such"),
        (changed(1, at="x"), "a state must say where it stands"),
        (changed(1, stages=[[2, 1]]), "rank 1 is of a chain that cannot be merged"),
        (changed(1, stages=[None, "f"]), "rank 1 is of a chain that cannot be merged"),
        (
            [hr.merge_states(two()), two()[1]],
            "state 0 of the 2 given is one that merge_states gave: .* Load it on each rank",
        ),
    ],
)
def test_states_that_do_not_belong_together_are_refused(states: Any, message: str) -> None:
    with pytest.raises(StateError, match=message):
        hr.merge_states(states)


@pytest.mark.parametrize(
    ("made", "stage"),
    [
        (lambda stream: stream.filter(same).take(3), "take"),
        (lambda stream: stream.take(3), "take"),
        (lambda stream: stream.filter(same).batch(2).unbatch(), "unbatch"),
        (lambda stream: stream.filter(same).batch(2).rebatch(3), "rebatch"),
        (lambda stream: stream.filter(same).concat(hr.stream([1])), "concat"),
        (lambda stream: stream.enumerate(), "enumerate"),
        (lambda stream: stream.filter(same).async_map(same, ordered=False), "async_map"),
    ],
)
def test_a_merged_state_is_not_loaded_into_a_chain_that_cannot_be_merged(
    made: Any, stage: str
) -> None:
    stream = made(ref().stream())
    state = {**hr.DataLoader(stream).state_dict(), "rank": None, "world_size": None}
    message = f"cannot be merged because of {stage}.*Load the states rank by rank"
    with pytest.raises(StateError, match=message):
        hr.DataLoader(stream).load_state_dict(state)


def test_a_chain_of_whole_chains_is_refused_by_its_states() -> None:
    stream = ref().stream().filter(same).concat(hr.stream([1]))
    with pytest.raises(StateError, match="cannot be merged, .* stands over whole chains. Load it"):
        hr.merge_states([hr.DataLoader(stream).state_dict()])


def test_a_rank_loads_its_own_state_in_a_merged_epoch_and_no_other() -> None:
    stream = ref().stream()
    ranks = Ranks(stream)
    ranks.run([3, 4])
    states = ranks.run([2, 2])
    with pytest.raises(StateError, match="saved on rank 1 of 2, and this loader is rank 0 of 2"):
        Resume.of(stream.node.on(0, 2), states[1])


def test_a_rank_in_the_repeats_of_its_last_batch_is_at_the_end_of_its_epoch() -> None:
    def loader(rank: int) -> hr.DataLoader[Any]:
        ranks = hr.Ranks(rank, 2)
        return hr.DataLoader(hr.stream(range(7)), ranks=ranks, epoch_end="longest")

    ended, ahead = loader(1), loader(0)
    assert list(ended.limit(4)) == [1, 3, 5, 5]
    assert [list(ahead.limit(4)), list(ahead.limit(1))] == [[0, 2, 4, 6], [0]]
    one = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(0, 1))
    one.load_state_dict(hr.merge_states([ahead.state_dict(), ended.state_dict()]))
    assert one.epoch == 1
    assert sorted(one) == [1, 2, 3, 4, 5, 6]


def test_ranks_merge_where_some_are_through_with_records_that_nobody_has_counted() -> None:
    ranks = Ranks(hr.stream(lambda: iter(range(11))))
    states = ranks.run([3, 2])
    through = {**states[1], "epoch": 1, "at": 0}
    merged = through_json(hr.merge_states([states[0], through]))
    assert merged["rest"] == [[6, None, 2]]
    ranks.given, ranks.merged = [], merged
    ranks.run([ALL] * 3)
    assert sorted(ranks.given) == [6, 8, 10]
