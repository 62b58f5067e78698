"""`fork`: one stream made several, which may be joined again."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from tests.streams import each_backend, noise

import headrace as hr
from headrace.contracts import Backend, Run
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.testing import CountingSequence, check_stage

# Any, in this file: records of every type.


class Counted:
    """A function that notes what it was called with."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, x: int) -> int:
        self.calls.append(x)
        return x


def test_one_branch_conforms() -> None:
    check_stage(lambda stream: stream.fork(2)[1], lambda records: records)


def test_a_zip_of_branches_conforms() -> None:
    def build(stream: Any) -> Any:
        a, b = stream.filter(lambda x: x % 3).fork(2)
        return a.map(str).zip(b)

    check_stage(build, lambda records: ((str(x), x) for x in records if x % 3))


def test_branches_of_unlike_lengths_conform() -> None:
    def build(stream: Any) -> Any:
        a, b = stream.fork(2)
        return a.flat_map(lambda x: [x] * (x % 3)).zip(b.filter(lambda x: x % 2))

    def oracle(records: Iterator[int]) -> Iterator[Any]:
        a, b = itertools.tee(records)
        return zip(  # noqa: B905
            (x for x in a for _ in range(x % 3)), (x for x in b if x % 2)
        )

    check_stage(build, oracle)


def test_forks_of_forks_conform() -> None:
    def build(stream: Any) -> Any:
        a, b, c = stream.filter(lambda x: x % 3).fork(3)
        p, q = b.skip(2).fork(2)
        return a.zip(p, q.flat_map(lambda x: [x] * (x % 3)), c)

    check_stage(build)


def test_branches_in_concat_and_repeat_conform() -> None:
    def build(stream: Any) -> Any:
        a, b = stream.filter(lambda x: x % 3).shuffle(4, seed=1).fork(2)
        return b.concat(a.skip(3).zip(b)).repeat(2)

    check_stage(build)


def test_branches_before_a_batch_and_a_window_conform() -> None:
    def build(stream: Any) -> Any:
        a, b = stream.map(noise, seeded=True, seed=1).fork(2)
        return a.shuffle(5, seed=2).zip(b).batch(3, collate="list")

    check_stage(build)


@each_backend
def test_what_comes_before_runs_once_where_branches_are_read_together(backend: Backend) -> None:
    counted = Counted()
    first, second, third = hr.stream(range(40)).map(counted).fork(3)
    with hr.DataLoader(first.map(str).zip(second, third), backend=backend) as loader:
        assert list(loader) == [(str(x), x, x) for x in range(40)]
        assert sorted(counted.calls) == list(range(40))
        list(loader)
        assert sorted(counted.calls) == sorted([*range(40), *range(40)])


def test_each_loop_of_its_own_runs_what_comes_before() -> None:
    counted = Counted()
    a, b = hr.stream(range(4)).map(counted).fork(2)
    one, other = iter(a), iter(b)
    assert [next(one), next(one), next(other)] == [0, 1, 0]
    assert counted.calls == [0, 1, 0]
    assert (list(one), list(other)) == ([2, 3], [1, 2, 3])


def test_branches_restored_at_different_places_share_again() -> None:
    counted = Counted()
    a, b = hr.stream(range(30)).map(counted).fork(2)
    joined = a.skip(5).zip(b)
    loader = hr.DataLoader(joined)
    head = list(itertools.islice(loader, 7))
    state = json.loads(json.dumps(loader.state_dict()))
    turns = [branch["turn"] for branch in state["parents"]]
    assert turns == [12, 7]
    counted.calls.clear()
    loader.load_state_dict(state)
    assert head + list(loader) == [(x + 5, x) for x in range(25)]
    assert counted.calls == list(range(7, 30))


def test_a_branch_that_begins_late_runs_the_chain_for_itself() -> None:
    counted = Counted()
    stream = hr.stream(range(6)).map(counted)
    a, b = stream.fork(2)
    run = Run()
    early = a.node.open(run)
    assert early.read(3) == [0, 1, 2]
    late = b.node.open(run)
    assert late.read(9) == list(range(6))
    assert early.read(9) == [3, 4, 5]
    assert counted.calls == [0, 1, 2, *range(6), 3, 4, 5]


def test_records_are_kept_up_to_the_buffer_and_no_further() -> None:
    counted = Counted()
    a, b = hr.stream(range(30)).map(counted).fork(2, buffer=4)
    assert a.skip(3).zip(b).collect() == [(x + 3, x) for x in range(27)]
    counted.calls.clear()
    far = a.skip(4).zip(b)
    message = r"asked for a record 5 ahead of the slowest branch, and buffer=4 are kept. Read the"
    cursor = far.node.open(Run())
    for _ in range(2):
        with pytest.raises(StreamError, match=message):
            cursor.read(1)
    assert counted.calls == [0, 1, 2, 3]


def test_a_branch_that_was_left_holds_nothing_back() -> None:
    a, b = hr.stream(range(30)).fork(2, buffer=4)
    assert b.take(2).concat(a).collect() == [0, 1, *range(30)]


@pytest.mark.parametrize("count", [0, 3])
def test_the_last_branch_closes_what_they_share(count: int) -> None:
    ended: list[str] = []

    def watched(records: Iterator[int]) -> Iterator[int]:
        try:
            yield from records
        finally:
            ended.append("closed")

    run = Run()
    branches = hr.stream(range(20)).through(watched).fork(2)
    first, second = (branch.node.open(run) for branch in branches)
    first.read(count)
    first.close()
    assert not ended
    second.read(count)
    second.close()
    second.close()
    assert ended == (["closed"] if count else [])
    assert run.shared.found == {}


def test_an_error_comes_to_each_branch_after_what_was_made_before_it() -> None:
    def fail(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    run = Run()
    cursors = [branch.node.open(run) for branch in hr.stream(range(4)).map(fail).fork(2)]
    for cursor in cursors:
        assert cursor.read(5) == [0, 1]
        for _ in range(2):
            with pytest.raises(ValueError, match="two"):
                cursor.read(5)
        assert cursor.state()["turn"] == 2


def test_branches_that_are_pickled_together_still_share() -> None:
    a, b = hr.stream(range(5)).map(abs).fork(2)
    again = pickle.loads(pickle.dumps(a.zip(b)))
    assert again.collect() == a.zip(b).collect()
    (fork,) = (stage for stage in again.node.stages if type(stage).__name__ == "Fork")
    other = next(s for s in again.node.stages[-1].others[0].stages if type(s).__name__ == "Fork")
    assert fork.point is other.point


def test_what_a_run_shares_stays_in_its_process() -> None:
    run = Run()
    hr.stream(range(5)).fork(1)[0].node.open(run)
    assert run.shared.found
    assert pickle.loads(pickle.dumps(run)).shared.found == {}


def test_each_record_is_read_once_for_all_branches() -> None:
    source = CountingSequence(range(6))
    a, b = hr.DataRef.from_sequence(source).stream().tee()
    assert a.zip(b).collect() == [(x, x) for x in range(6)]
    assert source.reads == list(range(6))


def test_lengths_and_ends_are_those_of_the_stream_before() -> None:
    finite, endless = hr.stream(range(6)).fork(1)[0], hr.stream(range(6)).repeat().fork(1)[0]
    assert (len(finite), finite.is_infinite, endless.is_infinite) == (6, False, True)
    late = hr.DataRef.from_sequence(range(3)).stream(start_offset=4)
    assert late.fork(1)[0].first_epoch == 1


@pytest.mark.parametrize(("n", "buffer"), [(0, 5), (1.5, 5), (2, 0)])
def test_no_branch_and_no_buffer_are_refused(n: Any, buffer: Any) -> None:
    with pytest.raises(ArgumentError, match=r"the (branches|buffer) of a fork must be .* least 1"):
        hr.stream([1]).fork(n, buffer=buffer)


def test_a_state_of_another_kind_is_refused() -> None:
    branch, _ = hr.stream(range(9)).fork(2)
    loader = hr.DataLoader(branch)
    next(iter(loader))
    loader.load_state_dict({**loader.state_dict(), "parents": []})
    with pytest.raises(StateError, match="a state of joined chains must say turn and parents"):
        list(loader)
