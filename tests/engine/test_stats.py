"""What the stages of a timed run did, and which of them holds it up."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Backend
from headrace.contracts.errors import StreamError
from headrace.contracts.timing import Account, CoreTime, Timing
from headrace.engine import Stats, stats_of
from headrace.engine.stats import StageStats

PAUSE = 0.002


def slow(x: int) -> int:
    # What is measured is time itself: here a sleep stands for work.
    time.sleep(PAUSE)
    return x


def array(_: int) -> Any:
    return np.zeros(100)


def ran(stream: hr.Stream[Any], backend: Backend | None = None) -> tuple[Stats, list[Any]]:
    with hr.DataLoader(stream, backend=backend, stats=True) as loader:
        records = list(loader)
        return loader.stats(), records


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(2)], ids=str)
def test_each_stage_tells_its_records_bytes_and_busy_time(backend: Backend) -> None:
    stream = hr.stream(range(60)).map(slow).filter(lambda x: x % 3).map(array).batch(8)
    stats, batches = ran(stream, backend)
    assert [stage.records for stage in stats.stages] == [60, 60, 40, 40, 5]
    assert [stage.where for stage in stats.stages] == [*["task"] * 4, "consumer"]
    assert [stage.size_bytes for stage in stats.stages] == [480, 480, 320, 32_000, 32_000]
    busy = [stage.busy_s for stage in stats.stages]
    assert busy[1] >= 60 * PAUSE
    assert busy[1] == max(busy)
    assert len(batches) == stats.records == 5


def test_the_bottleneck_is_named_with_its_ceiling() -> None:
    stats, _ = ran(hr.stream(range(50)).map(slow).map(array).batch(10))
    assert stats.bottleneck.startswith("map(slow) is the bottleneck: it is busy ")
    assert stats.stages[1].ceiling <= 1 / PAUSE
    assert "outputs/s at most" in stats.bottleneck


def test_workers_share_a_stage_and_its_ceiling_counts_them() -> None:
    stats, _ = ran(hr.stream(range(200)).map(slow).batch(10), hr.Threads(2))
    slowest = stats.stages[1]
    assert slowest.num_workers == 2
    assert 1 / PAUSE < slowest.ceiling <= 2 / PAUSE
    assert "on 2 workers" in stats.bottleneck


def test_async_map_is_busy_on_workers_of_its_own() -> None:
    stats, _ = ran(hr.stream(range(40)).async_map(slow, max_workers=4).batch(10))
    stage = stats.stages[1]
    assert stage.num_workers == 4
    assert stage.busy_s >= 40 * PAUSE
    assert stage.records == 40


def test_a_slow_reader_is_the_bottleneck() -> None:
    with hr.DataLoader(hr.stream(range(20)).map(str), stats=True) as loader:
        for record in loader:
            slow(int(record))
        stats = loader.stats()
    assert stats.bottleneck.startswith("The loop that reads is the bottleneck: it holds a record ")
    assert stats.held_s >= 20 * PAUSE
    assert stats.stages[1].waiting_for_output_s >= 20 * PAUSE


def test_stages_that_wait_say_for_what() -> None:
    stats, _ = ran(hr.stream(range(50)).map(slow).filter(lambda x: True).batch(10).map(array))
    last = stats.stages[-1]
    assert last.where == "consumer"
    assert last.waiting_for_input_s >= 50 * PAUSE
    assert last.waiting_for_output_s < 50 * PAUSE


def test_joined_chains_and_windows_are_rows_of_their_own() -> None:
    stream = hr.stream(range(12)).map(slow).concat(hr.stream(range(3)).map(slow)).batch(5)
    stats, _ = ran(stream)
    assert [stage.records for stage in stats.stages][-2:] == [15, 3]
    assert stats.stages[-2].busy_s >= 3 * PAUSE
    windowed, _ = ran(hr.stream(range(12)).filter(lambda x: x % 2).shuffle(4, seed=1))
    assert [stage.records for stage in windowed.stages] == [12, 6, 6]


def test_covered_failures_and_flat_maps_are_counted() -> None:
    stream = hr.stream(["1", "x", "22"]).map(int).on_error("skip").flat_map(lambda n: [slow(n)] * 2)
    stats, records = ran(stream)
    assert records == [1, 1, 22, 22]
    assert stats.stages[-1].records == 4
    assert stats.stages[-1].busy_s >= 2 * PAUSE


def test_on_error_at_the_end_counts_what_it_lets_through() -> None:
    stats, records = ran(hr.stream(["1", "x", "22"]).map(int).on_error("skip"))
    assert stats.records == len(records) == 2
    assert "bottleneck" in stats.bottleneck


def test_stages_that_took_no_time_are_no_bottleneck() -> None:
    stage = StageStats("map", "task", 3, 0, 0.0, 0.0, 0.0, 1)
    assert stage.ceiling == float("inf")
    assert Stats((stage,), 3, 0.1, 0.0).bottleneck == "No stage has taken any time yet."


def test_times_change_no_data_and_add_up_over_epochs() -> None:
    stream = hr.stream(range(30)).map(array).filter(lambda x: True).batch(4).map(np.shape)
    with hr.DataLoader(stream, stats=True) as timed, hr.DataLoader(stream) as plain:
        assert [list(timed) for _ in range(2)] == [list(plain) for _ in range(2)]
        assert timed.stats().stages[0].records == 60
        assert timed.state_dict() == plain.state_dict()


def test_explain_tells_the_bottleneck_of_a_second_of_reading() -> None:
    text = hr.stream(range(30)).map(slow).batch(10).explain(stats=True)
    assert "map(slow) is the bottleneck" in text
    assert "waits in" in text
    endless = hr.stream(range(30)).map(slow).repeat().explain(stats=True)
    assert "map(slow) is the bottleneck" in endless


def test_an_empty_stream_has_no_bottleneck() -> None:
    stats, _ = ran(hr.stream([]))
    assert stats.bottleneck == "Nothing was read yet."
    assert "Nothing was read yet." in str(stats)


def test_stats_of_a_loader_without_times_says_how_to_get_them() -> None:
    loader = hr.DataLoader(hr.stream(range(3)))
    with pytest.raises(StreamError, match=r"stats\(\) was asked .* stats=True"):
        loader.stats()


def test_a_slow_start_is_told_apart() -> None:
    def start(x: int) -> int:
        time.sleep(0 if x else 50 * PAUSE)
        return x

    stats, _ = ran(hr.stream(range(20)).map(start))
    assert stats.first_s >= 50 * PAUSE
    assert "The first output took " in str(stats)
    plain, _ = ran(hr.stream(range(20)).map(slow))
    assert "The first output took " not in str(plain)


def test_what_passes_before_the_first_output_is_no_part_of_the_rate() -> None:
    stats = Stats(
        (StageStats("map(f)", "task", 11, 0, 0.1, 0.0, 0.0, 1),),
        records=11,
        wall_s=3.0,
        held_s=0.0,
        first_s=2.0,
    )
    assert "; 10 outputs/s now; " in stats.bottleneck


def test_computing_that_waits_for_a_core_is_still_computing() -> None:
    timing = Timing(hr.stream([0]).map(slow).node)
    timing.accounts[0] = Account(seconds=1.0, given=1, cpu_s=0.25, watched_s=1.0)
    assert stats_of(timing.chain, timing).stages[-1].cpu_share == 0.25
    timing.queued(CoreTime(1.0, 5.0), CoreTime(2.0, 8.0))
    assert stats_of(timing.chain, timing).stages[-1].cpu_share == 1.0
    # A thread that is another one says nothing.
    timing.queued(CoreTime(9.0, 9.0), CoreTime(0.0, 0.0))
    assert timing.stretch == 4.0
