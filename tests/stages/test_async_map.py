"""`async_map`: many calls at once, in order or not, exactly resumable."""

from __future__ import annotations

import gc
import itertools
import json
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Failed, Run, iterate
from headrace.contracts.errors import ArgumentError, ClosedError, StateError, StreamError
from headrace.executors import Call, ahead, runner_of
from headrace.stages import AsyncMap
from headrace.testing import check_stage
from headrace.testing.stages import states

pytestmark = pytest.mark.timeout(60)

# Any, in this file: records of every type.
SECONDS = 30
BACKENDS = [hr.Inline(), hr.Threads(2)]


def alive() -> list[str]:
    """The threads of stages that look ahead."""
    starts = ("headrace-ahead", "headrace-async", "headrace-loop")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(starts)]


class Counted:
    """A function that counts its calls; the records in `held` wait for `gate`."""

    def __init__(self, held: Callable[[int], bool] = lambda _: False) -> None:
        self.gate = threading.Event()
        self.calls: list[int] = []
        self.called = threading.Semaphore(0)
        self._held = held

    def __call__(self, record: int) -> int:
        self.calls.append(record)
        self.called.release()
        if self._held(record):
            assert self.gate.wait(SECONDS)
        return 10 * record

    def wait_for_calls(self, count: int) -> None:
        for _ in range(count):
            assert self.called.acquire(timeout=SECONDS)


# -- what every stage holds ----------------------------------------------------------------------


@pytest.mark.parametrize("buffer", [1, 3])
def test_async_map_conforms(buffer: int) -> None:
    check_stage(
        lambda stream: stream.async_map(lambda x: x * x, buffer=buffer),
        lambda records: (x * x for x in records),
        slack=buffer,
    )


def test_async_map_between_other_stages_conforms() -> None:
    def oracle(records: Iterator[int]) -> Iterator[Any]:
        kept = (x + 1 for x in records if x % 3)
        while batch := list(itertools.islice((x for x in kept if x % 2), 2)):
            yield batch

    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 3)
            .async_map(lambda x: x + 1, buffer=2)
            .filter(lambda x: x % 2)
            .batch(2, collate="list")
            .async_map(lambda batch: batch, buffer=2)
        ),
        oracle,
        slack=9,
    )


def test_an_async_def_function_conforms() -> None:
    async def double(x: int) -> int:
        return 2 * x

    check_stage(
        lambda stream: stream.async_map(double, buffer=2),
        lambda records: (2 * x for x in records),
        sizes=(0, 1, 11),
        slack=2,
    )


def test_a_state_loads_with_another_buffer_and_executor() -> None:
    stream = hr.stream(range(12)).async_map(str, buffer=2)
    with ThreadPoolExecutor(2) as pool:
        other = hr.stream(range(12)).async_map(str, pool, buffer=7)
        for cut, state in enumerate(states(stream, hr.Inline(), 1)[0][:-1]):
            loader = hr.DataLoader(other)
            loader.load_state_dict(state)
            assert list(loader) == [str(x) for x in range(cut, 12)]


def test_the_state_after_any_number_of_delivered_records_is_known() -> None:
    stream = hr.stream(range(30)).filter(bool).async_map(str, buffer=4)
    loader = hr.DataLoader(stream)
    records = list(loader)
    for count in range(1, len(records)):
        again = hr.DataLoader(stream)
        again.load_state_dict(loader.state_dict(delivered=count))
        assert list(again) == records[count:]


# -- looking ahead -------------------------------------------------------------------------------


def test_s_b2_the_first_result_comes_after_one_call() -> None:
    asked = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        # The source is slow: without the first result nobody goes on.
        assert asked.wait(SECONDS)
        yield 2

    for stream in (hr.stream(source).async_map(str), hr.stream(source).prefetch(9)):
        asked.clear()
        records = iter(stream)
        first: Any = next(records)
        assert str(first) == "1"
        asked.set()
        assert len(list(records)) == 1


def test_s_b2_calls_go_on_between_reads_up_to_the_buffer() -> None:
    fn = Counted()
    drawn: list[int] = []
    records = iter(hr.stream(itertools.count).tap(drawn.append).async_map(fn, buffer=6))
    assert fn.calls == []
    assert next(records) == 0
    fn.wait_for_calls(7)
    assert next(records) == 10
    fn.wait_for_calls(1)
    assert len(fn.calls) == 8
    assert len(drawn) == 8


def test_s_b2_chained_stages_overlap() -> None:
    both = threading.Barrier(2, timeout=SECONDS)

    def first(x: int) -> int:
        if x == 1:
            both.wait()
        return x

    def second(x: int) -> int:
        if x == 0:
            both.wait()
        return x

    stream = hr.stream(range(4)).async_map(first).async_map(second)
    assert stream.collect() == [0, 1, 2, 3]


def test_s_b3_an_error_surfaces_at_once_and_nothing_queued_runs_on() -> None:
    release = threading.Event()
    running = threading.Barrier(3, timeout=SECONDS)
    calls: list[int] = []

    def fn(x: int) -> int:
        calls.append(x)
        if x < 3:
            running.wait()
        if x == 0:
            raise ValueError("zero")
        assert release.wait(SECONDS)
        return x

    cursor = hr.stream(range(100)).async_map(fn, max_workers=3).node.open(Run())
    for _ in range(2):
        with pytest.raises(ValueError, match="zero"):
            cursor.read(5)
    assert cursor.state()["at"] == 0
    release.set()
    cursor.close()
    # The thread of the failed call may have taken one more before the error was read.
    assert set(calls) <= {0, 1, 2, 3}
    assert alive() == []


def test_an_error_comes_after_what_was_made_before_it_and_the_state_says_its_record() -> None:
    stream = hr.stream(range(20)).async_map(lambda x: 1 // (x - 7), buffer=5)
    loader = hr.DataLoader(stream)
    found: list[int] = []
    with pytest.raises(ZeroDivisionError) as caught:
        found.extend(loader)
    assert len(found) == 7
    assert loader.state_dict()["at"] == 7
    note = "headrace: in async_map(<lambda>) over range[20], epoch 0, position 7, index 7"
    assert note in caught.value.__notes__


@pytest.mark.parametrize("ordered", [True, False])
def test_an_error_of_an_earlier_stage_is_that_stage_s(ordered: bool) -> None:
    def fail(x: int) -> int:
        if x == 3:
            raise KeyError("three")
        return x

    stream = hr.stream(range(9)).map(fail).async_map(str, ordered=ordered).prefetch(2)
    found: list[str] = []
    with pytest.raises(KeyError, match="three") as caught:
        found.extend(stream)
    assert sorted(found) == ["0", "1", "2"]
    assert "in map(fail)#0 over range[9], epoch 0, position 3, index 3" in caught.value.__notes__[0]


def test_a_later_stage_s_error_names_its_record_while_others_are_drawn() -> None:
    stream = hr.stream(range(50)).prefetch(20).map(lambda x: 1 // (x - 5))
    with pytest.raises(ZeroDivisionError) as caught:
        stream.collect()
    assert caught.value.__notes__[0].endswith("epoch 0, position 5, index 5")


def test_take_before_it_runs_so_many_and_behind_it_at_most_a_buffer_more() -> None:
    before, behind = Counted(), Counted()
    assert hr.stream(itertools.count).take(5).async_map(before, buffer=3).join() == 5
    assert len(before.calls) == 5
    assert hr.stream(itertools.count).async_map(behind, buffer=3).take(5).join() == 5
    assert 5 <= len(behind.calls) <= 8


@pytest.mark.parametrize("buffer", [0, -1, 1.5, None])
def test_s_b4_a_buffer_below_one_is_refused(buffer: Any) -> None:
    with pytest.raises(ArgumentError, match=r"buffer must be .* at least 1, got .*use .map"):
        hr.stream([1]).async_map(str, buffer=buffer)


def test_s_b4_an_endless_source_is_drawn_up_to_the_buffer() -> None:
    drawn = itertools.count()
    records = iter(hr.stream(lambda: (next(drawn) for _ in itertools.repeat(0))).prefetch(4))
    assert [next(records), next(records)] == [0, 1]
    del records
    assert next(drawn) <= 6


def test_what_is_handed_over_while_another_record_failed_does_not_run() -> None:
    calls: list[Any] = []
    runner = runner_of(Call(calls.append, "async_map(append)", None, 2, 9))
    runner.cancel()
    runner.submit([1], lambda _: None)
    runner.close(SECONDS)
    assert calls == []


class Collecting(int):
    """A number of workers that closes its runner when it is asked for, as a collector might."""

    runner: Any = None

    def __gt__(self, other: int) -> bool:
        self.runner.close(SECONDS)
        return super().__gt__(other)


def test_threads_end_though_they_are_closed_inside_of_what_begins_them() -> None:
    workers = Collecting(2)
    workers.runner = runner = runner_of(Call(str, "async_map(str)", None, workers, 9))
    runner.submit([1], lambda _: None)
    for thread in threading.enumerate():
        if thread.name.startswith("headrace-async"):
            thread.join(SECONDS)
    assert alive() == []


def test_a_thread_that_was_busy_at_the_end_ends_whatever_is_asked_after_it() -> None:
    fn, ended = Counted(lambda _: True), threading.Event()
    runner = runner_of(Call(fn, "async_map(Counted)", None, 1, 9))
    runner.submit([1], lambda _: ended.set())
    fn.wait_for_calls(1)
    (thread,) = (one for one in threading.enumerate() if one.name in alive())
    runner.close(0)
    runner.cancel()
    fn.gate.set()
    thread.join(SECONDS)
    assert ended.is_set()
    assert alive() == []


def test_an_async_generator_function_is_refused() -> None:
    async def pages(x: int) -> AsyncIterator[int]:
        yield x

    with pytest.raises(ArgumentError, match=r"pages\) is an async generator .* Return a list"):
        hr.stream([1]).async_map(pages)


@pytest.mark.parametrize("build", [lambda s: s.async_map(str), lambda s: s.prefetch(2)])
@pytest.mark.parametrize("join", [lambda s: s, lambda s: hr.stream([1]).concat(s)])
def test_process_wide_randomness_is_not_drawn_in_a_thread_beside_others(
    build: Any, join: Any
) -> None:
    seeded = join(hr.stream(range(3)).map(abs, seeded="global", seed=1))
    with pytest.raises(StreamError, match=r"map\(abs\) seeds .* behind it runs it in a thread"):
        build(seeded).collect()
    behind = build(hr.stream(range(3))).map(int).map(abs, seeded="global", seed=1)
    assert behind.collect() == [0, 1, 2]


@pytest.mark.parametrize("executor", ["dask", 7, object, threading])
def test_s_b5_an_unknown_executor_is_refused_with_those_that_are_known(executor: Any) -> None:
    known = r"executor must be None .*Executor, a dask.*Client, 'ray'.*'numba', got"
    with pytest.raises(ArgumentError, match=known):
        hr.stream([1]).async_map(str, executor)


def test_max_workers_belongs_to_threads_of_its_own() -> None:
    async def fetch(x: int) -> int:
        return x

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ArgumentError, match=r"max_workers is for threads .* got 3 for async_m"):
            hr.stream([1]).async_map(str, pool, max_workers=3)
        with pytest.raises(ArgumentError, match="is an async def function, .* Leave out executor"):
            hr.stream([1]).async_map(fetch, pool)
    with pytest.raises(ArgumentError, match="max_workers is for threads of its own, got 3"):
        hr.stream([1]).async_map(fetch, max_workers=3)
    with pytest.raises(ArgumentError, match="max_workers must be .* None chooses cores"):
        hr.stream([1]).async_map(str, max_workers=0)


# -- as they come --------------------------------------------------------------------------------


def test_s_b6_one_slow_record_does_not_stop_the_others_of_its_buffer() -> None:
    fn = Counted(lambda x: x == 0)
    records = iter(hr.stream(range(9)).async_map(fn, buffer=5, ordered=False))
    assert sorted(next(records) for _ in range(4)) == [10, 20, 30, 40]
    fn.gate.set()
    assert sorted(records) == [0, 50, 60, 70, 80]


def test_s_b6_an_unordered_error_names_step_and_record_and_overtakes() -> None:
    gate = threading.Event()

    def fetch(x: int) -> int:
        if x == 4:
            raise OSError("no answer")
        assert x or gate.wait(SECONDS)
        return x

    cursor = hr.stream(range(9)).async_map(fetch, ordered=False, buffer=5).node.open(Run())
    found: list[Any] = []
    with pytest.raises(OSError, match="no answer") as caught:
        found.extend(iterate(cursor))
    (note,) = caught.value.__notes__
    assert note == "headrace: in async_map(fetch) over range[9], epoch 0, position 4, index 4"
    state = cursor.state()
    assert state["at"] == 0
    gate.set()
    cursor.close()
    rest = hr.stream(range(9)).async_map(str, ordered=False).node.open(Run(), state)
    left: list[Any] = list(iterate(rest))
    rest.close()
    assert sorted([*map(str, found), *left]) == [str(x) for x in range(9)]


class Reversed:
    """Lets the calls of each four records end in turn, the last one first."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._order = [x for k in range(0, 40, 4) for x in range(k + 3, k - 1, -1)]

    def __call__(self, record: int) -> int:
        with self._turn:
            assert self._turn.wait_for(lambda: self._order[0] == record, SECONDS)
            self._order.pop(0)
            self._turn.notify_all()
        return record


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unordered_stage_resumes_at_every_cut_with_what_is_left(backend: Any) -> None:
    def stream(fn: Callable[[int], int]) -> hr.Stream[int]:
        kept = hr.stream(range(24)).filter(lambda x: x >= 0)
        return kept.async_map(fn, buffer=4, max_workers=4, ordered=False)

    found: list[int] = []
    cuts = []
    with hr.DataLoader(stream(Reversed()), backend=backend) as loader:
        for record in loader:
            found.append(record)
            cuts.append(json.dumps(loader.state_dict()))
        delivered = [loader.state_dict(delivered=count) for count in range(1, 25)]
    assert sorted(found) == list(range(24))
    assert any(json.loads(cut)["stages"] != [None] for cut in cuts)
    for count, cut in enumerate(cuts[:-1], 1):
        for state in (json.loads(cut), delivered[count - 1]):
            fn = Counted()
            with hr.DataLoader(stream(fn), backend=hr.Inline()) as again:
                again.load_state_dict(state)
                rest = [record // 10 for record in again]
            assert Counter(found[:count] + rest) == Counter(range(24))
            assert sorted(fn.calls) == sorted(rest), "what was delivered is not run again"


def test_a_mask_of_another_kind_is_refused() -> None:
    stream = hr.stream(range(9)).async_map(str, ordered=False)
    for mask in ("xyz", "-1", 3, ""):
        state = {"at": 0, "done": "", "part": [], "stages": [mask]}
        with pytest.raises(StateError, match="must hold a mask in hex or nothing, got"):
            stream.node.open(Run(), state)


def test_a_stage_says_how_it_gives_what_it_gives() -> None:
    ordered, unordered = AsyncMap(str), AsyncMap(str, ordered=False)
    assert (ordered.gives_any_order, ordered.replays) == (False, False)
    # Its mask counts the records before it, which must come in the same order again.
    assert (unordered.gives_any_order, unordered.replays) == (True, True)
    soft = unordered.softened()
    assert str(soft) == str(unordered) == "async_map(ordered=False)"
    assert soft.length(3) == 3


# -- failures that are covered -------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("buffer", [1, 40])
def test_a_softened_stage_gives_each_failure_in_its_place(ordered: bool, buffer: int) -> None:
    before = Failed(KeyError("before"), "map(f)#0")
    stage = AsyncMap(lambda x: 60 // x, buffer=buffer, ordered=ordered).softened()
    records = [0, 1, before, 2, 0, 3]
    found = hr.stream(records).apply(stage).collect()
    if ordered:
        assert [type(x) for x in found] == [Failed, int, Failed, int, Failed, int]
        assert found[2] is before
    assert sorted(x for x in found if isinstance(x, int)) == [20, 30, 60]
    failed = [x for x in found if isinstance(x, Failed) and x is not before]
    assert [(type(x.error), x.stage) for x in failed] == [
        (ZeroDivisionError, "async_map(<lambda>)")
    ] * 2


# -- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_break_error_and_a_dropped_reference_end_all_threads(is_async: bool) -> None:
    async def waiting(x: int) -> int:
        return 12 // (5 - x)

    def plain(x: int) -> int:
        return 12 // (5 - x)

    fn: Any = waiting if is_async else plain
    stream = hr.stream(range(9)).async_map(fn)
    for _ in stream:
        break
    assert alive() == []
    with pytest.raises(ZeroDivisionError):
        stream.collect()
    assert alive() == []
    loader = hr.DataLoader(stream, backend=hr.Threads(1))
    records = iter(loader)
    assert next(records) == 2
    assert alive() != []
    del loader, records
    gc.collect()
    assert alive() == []


def test_a_closed_cursor_keeps_its_state_and_reads_no_more() -> None:
    cursor = hr.stream(range(9)).async_map(str).node.open(Run())
    assert cursor.read(1) == ["0"]
    cursor.close()
    cursor.close()
    assert cursor.state()["at"] == 1
    with pytest.raises(ClosedError, match="this cursor was closed"):
        cursor.read(1)


def test_a_cursor_that_is_never_read_starts_nothing() -> None:
    fn = Counted()
    cursor = hr.stream(range(9)).async_map(fn).prefetch(2).node.open(Run())
    assert alive() == []
    assert cursor.state()["at"] == 0
    cursor.close()
    assert fn.calls == []


def test_an_interrupted_wait_loses_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "CLOSE_SECONDS", 0.05)
    fn = Counted(lambda x: x == 3)
    has_three = threading.Event()

    def interrupt() -> None:
        while 3 not in fn.calls:
            fn.wait_for_calls(1)
        assert has_three.wait(SECONDS)
        # The call of 3 is held: the loop waits for it.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    # A process that a shell began in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    loader = hr.DataLoader(hr.stream(range(6)).async_map(fn))
    found: list[int] = []

    def read() -> None:
        for record in loader:
            found.append(record)
            if len(found) == 3:
                has_three.set()

    try:
        with pytest.raises(KeyboardInterrupt):
            read()
    finally:
        signal.signal(signal.SIGINT, before)
    interrupter.join(SECONDS)
    fn.gate.set()
    assert found == [0, 10, 20]
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == [0, 10, 20, 30, 40, 50]


def test_a_hanging_function_is_left_behind_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "CLOSE_SECONDS", 0.05)
    fn = Counted(lambda x: x > 0)
    records = iter(hr.stream(range(9)).async_map(fn, buffer=3, max_workers=3))
    assert next(records) == 0
    fn.wait_for_calls(3)
    records.close()  # type: ignore[attr-defined]
    assert "async_map(Counted) still runs a user function after the end" in caplog.text
    fn.gate.set()
    for thread in threading.enumerate():
        if thread.name in alive():
            thread.join(SECONDS)


def test_a_hanging_source_is_left_behind_and_closed_when_it_returns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "CLOSE_SECONDS", 0.05)
    gate, ended = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        try:
            yield 0
            assert gate.wait(SECONDS)
            yield 1
        finally:
            ended.set()

    records = iter(hr.stream(source).prefetch(3))
    assert next(records) == 0
    records.close()  # type: ignore[attr-defined]
    assert "headrace-ahead still draws from its source 0.05 s after the end" in caplog.text
    assert not ended.is_set()
    gate.set()
    assert ended.wait(SECONDS)


def test_explain_says_how_far_it_looks_ahead() -> None:
    text = hr.stream(range(9)).async_map(str, buffer=7).prefetch(3).explain()
    assert "async_map(str): up to 7 undelivered records" in text
    assert "prefetch(3): up to 3 undelivered records" in text
