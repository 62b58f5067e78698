"""`concat`: joined by position where possible, else chain after chain."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError, StateError
from headrace.testing import check_stage


def test_concat_of_datasets_conforms() -> None:
    other = hr.stream([100, 101])
    check_stage(lambda stream: stream.concat(other, hr.stream([])), lambda r: chain(r, [100, 101]))


def test_concat_of_chains_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).concat(hr.stream([7, 8]).map(str)),
        lambda records: chain((x for x in records if x % 3), ["7", "8"]),
    )


def test_concat_of_datasets_is_an_order_of_both_epochs() -> None:
    refs = [hr.DataRef.from_sequence(range(k, k + 5)).shuffle(seed=k) for k in (0, 10)]
    stream = refs[0].stream().concat(refs[1].stream())
    assert "order" in stream.explain().splitlines()[2]
    first, second = stream.epoch(0).collect(), stream.epoch(1).collect()
    assert first != second
    assert sorted(first) == sorted(second) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert set(first[:5]) == set(range(5))


def test_a_zip_can_be_continued_by_another_stream() -> None:
    zipped = hr.stream([1, 2]).zip(hr.stream([3, 4]))
    assert zipped.concat(hr.stream([(5, 6)])).collect() == [(1, 3), (2, 4), (5, 6)]


@pytest.mark.parametrize("workers", [False, True])
def test_members_of_different_layout_keep_all_their_records(workers: bool) -> None:
    # Blocks of lists and of columns follow each other; one read may meet both.
    arrays: Any = {"x": np.arange(5)}
    stream: Any = hr.stream([{"x": k} for k in range(5)]).concat(hr.stream(arrays))
    backend = hr.Threads(1)
    threads = backend.start() if workers else None
    cursor = stream.node.open(Run(workers=threads, look_ahead=2))
    found = []
    while block := list(cursor.read(7)):
        found += [int(record["x"]) for record in block]
    cursor.close()
    if threads is not None:
        threads.close()
    assert found == [0, 1, 2, 3, 4] * 2


def test_the_longest_chain_of_many_members_keeps_its_state_small() -> None:
    import json

    stream = hr.stream([0]).concat(*(hr.stream([k] * 100) for k in range(100)))
    state = hr.DataLoader(stream).state_dict()
    assert len(json.dumps(state)) <= 1024


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"concat joins Streams, got list. Make one"):
        hr.stream([1]).concat([2])  # type: ignore[arg-type]


def test_a_state_in_a_stream_that_is_not_there_is_refused() -> None:
    stream = hr.stream([1]).map(str).concat(hr.stream(["2"]))
    loader = hr.DataLoader(stream)
    iterator = iter(loader)
    next(iterator)
    state = {**loader.state_dict(), "turn": 7}
    loader.load_state_dict(state)
    with pytest.raises(StateError, match="a concat of 2 streams was given a state in stream 7"):
        next(iter(loader))


def test_lengths_add_up_where_they_are_known() -> None:
    assert len(hr.stream([1, 2]).map(str).concat(hr.stream(["3"]))) == 3
    assert hr.stream([1]).filter(bool).concat(hr.stream([3])).node.length(Run()) is None
    assert hr.stream([1]).concat(hr.stream([2])).collect() == [1, 2]
