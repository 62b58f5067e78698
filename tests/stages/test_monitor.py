"""`monitor`: the right rates, told between two records, and nothing else changed."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Columns, Cursor, Marks, Run, State, columns_of, iterate
from headrace.contracts.errors import ArgumentError
from headrace.stages import Monitor
from headrace.stages.monitor import MonitorCursor, Report
from headrace.testing import check_stage

IOPS, THROUGHPUT = "IOPS number/s", "throughput MB/s"


class Clock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def nothing(report: Report) -> None:
    """Takes a report and drops it."""


def watched(clock: Clock, records: Callable[[], Iterator[Any]], stage: Monitor) -> MonitorCursor:
    return MonitorCursor(hr.stream(records).node.open(Run()), stage, clock)


def test_monitor_conforms() -> None:
    check_stage(lambda stream: stream.monitor(nothing), iter)


def test_monitors_between_stages_conform() -> None:
    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 3)
            .monitor(nothing, prefix="a/")
            .map(str)
            .monitor(nothing, every=1e-6)
            .batch(2, collate="list")
            .monitor(nothing, metrics={"iops"})
        )
    )


@pytest.mark.parametrize("reads", [0, 1, 4], ids=["for", "read(1)", "read(4)"])
@pytest.mark.parametrize("every", [0.02, 0.1, 1.0])
def test_s_b17_w_records_are_divided_by_w_intervals(reads: int, every: float) -> None:
    clock, reports = Clock(), list[Report]()

    def records() -> Iterator[bytes]:
        for _ in range(200):
            clock.now_s += 0.005
            yield bytes(1000)

    cursor = watched(clock, records, Monitor(reports.append, every=every))
    if reads:
        while block := cursor.read(reads):
            clock.now_s += 0.015 * len(block)
    else:
        for _ in cursor:
            clock.now_s += 0.015
    # Steps of 20 ms in all, 50 a second: also in the first report, and in each later one.
    assert len(reports) >= 4 / every / (reads or 1) / 2
    assert [report[IOPS] for report in reports] == pytest.approx([50.0] * len(reports))
    assert [report[THROUGHPUT] for report in reports] == pytest.approx([0.05] * len(reports))


def test_s_b17_a_window_of_one_record_divides_by_no_zero() -> None:
    clock, reports = Clock(), list[Report]()
    for _ in watched(clock, lambda: iter(range(3)), Monitor(reports.append, every=1e-9)):
        pass
    assert reports == [{IOPS: 0.0, THROUGHPUT: 0.0}], "no time has passed on this clock"


def test_s_b17_nothing_is_pickled() -> None:
    huge = np.broadcast_to(np.zeros(1, np.uint8), (10**12,))
    clock, reports = Clock(), list[Report]()
    for _ in watched(clock, lambda: iter([{"x": huge}, threading.Lock()]), Monitor(reports.append)):
        clock.now_s += 1.0
    assert reports[-1][THROUGHPUT] == pytest.approx(500_000, rel=1e-3)


def test_the_rates_are_those_of_the_last_seconds() -> None:
    clock, reports = Clock(), list[Report]()

    def records() -> Iterator[int]:
        for number in range(2000):
            clock.now_s += 0.01 if number < 1200 else 0.1
            yield number

    assert len(list(watched(clock, records, Monitor(reports.append, every=5.0)))) == 2000
    assert [round(report[IOPS]) for report in reports[:2]] == [100, 100]
    assert [report[IOPS] for report in reports[4:]] == pytest.approx([10.0] * len(reports[4:]))


def test_a_throttled_source_has_its_rate() -> None:
    never, reports = threading.Event(), list[Report]()

    def records() -> Iterator[bytes]:
        for _ in range(60):
            never.wait(0.005)
            yield bytes(10_000)

    began_s = time.perf_counter()
    assert hr.stream(records).monitor(reports.append, every=0.05).join() == 60
    truth = 60 / (time.perf_counter() - began_s)
    assert len(reports) >= 3
    assert reports[-1][IOPS] == pytest.approx(truth, rel=0.1)
    assert reports[-1][THROUGHPUT] == pytest.approx(truth * 0.01, rel=0.1)


def test_several_monitors_tell_themselves_apart_by_their_prefixes() -> None:
    found: Report = {}
    stream = (
        hr.stream([np.zeros(1000)] * 64)
        .monitor(found.update, prefix="records/")
        .batch(8)
        .monitor(found.update, prefix="batches/")
    )
    assert stream.join() == 8
    names = [f"{prefix}/{name}" for prefix in ("batches", "records") for name in (IOPS, THROUGHPUT)]
    assert sorted(found) == names
    # Eight times as many in the same time; how long that was varies on a busy machine.
    assert found[f"records/{IOPS}"] > found[f"batches/{IOPS}"]


@pytest.mark.parametrize(("metric", "key"), [("iops", IOPS), ("throughput", THROUGHPUT)])
def test_only_the_chosen_metric_is_reported(metric: str, key: str) -> None:
    reports: list[Report] = []
    hr.stream(range(3)).monitor(reports.append, metrics=[metric]).join()
    assert [list(report) for report in reports] == [[key]]
    assert type(reports[0][key]) is float


def test_each_epoch_ends_with_a_report_and_an_empty_one_without() -> None:
    reports: list[Report] = []
    loader = hr.DataLoader(hr.stream(range(3)).monitor(reports.append))
    for epoch in range(3):
        assert list(loader) == [0, 1, 2]
        assert len(reports) == epoch + 1
    hr.stream([]).monitor(reports.append).join()
    assert len(reports) == 3


def test_a_block_passes_untouched() -> None:
    columns = columns_of({"x": np.arange(12).reshape(6, 2)})

    class Endless:
        def read(self, n: int) -> Columns[Any]:
            return columns

        def state(self) -> State:
            return {"stages": []}

        def close(self) -> None:
            pass

    assert MonitorCursor(Endless(), Monitor(nothing)).read(6) is columns


def test_a_monitor_changes_no_position_of_a_state() -> None:
    ref = hr.DataRef.from_sequence(range(50)).shuffle(seed=1)
    plain = ref.stream().filter(lambda x: x % 3).take(20)
    with hr.DataLoader(plain) as one, hr.DataLoader(plain.monitor(nothing)) as other:
        for first, second in zip(one, other, strict=True):
            assert first == second
            ours, theirs = one.state_dict(), other.state_dict()
            assert theirs["stages"] == [*ours["stages"], None]
            ignored = {"stages", "chain"}
            assert {k: ours[k] for k in ours.keys() - ignored} == {
                k: theirs[k] for k in theirs.keys() - ignored
            }


def test_a_state_loads_whoever_watches() -> None:
    stream = hr.stream(range(9))
    first = hr.DataLoader(stream.monitor(nothing, prefix="one/"))
    assert next(iter(first)) == 0
    second = hr.DataLoader(stream.monitor(print, prefix="two/", metrics={"iops"}, every=9))
    second.load_state_dict(first.state_dict())
    assert next(iter(second)) == 1


def drain(cursor: Cursor[Any], found: list[Any], *, reads: bool) -> None:
    """Puts all that is left into `found`, two by two or one by one."""
    if not reads:
        found.extend(iterate(cursor))
    while block := cursor.read(2):
        found += block


@pytest.mark.parametrize("reads", [False, True], ids=["for", "read"])
def test_a_failing_callback_is_named_raised_again_and_loses_no_record(reads: bool) -> None:
    def full(report: Report) -> None:
        raise OSError("the disk is full")

    stream = hr.stream(range(9)).monitor(full, prefix="train/", every=1e-9)
    cursor = stream.node.open(Run())
    found: list[Any] = []
    with pytest.raises(OSError, match="the disk is full") as failure:
        drain(cursor, found, reads=reads)
    assert found == ([0, 1] if reads else [0])
    with pytest.raises(OSError, match="the disk is full"):
        drain(cursor, found, reads=reads)
    assert found == ([0, 1] if reads else [0])
    notes = failure.value.__notes__
    assert any("raised by full, the callback of a monitor with prefix 'train/'" in n for n in notes)
    assert any(note.startswith("headrace: in monitor over") for note in notes)
    rest = hr.stream(range(9)).monitor(nothing).node.open(Run(), cursor.state())
    assert found + list(iterate(rest)) == list(range(9))


def test_an_error_of_the_source_passes_and_is_raised_again() -> None:
    cursor = hr.stream([1, 0, 2]).map(lambda x: 1 // x).monitor(nothing).node.open(Run())
    assert list(cursor.read(1)) == [1]
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cursor.read(1)
    assert cursor.state()["at"] == 1


def test_it_is_pickled_with_its_callback_which_must_allow_it() -> None:
    stream = hr.stream(range(3)).monitor(functools.partial(print, end=""))
    assert cloudpickle.loads(cloudpickle.dumps(stream)).collect() == [0, 1, 2]
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot pickle '_thread.lock'"):
        cloudpickle.dumps(hr.stream(range(3)).monitor(lambda report: lock))


@pytest.mark.parametrize("callback", [None, "wandb", {}])
def test_a_callback_that_is_no_function_is_refused(callback: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"monitor calls a function .* got .* Pass the function"
    ):
        hr.stream([1]).monitor(callback)


def test_a_prefix_that_is_no_text_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"prefix of a monitor must be text, got 3. Give one"):
        hr.stream([1]).monitor(nothing, prefix=3)  # type: ignore[arg-type]


def test_an_unknown_metric_is_refused_with_near_names() -> None:
    with pytest.raises(
        ArgumentError, match=r"got 'iopps'. Did you mean one of 'iops', 'throughput'"
    ):
        hr.stream([1]).monitor(nothing, metrics={"iopps"})
    with pytest.raises(ArgumentError, match=r"'iops' and 'throughput', got \['iops'\]"):
        hr.stream([1]).monitor(nothing, metrics=[["iops"]])  # type: ignore[list-item]


@pytest.mark.parametrize("metrics", [(), "iops", None, 3])
def test_metrics_that_are_no_set_of_names_are_refused(metrics: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must be a set of names, got .* leave out .monitor"):
        hr.stream([1]).monitor(nothing, metrics=metrics)


@pytest.mark.parametrize("every", [0, -1.0, float("nan"), float("inf"), "5", True, None])
def test_an_interval_that_is_none_is_refused(every: Any) -> None:
    with pytest.raises(ArgumentError, match=r"so many seconds, more than 0, got .* 5.0 makes"):
        hr.stream([1]).monitor(nothing, every=every)


def test_a_place_behind_it_is_marked_without_making_a_state() -> None:
    cursor = hr.stream(range(9)).batch(2).monitor(nothing).progress().node.open(Run())
    # A loader marks each 16th batch.
    assert isinstance(cursor, Marks)
    batches = iterate(cursor)
    next(batches)
    mark, state = cursor.mark(), cursor.state()
    next(batches)
    assert mark.state() == state != cursor.state()
