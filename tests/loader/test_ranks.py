"""Ranks whose numbers of batches are known: shares, ends, states, by arithmetic alone."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.streams import each_backend

import headrace as hr
from headrace.contracts import Backend

# Any, in this file: records of every type.


def records_of(loader: hr.DataLoader[Any]) -> list[int]:
    return [record for batch in loader for record in batch.tolist()]


def shuffles(size: int) -> dict[str, hr.Stream[Any]]:
    ref = hr.DataRef.from_sequence(range(size))
    return {
        "none": ref.stream(),
        "global": ref.shuffle(seed=3).stream(),
        "nearby": ref.shuffle(3, "nearby", 5).stream(),
        "blocks": ref.shuffle(3, "blocks", 5).stream(),
        "windowed": ref.stream().shuffle(7, seed=3),
        "mapped": ref.stream().map(int).shuffle(7, seed=3),
        "drawn": hr.stream(lambda: iter(range(size))),
    }


@each_backend
@pytest.mark.parametrize("kind", shuffles(1))
def test_the_union_over_ranks_is_the_whole_epoch_exactly_once(kind: str, backend: Backend) -> None:
    for world_size in (2, 3):
        seen: list[int] = []
        for rank in range(world_size):
            stream = shuffles(42)[kind].batch(4)
            ranks = hr.Ranks(rank, world_size)
            with hr.DataLoader(stream, ranks=ranks, backend=backend, elastic=False) as loader:
                if kind == "drawn":
                    seen += by_hand(stream, rank, world_size)
                else:
                    seen += records_of(loader)
        assert sorted(seen) == list(range(42))


def by_hand(stream: hr.Stream[Any], rank: int, world_size: int) -> list[int]:
    """What a drawn source gives a rank: nobody knows its length, so the end is not agreed."""
    chain = stream.node.on(rank, world_size)
    from headrace.contracts import Run, read_fully

    cursor = chain.open(Run())
    found = [record for batch in read_fully(cursor, 100) for record in batch.tolist()]
    cursor.close()
    return found


def test_the_order_of_positions_depends_on_neither_number() -> None:
    stream = hr.DataRef.from_sequence(range(24)).shuffle(seed=5).stream()
    whole = list(hr.DataLoader(stream, ranks=hr.Ranks(0, 1)))
    for world_size in (2, 3, 4):
        for rank in range(world_size):
            for threads in (1, 2):
                ranks = hr.Ranks(rank, world_size)
                with hr.DataLoader(stream, ranks=ranks, backend=hr.Threads(threads)) as loader:
                    assert list(loader) == whole[rank::world_size]


def test_processes_and_ranks_compose() -> None:
    stream = hr.DataRef.from_sequence(range(40)).shuffle(seed=5).stream().batch(4)
    for rank in range(2):
        given = []
        for backend in (hr.Inline(), hr.Processes(2)):
            with hr.DataLoader(stream, ranks=hr.Ranks(rank, 2), backend=backend) as loader:
                given.append(records_of(loader))
        assert given[0] == given[1]


COUNTS = st.integers(0, 40), st.integers(1, 5), st.integers(1, 4)


@given(*COUNTS, st.booleans())
def test_shortest_gives_every_rank_the_least_number(
    size: int, world_size: int, batch: int, is_late: bool
) -> None:
    stream = hr.stream(range(size)).batch(batch)
    stream = stream.prefetch(2) if is_late else stream
    own = [batches(size, rank, world_size, batch) for rank in range(world_size)]
    least = min(map(len, own))
    for rank in range(world_size):
        with hr.DataLoader(
            stream, ranks=hr.Ranks(rank, world_size), epoch_end="shortest"
        ) as loader:
            assert len(loader) == least
            assert [one.tolist() for one in loader] == own[rank][:least]
            assert [one.tolist() for one in loader] == own[rank][:least]


@given(*COUNTS, st.booleans())
def test_longest_gives_every_rank_the_greatest_number(
    size: int, world_size: int, batch: int, is_late: bool
) -> None:
    stream = hr.stream(range(size)).batch(batch)
    stream = stream.prefetch(2) if is_late else stream
    own = [batches(size, rank, world_size, batch) for rank in range(world_size)]
    most = max(map(len, own))
    for rank in range(world_size):
        with hr.DataLoader(stream, ranks=hr.Ranks(rank, world_size), epoch_end="longest") as loader:
            assert len(loader) == most
            if not min(map(len, own)) and most:
                with pytest.raises(hr.errors.RankError, match="has none"):
                    list(loader)
                continue
            told = [(one.tolist(), loader.is_padding) for one in loader]
        wanted = [(one, False) for one in own[rank]]
        assert told == wanted + [(own[rank][-1], True)] * (most - len(wanted)) if most else not told


def batches(size: int, rank: int, world_size: int, batch: int) -> list[list[int]]:
    records = list(range(rank, size, world_size))
    return [records[i : i + batch] for i in range(0, len(records), batch)]


@each_backend
@pytest.mark.parametrize("epoch_end", ["shortest", "longest"])
@pytest.mark.parametrize("is_late", [False, True], ids=["in tasks", "beside the consumer"])
def test_each_rank_resumes_at_every_cut(backend: Backend, epoch_end: Any, is_late: bool) -> None:
    def loader(rank: int) -> hr.DataLoader[Any]:
        stream = hr.DataRef.from_sequence(range(13)).shuffle(seed=1).stream().batch(2)
        stream = stream.prefetch(2).batch(1, collate="list") if is_late else stream
        ranks = hr.Ranks(rank, 3)
        return hr.DataLoader(stream, ranks=ranks, epoch_end=epoch_end, backend=backend)

    def read(loader: hr.DataLoader[Any]) -> list[Any]:
        return [(str(batch), loader.is_padding) for batch in loader]

    for rank in range(3):
        with loader(rank) as first:
            whole = read(first)
            following = read(first)
        assert len(whole) == (2 if epoch_end == "shortest" else 3)
        for cut in range(1, len(whole) + 1):
            with loader(rank) as before:
                state: dict[str, Any] = {}
                for _ in zip(range(cut), before, strict=False):
                    state = json.loads(json.dumps(before.state_dict()))
                assert before.state_dict(delivered=cut) == state
            with loader(rank) as after:
                after.load_state_dict(state)
                assert read(after) == (whole[cut:] or following)


@pytest.mark.parametrize(("offset", "epoch", "left"), [(2, 0, [4, 5, 6]), (3, 1, list(range(7)))])
def test_ranks_begin_together_where_a_start_offset_says(
    offset: int, epoch: int, left: list[int]
) -> None:
    ref = hr.DataRef.from_sequence(range(7))
    states: list[Any] = []
    for rank in range(2):
        stream = ref.stream(start_offset=offset)
        loader = hr.DataLoader(stream, ranks=hr.Ranks(rank, 2), epoch_end="longest")
        assert loader.epoch == epoch
        states.append(loader.state_dict())
        assert next(iter(loader)) == left[rank]
    one = hr.DataLoader(ref.stream(start_offset=offset), ranks=hr.Ranks(0, 1))
    one.load_state_dict(hr.merge_states(states))
    assert list(one) == left


def test_known_numbers_that_differ_are_an_error_at_the_start() -> None:
    calls: list[int] = []
    stream = hr.stream(range(7)).tap(calls.append)
    loader = hr.DataLoader(stream, ranks=hr.Ranks(1, 2))
    with pytest.raises(
        hr.errors.RankError, match="in epoch 0: rank 0: 4, rank 1: 3.*epoch_end=.shortest."
    ):
        next(iter(loader))
    assert calls == []


def test_equal_numbers_need_no_policy() -> None:
    loader = hr.DataLoader(hr.stream(range(8)), ranks=hr.Ranks(1, 2))
    assert list(loader) == [1, 3, 5, 7]
    assert "padded" not in loader.state_dict()


def test_what_shortest_drops_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    loader = hr.DataLoader(
        hr.stream(range(7)), ranks=hr.Ranks(0, 2), epoch_end="shortest", stats=True
    )
    with caplog.at_level(logging.WARNING, "headrace"):
        for _ in range(2):
            assert len(list(loader)) == 3
    assert loader.stats().dropped == 2
    told = [record.getMessage() for record in caplog.records if "leaves out" in record.getMessage()]
    assert len(told) == 1
    assert "leaves out 1 batches on rank 0 of 2" in told[0]


def test_limits_blocks_and_breaks_keep_the_even_end() -> None:
    loader = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(1, 2), epoch_end="longest")
    told = [[(x, loader.is_padding) for x in loader.limit(2)] for _ in range(2)]
    assert told == [[(1, False), (3, False)], [(5, False), (5, True)]]
    assert [list(block) for block in loader.blocks(3)] == [[1, 3, 5], [5]]
    for _ in loader:
        break
    assert list(loader) == [1, 3, 5, 5]
    assert not loader.is_padding


# -- what is refused ------------------------------------------------------------------------------


def test_ranks_on_a_stream_that_is_sharded_are_refused() -> None:
    sharded = hr.DataRef.from_sequence(range(6)).shard(0, 2).stream()
    with pytest.raises(hr.errors.ArgumentError, match="sharded already.*Leave out the shard"):
        hr.DataLoader(sharded, ranks=hr.Ranks(0, 2))
    with pytest.raises(hr.errors.ArgumentError, match="epoch_end='shortest' was given"):
        hr.DataLoader(sharded.batch(2), epoch_end="shortest")
    joined = hr.stream(range(3)).map(str).zip(hr.stream(range(6)).map(str).shard(1, 2))
    with pytest.raises(hr.errors.ArgumentError, match="sharded already"):
        hr.DataLoader(joined, ranks=hr.Ranks(0, 2))


def test_an_unknown_end_is_refused_with_the_known_ones() -> None:
    with pytest.raises(hr.errors.ArgumentError, match="'shorter' is unknown.*shortest"):
        hr.DataLoader(hr.stream(range(3)), epoch_end="shorter")  # type: ignore[arg-type]


def test_what_is_no_ranks_is_refused() -> None:
    with pytest.raises(hr.errors.ArgumentError, match=r"ranks must be a Ranks, got \(0, 2\)"):
        hr.DataLoader(hr.stream(range(3)), ranks=(0, 2))  # type: ignore[arg-type]


def test_unknown_numbers_without_a_way_to_the_ranks_say_what_to_do() -> None:
    loader = hr.DataLoader(hr.stream(range(9)).filter(bool), ranks=hr.Ranks(0, 2))
    with pytest.raises(hr.errors.RankError, match="end of epoch 0 needs the other.*shard"):
        next(iter(loader))


def test_a_state_of_another_rank_is_refused_and_names_merge_states() -> None:
    stream = hr.stream(range(8))
    state = hr.DataLoader(stream, ranks=hr.Ranks(0, 2)).state_dict()
    for other in (hr.Ranks(1, 2), hr.Ranks(0, 4), hr.Ranks(0, 1)):
        with pytest.raises(hr.errors.StateError, match=r"rank 0 of 2.*hr\.merge_states"):
            hr.DataLoader(stream, ranks=other).load_state_dict(state)


def test_a_state_of_a_repeat_loads_only_where_batches_are_repeated() -> None:
    loader = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(1, 2), epoch_end="longest")
    state = [loader.state_dict() for _ in loader][-1]
    assert state["padded"] == 1
    other = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(1, 2), epoch_end="shortest")
    with pytest.raises(hr.errors.StateError, match='a loader with epoch_end="longest"'):
        other.load_state_dict(state)
    with pytest.raises(hr.errors.StateError, match="counts padded batches from 0, got -1"):
        loader.load_state_dict({**state, "padded": -1})


@pytest.mark.parametrize(("cut", "left"), [(2, [4, 5, 6]), (3, [6]), (4, list(range(7)))])
def test_states_merge_also_where_a_rank_repeats_its_last_batch(cut: int, left: list[int]) -> None:
    states = []
    for rank in range(2):
        loader = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(rank, 2), epoch_end="longest")
        assert len(list(loader.limit(cut))) == cut
        states.append(loader.state_dict())
    one = hr.DataLoader(hr.stream(range(7)), ranks=hr.Ranks(0, 1))
    one.load_state_dict(hr.merge_states(states))
    assert list(one) == left


def test_a_state_without_the_count_that_shortest_needs_is_refused() -> None:
    stream = hr.stream(range(7)).prefetch(2)
    plain = hr.DataLoader(stream, ranks=hr.Ranks(1, 2), epoch_end="longest")
    next(iter(plain))
    loader = hr.DataLoader(stream, ranks=hr.Ranks(1, 2), epoch_end="shortest")
    loader.load_state_dict(plain.state_dict())
    with pytest.raises(hr.errors.StateError, match="how many batches were given"):
        next(iter(loader))


@pytest.mark.parametrize("epoch_end", ["shortest", "longest", "error"])
def test_an_opened_epoch_of_which_nothing_is_given_says_its_start(epoch_end: Any) -> None:
    def loader() -> hr.DataLoader[Any]:
        stream: Any = hr.stream(range(8)).prefetch(2).map(str).on_error("skip", budget=2)
        stream = stream.batch(2, collate="list") if epoch_end == "error" else stream.prefetch(2)
        return hr.DataLoader(stream, ranks=hr.Ranks(1, 2), epoch_end=epoch_end)

    opened = loader()
    batches = iter(opened)
    assert opened.state_dict() == loader().state_dict() == opened.state_dict(delivered=0)
    del batches


def test_shortest_goes_on_from_an_opened_epoch() -> None:
    def loader() -> hr.DataLoader[Any]:
        stream = hr.stream(range(7)).prefetch(2)
        return hr.DataLoader(stream, ranks=hr.Ranks(0, 2), epoch_end="shortest")

    opened = loader()
    batches = iter(opened)
    again = loader()
    again.load_state_dict(opened.state_dict())
    assert list(again) == list(batches) == [0, 2, 4]


@pytest.mark.parametrize(
    ("stream", "named"),
    [
        pytest.param(hr.stream(range(9)).take(4), r"take\(4\)", id="take"),
        pytest.param(hr.stream(range(9)).filter(bool).skip(4), r"skip\(4\)", id="late skip"),
        pytest.param(hr.stream(range(9)).filter(bool).enumerate(), "enumerate", id="enumerate"),
        pytest.param(hr.stream(range(9)).filter(bool).batch(2).unbatch(), "unbatch", id="unbatch"),
        pytest.param(
            hr.stream(range(9)).filter(bool).batch(2).shuffle(3, seed=1), "shuffle", id="shuffle"
        ),
        pytest.param(hr.stream(range(9)).map(str).concat(hr.stream(["a"])), "concat", id="concat"),
        pytest.param(hr.stream(range(9)).map(str).cache(), "cache", id="cache"),
        pytest.param(hr.stream(range(9)).through(lambda it: it), "through", id="through"),
    ],
)
def test_chains_whose_states_cannot_be_merged_are_refused(
    stream: hr.Stream[Any], named: str
) -> None:
    with pytest.raises(hr.errors.StreamError, match=f"because of {named}.*elastic=False"):
        hr.DataLoader(stream, ranks=hr.Ranks(0, 2))
    hr.DataLoader(stream, ranks=hr.Ranks(0, 2), elastic=False)
    hr.DataLoader(stream, ranks=hr.Ranks(0, 1))


def test_explain_says_which_rank_and_what_it_draws() -> None:
    drawn = hr.DataLoader(hr.stream(lambda: iter(range(9))), ranks=hr.Ranks(1, 3))
    assert "ranks     rank 1 of 3 (given), epoch_end=error" in drawn.explain()
    assert "each of 3 ranks draws all" in drawn.explain()
    known = hr.DataLoader(hr.stream(range(9)).batch(2), ranks=hr.Ranks(1, 3))
    assert "             3" in known.explain()
