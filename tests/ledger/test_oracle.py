"""Random runs, cut and restarted anywhere, beside plain lists of what was delivered."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headrace as hr

# Any, in this file: outputs and states of every chain.
SIZE = 24
Stream = hr.Stream[Any]

CHAINS: dict[str, tuple[Callable[[Stream], Stream], int]] = {
    # The chain, and how many outputs come of a group of positions that is delivered as a whole.
    "records": (lambda stream: stream, 1),
    "batches": (lambda stream: stream.batch(3, collate="list"), 1),
    "many of one": (lambda stream: stream.flat_map(lambda x: [x, x, x]), 3),
    "windows": (lambda stream: stream.shuffle(4, seed=1).map(int), 1),
    "beside the consumer": (
        lambda stream: stream.filter(lambda x: x >= 0).batch(2, collate="list").unbatch(),
        1,
    ),
}


class Rank:
    """One rank of a run: what it gave, and what led to the state that it goes on from."""

    def __init__(self, folder: Path, chain: str, rank: int, world_size: int) -> None:
        self._make = CHAINS[chain][0]
        self._folder, self._rank, self._world_size = folder, rank, world_size
        # Every output ever given, those that count, and states with what had counted then.
        self.given: Counter[tuple[int, int]] = Counter()
        self.counted: list[tuple[int, int]] = []
        self._saved: list[tuple[str, list[tuple[int, int]]]] = []
        self._begin()
        self.save()
        self.read(1)

    def read(self, count: int) -> None:
        epoch = self._loader.epoch
        batches = self._loader.limit(count)
        for number, batch in enumerate(batches):
            epoch = self._loader.epoch if not number else epoch
            for record in batch if isinstance(batch, list) else [batch]:
                self.given[epoch, int(record)] += 1
                self.counted.append((epoch, int(record)))

    def save(self) -> None:
        self._saved.append((json.dumps(self._loader.state_dict()), list(self.counted)))

    def restart(self, which: int) -> None:
        """As after a SIGKILL: nobody tells the loader that it ends."""
        state, counted = self._saved[which % len(self._saved)]
        self._begin()
        self._loader.load_state_dict(json.loads(state))
        self.counted = list(counted)
        # What is never opened notes nothing.
        self.read(1)

    def _begin(self) -> None:
        ref = hr.DataRef.from_sequence(range(SIZE)).shuffle(seed=3)
        stream = self._make(ref.shard(self._rank, self._world_size).stream())
        self._loader = hr.DataLoader(stream, ledger=hr.Ledger(self._folder))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 2), st.integers(1, 9)),
        st.tuples(st.just("save"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 2), st.integers(0, 9)),
    ),
    max_size=14,
)


@pytest.mark.parametrize("chain", CHAINS)
@settings(max_examples=25, deadline=None)
@given(world_size=st.sampled_from([1, 3]), steps=STEPS)
def test_an_audit_finds_what_was_delivered_and_what_a_restart_repeated(
    chain: str, world_size: int, steps: list[tuple[str, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        ranks = [Rank(path, chain, rank, world_size) for rank in range(world_size)]
        for step, rank, number in steps:
            one = ranks[rank % world_size]
            if step == "read":
                one.read(number)
            elif step == "save":
                one.save()
            else:
                one.restart(number)
        found = hr.audit(path)

    counted = Counter(pair for one in ranks for pair in one.counted)
    given_in_all = sum((one.given for one in ranks), Counter[tuple[int, int]]())
    per = CHAINS[chain][1]
    for epoch in found.epochs:
        whole = {i for (e, i), n in counted.items() if e == epoch.epoch and n == per}
        again = {i for i in whole if given_in_all[epoch.epoch, i] > per}
        assert epoch.positions == SIZE
        assert (epoch.lost.count, epoch.doubled.count) == (0, 0)
        if chain in ("records", "batches"):
            assert epoch.delivered == len(whole)
            assert sorted(epoch.repeated.indices.tolist()) == sorted(again)
        else:
            # Of a window, or a record, that was begun, no output tells whether it is done.
            assert len(whole) - 4 * world_size <= epoch.delivered <= len(whole)
            assert set(epoch.repeated.indices.tolist()) <= set(range(SIZE))
        if epoch.has_finished:
            assert epoch.delivered == len(whole) == SIZE
