"""Ends that ranks agree on, batch by batch ahead: every rank a thread, one board among them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headrace as hr
from headrace.ranks.channel import BoardChannel

# Any, in this file: batches of ints.
END_S = 30


@dataclass(frozen=True)
class MemoryBoard:
    """A board of threads."""

    texts: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, text: str) -> None:
        self.texts[key] = text

    def get(self, key: str) -> str | None:
        return self.texts.get(key)

    def drop(self, key: str) -> None:
        self.texts.pop(key, None)


def kept(rank: int, lengths: list[int]) -> list[int]:
    """The records that the filter leaves on a rank: as many as its length says."""
    return [rank + len(lengths) * place for place in range(lengths[rank])]


def stream_of(lengths: list[int]) -> hr.Stream[int]:
    size, most = len(lengths), max(lengths, default=0) + 2
    return hr.stream(range(size * most)).filter(lambda x: x // size < lengths[x % size])


def on_all(lengths: list[int], fn: Any) -> list[Any]:
    """What `fn` gives on each rank, called with a maker of loaders."""
    board, size = MemoryBoard(), len(lengths)

    def run(rank: int) -> Any:
        def loader(**options: Any) -> hr.DataLoader[int]:
            channel = BoardChannel(board, rank, size)
            ranks = hr.Ranks(rank, size, timeout_s=END_S, channel=channel)
            return hr.DataLoader(stream_of(lengths), ranks=ranks, **options)

        return fn(loader)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


LENGTHS = st.lists(st.integers(0, 40), min_size=2, max_size=4)


@given(LENGTHS)
@settings(max_examples=30)
def test_shortest_gives_what_every_rank_has(lengths: list[int]) -> None:
    found = on_all(lengths, lambda loader: list(loader(epoch_end="shortest")))
    assert found == [kept(rank, lengths)[: min(lengths)] for rank in range(len(lengths))]


@given(LENGTHS)
@settings(max_examples=30)
def test_longest_repeats_last_batches_up_to_the_longest(lengths: list[int]) -> None:
    def read(make: Any) -> Any:
        loader = make(epoch_end="longest")
        try:
            return [(record, loader.is_padding) for record in loader]
        except hr.errors.RankError as error:
            return str(error)

    for rank, found in enumerate(on_all(lengths, read)):
        own = [(record, False) for record in kept(rank, lengths)]
        if min(lengths) == 0 < max(lengths):
            assert "has none" in found
        else:
            assert found == own + [(kept(rank, lengths)[-1], True) for _ in own[:1]] * (
                max(lengths) - len(own)
            )


@given(LENGTHS)
@settings(max_examples=30)
def test_error_gives_what_all_have_and_raises_unless_all_end_there(lengths: list[int]) -> None:
    def read(make: Any) -> Any:
        given: list[int] = []
        try:
            given.extend(make())
        except hr.errors.RankError:
            return given, True
        return given, False

    for rank, found in enumerate(on_all(lengths, read)):
        fails = min(lengths) != max(lengths)
        assert found == (kept(rank, lengths)[: min(lengths)], fails)


@given(LENGTHS.filter(min), st.sampled_from(["shortest", "longest"]), st.data())
@settings(max_examples=15)
def test_ranks_resume_after_any_batch(lengths: list[int], epoch_end: Any, data: Any) -> None:
    count = min(lengths) if epoch_end == "shortest" else max(lengths)
    cut = data.draw(st.integers(1, count))

    def read(make: Any) -> Any:
        whole = make(epoch_end=epoch_end)
        expected = [(record, whole.is_padding) for record in whole]
        following = [(record, whole.is_padding) for record in whole]
        before, state = make(epoch_end=epoch_end), {}
        for _ in zip(range(cut), before, strict=False):
            state = before.state_dict()
        assert before.state_dict(delivered=cut) == state
        after = make(epoch_end=epoch_end)
        after.load_state_dict(json.loads(json.dumps(state)))
        return [(record, after.is_padding) for record in after] == (expected[cut:] or following)

    assert all(on_all(lengths, read))


def test_the_state_is_that_of_what_was_given_whatever_is_ahead() -> None:
    def read(make: Any) -> list[int]:
        loader = make(epoch_end="shortest")
        return [int(loader.state_dict()["at"]) for _ in loader]

    assert on_all([40, 40], read) == [list(range(1, 41))] * 2


def test_what_is_dropped_after_agreeing_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    def read(make: Any) -> int:
        loader = make(epoch_end="shortest", stats=True)
        list(loader)
        return int(loader.stats().dropped)

    few, many = on_all([2, 6], read)
    assert few == 0
    # At least as many as were made and not given.
    assert 1 <= many <= 4
