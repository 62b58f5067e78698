"""`repeat`: arithmetic where possible, else pass after pass."""

from __future__ import annotations

from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.testing import check_stage


def test_repeat_conforms() -> None:
    check_stage(lambda stream: stream.repeat(3), lambda r: iter(list(r) * 3), slack=24)


def test_repeat_of_a_filtered_stream_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).repeat(3),
        lambda records: iter([x for x in records if x % 3] * 3),
        slack=24,
    )


def test_an_endless_repeat_of_chains_can_be_cut() -> None:
    check_stage(lambda stream: stream.filter(lambda x: x % 3).repeat().take(30))


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_each_pass_is_shuffled_anew_and_is_an_epoch_of_the_dataset(build: Any) -> None:
    stream = build(hr.DataRef.from_sequence(range(6)).shuffle(seed=1).stream())
    singly = [record for epoch in range(6) for record in stream.epoch(epoch)]
    assert stream.repeat(3).epoch(0).collect() == singly[:18]
    assert stream.repeat(3).epoch(1).collect() == singly[18:]
    assert singly[:6] != singly[6:12]


def test_a_pass_that_gives_nothing_is_not_the_end() -> None:
    # After the shuffle the first three records differ from pass to pass.
    ref = hr.DataRef.from_sequence(range(12)).shuffle(seed=3)
    stream = ref.stream().take(1).filter(lambda x: x < 4)
    singly = [record for epoch in range(8) for record in stream.epoch(epoch)]
    assert any(not stream.epoch(epoch).collect() for epoch in range(7))
    assert stream.repeat(8).collect() == singly


def test_an_endless_repeat_of_nothing_ends() -> None:
    assert list(hr.stream([1, 2]).filter(lambda x: False).repeat()) == []
    assert list(hr.stream([]).repeat()) == []


@pytest.mark.parametrize("is_order", [True, False])
@pytest.mark.parametrize(("offset", "expected"), [(1, [1, 2, 0, 1, 2]), (4, [1, 2])])
def test_an_offset_leaves_out_whole_passes(
    is_order: bool, offset: int, expected: list[int]
) -> None:
    stream = hr.DataRef.from_sequence(range(3)).stream(start_offset=offset)
    chain = stream if is_order else stream.filter(lambda x: True)
    repeated = chain.repeat(2)
    assert repeated.collect() == expected
    loader = hr.DataLoader(repeated)
    assert [list(loader), list(loader)] == [expected, [0, 1, 2] * 2]


def test_an_offset_beyond_all_passes_begins_with_a_later_epoch() -> None:
    stream = hr.DataRef.from_sequence(range(3)).stream(start_offset=7).filter(lambda x: True)
    assert stream.repeat(2).collect() == [1, 2, 0, 1, 2]
    assert hr.DataLoader(stream.repeat(2)).epoch == 1


def test_an_endless_stream_has_no_length_and_is_not_collected() -> None:
    for stream in (hr.stream([1]).repeat(), hr.stream([1]).filter(bool).repeat()):
        assert stream.is_infinite
        with pytest.raises(StreamError, match="the length .* not known"):
            len(stream)
        with pytest.raises(StreamError, match=r"never ends and cannot be collected. Put .take"):
            stream.collect()
        with pytest.raises(StreamError, match=r"never ends. Put .take\(n\) before .join"):
            stream.join()
    assert hr.stream([1]).filter(bool).repeat(3).node.length(Run()) is None


def test_zero_times_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"times to repeat must be .* got 0. None repeats"):
        hr.stream([1]).repeat(0)


def test_a_state_of_no_pass_is_refused() -> None:
    loader = hr.DataLoader(hr.stream([1, 2]).filter(bool).repeat(2))
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    changes: list[dict[str, object]] = [
        {"turn": None},
        {"turn": True},
        {"parents": [3]},
        {"parents": []},
    ]
    for changed in changes:
        loader.load_state_dict({**state, **changed})
        with pytest.raises(StateError, match="a state of joined chains must say turn and parents"):
            next(iter(loader))


def test_an_endless_repeat_goes_on_after_an_empty_pass() -> None:
    ref = hr.DataRef.from_sequence(range(12)).shuffle(seed=3)
    stream = ref.stream().take(1).filter(lambda x: x < 4)
    singly = [record for epoch in range(60) for record in stream.epoch(epoch)]
    assert stream.repeat().take(9).collect() == singly[:9]
