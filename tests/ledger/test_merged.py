"""Ranks that stop ragged, are merged, and go on as another number of ranks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import told

import headrace as hr
from headrace.contracts import Run, iterate
from headrace.engine import Chain, Resume
from headrace.ledger import Writer

# Any, in this file: streams and states of every chain.
SIZE = 50
CHAINS: dict[str, Callable[[hr.Stream[Any]], hr.Stream[Any]]] = {
    "batches": lambda stream: stream.batch(4),
    "filtered": lambda stream: stream.filter(lambda x: x % 3 != 0).batch(2, collate="list"),
    "many of one": lambda stream: stream.flat_map(lambda x: [x] * 3),
    "windows": lambda stream: stream.shuffle(4, seed=1).map(int),
}
WORLDS = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.integers(0, 9), min_size=4, max_size=4)),
    min_size=1,
    max_size=3,
)


def stream_of(kind: str, chain: str) -> Chain:
    ref = hr.DataRef.from_sequence(range(SIZE)).shuffle(seed=3)
    stream = ref.stream() if kind == "stored" else hr.stream(lambda: iter(range(SIZE)))
    return CHAINS[chain](stream).node


def run_rank(folder: Path, chain: Chain, state: Any, read: int, beyond: int) -> Any:
    """Gives batches and saves, then gives some more that the state does not know; then it dies."""
    resume = Resume(chain, 0, None, None) if state is None else Resume.of(chain, state)
    run = Run(epoch=0, seed=None, rest=resume.rest)
    cursor = chain.open(run, None if state is None else resume.where(state))
    writer = Writer(hr.Ledger(folder), chain)
    writer.begin(run, cursor, state)
    batches = writer.noted(iterate(cursor), cursor)
    given = len(list(islice(batches, read)))
    saved = json.loads(json.dumps(resume.state(cursor.state())))
    given += len(list(islice(batches, beyond)))
    if given < read + beyond:
        writer.end("finished", cursor.state())
    return saved


# Where nobody knows the length, whole units are counted: of a drawn source, single records here.
@pytest.mark.parametrize(
    ("kind", "chain"),
    [*(("stored", chain) for chain in CHAINS), ("drawn", "filtered"), ("drawn", "many of one")],
)
@settings(max_examples=15, deadline=None)
@given(worlds=WORLDS, beyond=st.integers(0, 3))
# Merges that leave the same whole units, and another part of the one that had begun.
@example(worlds=[(1, [1, 0, 0, 0]), (1, [1, 0, 0, 0]), (1, [0, 0, 0, 0])], beyond=0)
def test_an_epoch_over_several_worlds_is_delivered_once(
    kind: str, chain: str, worlds: list[tuple[int, list[int]]], beyond: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, node = Path(name), stream_of(kind, chain)
        state = None
        for world_size, reads in worlds:
            states = [
                run_rank(folder, node.on(rank, world_size), state, reads[rank], beyond)
                for rank in range(world_size)
            ]
            state = hr.merge_states(states)
        # Each rank dies once more, and goes on from a state of its own.
        for rank in range(2):
            own = run_rank(folder, node.on(rank, 2), state, 1, beyond)
            run_rank(folder, node.on(rank, 2), own, SIZE * 3, 0)
        found = told(folder)

    found.pop("repeated", None)
    assert found == {"delivered": SIZE, "finished": 1}


def test_four_ranks_stop_ragged_and_three_go_on(folder: Path) -> None:
    def loader(rank: int, world_size: int) -> hr.DataLoader[int]:
        stream = hr.DataRef.from_sequence(range(48)).shuffle(seed=7).stream()
        return hr.DataLoader(stream, ranks=hr.Ranks(rank, world_size), ledger=hr.Ledger(folder))

    states = []
    for rank, count in enumerate([5, 6, 7, 6]):
        with loader(rank, 4) as four:
            batches = four.limit(12)
            list(islice(batches, count))
            states.append(four.state_dict())
            # One more, of which the checkpoint does not know.
            next(batches)
    assert told(folder) == {"delivered": 28}

    for rank in range(3):
        with loader(rank, 3) as three:
            three.load_state_dict(hr.merge_states(states))
            assert len(list(three)) == 8
    assert told(folder) == {"delivered": 48, "repeated": 4, "finished": 1}


def test_a_merge_that_left_a_rank_behind_has_doubled_nothing_and_lost_its_share(
    folder: Path,
) -> None:
    node = stream_of("stored", "windows")
    states = [run_rank(folder, node.on(rank, 2), None, 8, 0) for rank in range(2)]
    merged = hr.merge_states(states)
    assert merged["rest"] == [[16, SIZE, 1]]

    # A state made by hand, which says that six records more were delivered.
    run_rank(folder, node.on(0, 1), {**merged, "rest": [[22, SIZE, 1]]}, SIZE, 0)
    found = hr.audit(folder).epochs[0]

    assert found.lost.listed.tolist() == [16, 17, 18, 19, 20, 21]
    order = node.plan.source.order  # type: ignore[union-attr]
    assert found.lost.indices.tolist() == order.at(0, found.lost.listed).tolist()
