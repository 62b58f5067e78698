"""`Composable`: each method and default, against what plain Python gives."""

from __future__ import annotations

import copy
import itertools
import logging
import pickle
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.compat.squirrel.iterstream import Composable, IterableSource, MetricsConf
from headrace.compat.squirrel.iterstream.base import AsyncContent
from headrace.compat.squirrel.iterstream.rates import Rates
from headrace.compat.squirrel.storage import MemoryStore
from headrace.contracts.errors import ArgumentError, StreamError

# Any, in this file: records are untyped in a Composable.
sizes = st.integers(0, 12)


def is_even(number: int) -> bool:
    return number % 2 == 0


def add(number: int, by: int = 1) -> int:
    return number + by


class Named(Composable):
    """As the documents have it: the constructor calls no other."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __iter__(self) -> Iterator[Any]:
        for record in self.source:
            yield f"{self.name}{record}"


# -- records one by one ---------------------------------------------------------------------------


def test_map_binds_its_keyword_arguments() -> None:
    assert IterableSource(range(3)).map(add, by=10).collect() == [10, 11, 12]


def test_filter_keeps_the_order() -> None:
    assert IterableSource([4, 1, 2, 3]).filter(is_even).collect() == [4, 2]


@pytest.mark.parametrize("name", ["async_map", "map_async"])
def test_both_names_of_async_map_give_results_in_order_and_bind_arguments(name: str) -> None:
    last_is_done = threading.Event()

    def slow_first(number: int, by: int) -> int:
        if number == 0:
            assert last_is_done.wait(10)
        if number == 3:
            last_is_done.set()
        return number + by

    method: Callable[..., Composable] = getattr(IterableSource(range(4)), name)
    assert method(slow_first, max_workers=4, by=10).collect() == [10, 11, 12, 13]


def test_async_map_leaves_a_given_executor_open_and_ignores_max_workers() -> None:
    with ThreadPoolExecutor(2) as pool:
        chain = IterableSource(range(4)).async_map(add, executor=pool, max_workers=7)
        assert chain.collect() == [1, 2, 3, 4]
        assert pool.submit(add, 1).result() == 2


@pytest.mark.slow
def test_async_map_runs_in_processes() -> None:
    with ProcessPoolExecutor(1) as pool:
        chain = IterableSource(range(4)).async_map(lambda number: number + 1, executor=pool)
        assert chain.collect() == [1, 2, 3, 4]


def test_an_error_is_raised_at_its_record_and_ends_the_iteration() -> None:
    records = iter(IterableSource([2, 1, 0, 5]).async_map(lambda number: 10 // number))
    assert [next(records), next(records)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(records)
    with pytest.raises(StopIteration):
        next(records)


def test_s_b2_the_first_result_comes_after_one_call() -> None:
    first_is_given = threading.Event()

    def after_the_first(number: int) -> int:
        assert number == 0 or first_is_given.wait(10)
        return number

    records = iter(IterableSource(range(300)).async_map(after_the_first).async_map(add))
    assert next(records) == 1
    first_is_given.set()
    assert list(records) == list(range(2, 301))


def test_s_b4_a_buffer_of_nothing_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"buffer must be .* at least 1, got 0"):
        IterableSource(range(3)).async_map(add, buffer=0)


def test_s_b5_an_unknown_executor_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="executor must be None"):
        IterableSource(range(3)).async_map(add, executor="fibers")


def test_s_b6_an_error_names_its_step_and_record() -> None:
    with pytest.raises(ZeroDivisionError) as failure:
        IterableSource([1, 0]).map(lambda number: 1 // number).join()
    assert any("position 1" in note for note in failure.value.__notes__)


def test_numba_compiles_in_both_ways_to_ask() -> None:
    pytest.importorskip("numba")
    arrays = [np.arange(3.0), np.ones(3)]
    for chain in (
        IterableSource(arrays).numba_map(np.sum),
        IterableSource(arrays).async_map(lambda array: array.sum(), executor="numba"),
    ):
        assert chain.collect() == [3, 3]


def test_dask_calls_are_chained_and_then_computed() -> None:
    pytest.importorskip("dask")
    chain = IterableSource(range(3)).dask_map(add, by=2).dask_map(add)
    assert type(chain.collect()[0]).__name__ == "Delayed"
    assert chain.materialize_dask().collect() == [3, 4, 5]


def test_flatten_gives_members_characters_and_keys() -> None:
    assert IterableSource([[1], (), "ab", {"k": 1}]).flatten().collect() == [1, "a", "b", "k"]


# -- batches and windows --------------------------------------------------------------------------


@given(size=sizes, batch=st.integers(1, 5), drops=st.booleans())
def test_batched_gives_lists(size: int, batch: int, drops: bool) -> None:
    expected = [list(range(size))[at : at + batch] for at in range(0, size, batch)]
    if drops:
        expected = [one for one in expected if len(one) == batch]
    for source in (range(size), list(range(size)), lambda: iter(range(size))):
        chain = IterableSource(source).batched(batch, drop_last_if_not_full=drops)
        assert chain.collect() == expected
        assert all(type(one) is list for one in chain)


def test_batched_calls_the_collation_function_with_a_list() -> None:
    chain = IterableSource([np.zeros(2), np.ones(2)]).batched(2, np.stack)
    assert chain.collect()[0].tolist() == [[0, 0], [1, 1]]


def test_s_b16_a_batch_of_none_is_refused_and_a_short_last_one_dropped_as_documented() -> None:
    with pytest.raises(ArgumentError, match="batch size must be .* at least 1, got 0"):
        IterableSource(range(3)).batched(0)
    assert IterableSource(range(3)).batched(2).collect() == [[0, 1]]


@given(size=sizes, window=st.integers(2, 5), data=st.data())
def test_sliding_gives_every_window(size: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window))
    least = data.draw(st.integers(1, window - 1))
    is_deep = data.draw(st.booleans())
    records = list(range(size))
    begun = [records[at : at + window] for at in range(0, size, stride)]
    sliding = partial(IterableSource(records).sliding, window, deepcopy=is_deep, stride=stride)

    assert sliding().collect() == [one for one in begun if len(one) == window]
    partly = sliding(drop_last_if_not_full=False, min_window_size=least)
    assert partly.collect() == [one for one in begun if len(one) >= least]
    filled = sliding(drop_last_if_not_full=False, min_window_size=least, fill_nan_on_partial=True)
    assert filled.collect() == [[*one, *[None] * (window - len(one))] for one in begun]


def test_sliding_copies_records_only_where_it_is_asked_to() -> None:
    records = [[0], [1], [2]]
    shared = IterableSource(records).sliding(2, deepcopy=False).collect()
    copied = IterableSource(records).sliding(2, deepcopy=True).collect()
    assert shared == copied
    assert shared[0][1] is shared[1][0] is records[1]
    assert copied[0][1] is not copied[1][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_size": 1}, "window_size must be above 1, got 1"),
        ({"window_size": 3, "min_window_size": 3}, "min_window_size must be from 1 to below"),
        ({"window_size": 3, "min_window_size": 0}, "min_window_size must be from 1 to below"),
        ({"window_size": 3, "stride": 4}, "stride must be from 1 to window_size=3, got 4"),
        ({"window_size": 3, "stride": 0}, "stride must be from 1 to window_size=3, got 0"),
    ],
)
def test_sliding_refuses_sizes_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IterableSource(range(9)).sliding(deepcopy=False, **arguments)


@pytest.mark.parametrize("records", [[], [None], [1, None, None, None, 2, 3]])
def test_s_b15_windows_of_none_and_of_short_streams_are_given_as_they_are(
    records: list[Any],
) -> None:
    chain = IterableSource(records).sliding(
        3, deepcopy=False, drop_last_if_not_full=False, min_window_size=2
    )
    windows = [records[at : at + 3] for at in range(len(records))]
    assert chain.collect() == [one for one in windows if len(one) >= 2]


# -- which records --------------------------------------------------------------------------------


@given(size=sizes, window=st.integers(0, 12), seed=st.integers(0, 9))
def test_shuffle_gives_each_record_once(size: int, window: int, seed: int) -> None:
    for source in (range(size), lambda: iter(range(size))):
        chain = IterableSource(source).shuffle(window, initial=3, seed=seed)
        assert sorted(chain.collect()) == list(range(size))


def test_shuffle_below_two_does_nothing_and_none_is_a_thousand() -> None:
    source = IterableSource(range(3000))
    assert source.shuffle(1) is source
    kept = source.shuffle(size=None, seed=3).collect()
    assert kept == source.shuffle(1000, seed=3).collect()
    assert kept[:1000] != list(range(1000)) == sorted(kept[:1000])


@pytest.mark.parametrize("seed", [7, 0.5, "text", b"bytes", None])
def test_s_b8_epochs_differ_and_the_same_program_gives_them_again(seed: Any) -> None:
    def epochs() -> list[list[int]]:
        chain = IterableSource(range(50)).shuffle(seed=seed)
        return [chain.collect() for _ in range(3)]

    first = epochs()
    assert first == epochs()
    assert first[0] != first[1] != first[2]
    assert IterableSource(range(50)).shuffle(seed=seed).loop(3).collect() == [
        *first[0],
        *first[1],
        *first[2],
    ]


def test_s_b7_a_given_generator_is_drawn_from_and_never_seeded() -> None:
    first, second = random.Random(42), random.Random(42)
    chain = IterableSource(range(50))
    assert chain.shuffle(rng=first).collect() == chain.shuffle(rng=second).collect()
    assert first.getstate() == second.getstate() != random.Random(42).getstate()
    random.seed(3)
    expected = random.Random(3)
    expected.getrandbits(63)
    assert sorted(chain.shuffle(rng=random).collect()) == list(range(50))
    assert random.getstate() == expected.getstate()


def test_seeds_and_generators_of_other_types_are_refused() -> None:
    with pytest.raises(ArgumentError, match="a seed must be a number, text or bytes, got \\[1\\]"):
        IterableSource([1]).shuffle(seed=[1])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="rng must be the random module or a random.Random"):
        IterableSource([1]).shuffle(rng=np.random.default_rng(1))  # type: ignore[arg-type]


def test_take_reads_no_record_more() -> None:
    numbers = itertools.count()
    source = IterableSource(numbers)
    assert source.map(str).async_map(str).take(3).collect() == ["0", "1", "2"]
    assert next(numbers) == 3
    assert source.take(None) is source


def test_an_iterator_goes_on_where_the_last_reading_left_it() -> None:
    source = IterableSource(iter(range(6)))
    assert [source.take(2).collect(), source.collect(), source.collect()] == [
        [0, 1],
        [2, 3, 4, 5],
        [],
    ]


def test_loop_counts_the_epochs_that_have_ended() -> None:
    loop = IterableSource("ab").loop(2)
    assert (loop.collect(), loop.counter) == (["a", "b", "a", "b"], 2)
    assert (loop.take(3).collect(), loop.counter) == (["a", "b", "a"], 3)
    assert IterableSource("ab").loop().take(5).collect() == ["a", "b", "a", "b", "a"]
    assert IterableSource([]).loop().collect() == []


def test_s_b13_loops_over_generators_executors_and_open_files(tmp_path: Any) -> None:
    path = tmp_path / "lines"
    path.write_text("1\n2\n")
    with path.open() as file, ThreadPoolExecutor(1) as pool:
        chain = IterableSource(file).async_map(int, executor=pool).loop(2)
        assert chain.collect() == [1, 2]
    assert IterableSource(number for number in range(2)).loop().collect() == [0, 1]


def test_s_b14_numbers_begin_anew_in_each_epoch() -> None:
    chain = IterableSource("ab").zip_index()
    assert chain.collect() == chain.collect() == [(0, "a"), (1, "b")]
    assert IterableSource("ab").zip_index(pad_length=3).collect() == [("000", "a"), ("001", "b")]


# -- chains of one's own --------------------------------------------------------------------------


def test_compose_takes_classes_with_and_without_a_constructor_and_partials() -> None:
    class Plain(Composable):
        def __iter__(self) -> Iterator[Any]:
            yield from self.source

    source = IterableSource([1, 2])
    assert source.compose(Named, "n").compose(Plain).collect() == ["n1", "n2"]
    assert source.compose(partial(Named, name="p")).map(str.upper).collect() == ["P1", "P2"]


def test_what_is_before_a_class_of_ones_own_is_in_the_same_epoch() -> None:
    plain = IterableSource(range(20)).shuffle(seed=1)
    named = IterableSource(range(20)).shuffle(seed=1).compose(Named).map(int)
    for _ in range(3):
        assert named.collect() == plain.collect()
    looped = IterableSource(range(20)).shuffle(seed=1).compose(Named).map(int).loop(2)
    assert looped.collect() == IterableSource(range(20)).shuffle(seed=1).loop(2).collect()


def test_compose_refuses_a_source() -> None:
    class Sourced(Composable):
        def __init__(self, source: Any) -> None:
            super().__init__(source)

    with pytest.raises(ValueError, match="a constructor without a parameter of that name"):
        IterableSource([1]).compose(Sourced)
    with pytest.raises(ArgumentError, match="compose sets the source"):
        IterableSource([1]).compose(Named, source=[2])


def test_a_class_may_read_what_it_inherits() -> None:
    class Doubled(IterableSource):
        def __iter__(self) -> Iterator[Any]:
            for record in super().__iter__():
                yield record * 2

    assert Doubled([1, 2]).map(str).collect() == ["2", "4"]


def test_a_class_without_iter_is_refused_when_it_is_read() -> None:
    class Empty(Composable):
        pass

    with pytest.raises(StreamError, match="Empty does not say what it gives"):
        Empty([1]).collect()
    with pytest.raises(TypeError, match="an iterable, or a function that gives one, was expected"):
        Composable().collect()


def test_to_calls_a_function_with_the_iterator_and_arguments() -> None:
    def every(records: Iterator[int], step: int, *, start: int) -> Iterator[int]:
        return itertools.islice(records, start, None, step)

    chain = IterableSource(range(7)).to(every, 3, start=1)
    assert chain.collect() == chain.collect() == [1, 4]
    assert "through(every)" in repr(chain.as_stream())
    with pytest.raises(ArgumentError, match="gives .* its source itself, got source=3"):
        IterableSource([1]).to(every, source=3)
    with pytest.raises(TypeError, match="an iterator was expected"):
        IterableSource([1]).to(list).collect()  # type: ignore[arg-type]


def test_sink_and_prefetch_go_through_a_store() -> None:
    store = MemoryStore()
    IterableSource(range(10)).sink(store)
    chain = IterableSource(store.keys).shuffle(size=5).prefetch(store).batched(batchsize=2)
    assert sorted(itertools.chain(*chain.collect())) == list(range(10))


def test_s_b1_prefetch_reads_shards_on_its_threads() -> None:
    readers: set[str] = set()

    class Lazy:
        def get(self, key: str) -> Iterator[int]:
            for record in store.get(key):
                readers.add(threading.current_thread().name)
                yield record

    store = MemoryStore()
    IterableSource(range(12)).batched(3).sink(store)
    found = IterableSource(store.keys()).prefetch(Lazy(), max_workers=2).flatten().collect()
    assert sorted(found) == list(range(12))
    assert threading.current_thread().name not in readers


def test_join_gives_none_and_collect_a_list() -> None:
    seen: list[int] = []
    assert IterableSource([1, 2]).map(seen.append).join() is None  # type: ignore[func-returns-value]
    assert seen == [1, 2]


def test_chains_pickle_and_go_on_in_their_epoch() -> None:
    chain = IterableSource(range(20)).map(add, by=2).shuffle(seed=1).batched(4).loop(2)
    chain.join()
    again = pickle.loads(pickle.dumps(chain))
    assert copy.deepcopy(chain).collect() == again.collect() == chain.collect()


def test_a_chain_is_a_stream_that_resumes_exactly() -> None:
    chain = IterableSource(range(20)).shuffle(8, seed=1).async_map(add)
    with hr.DataLoader(chain.batched(3).as_stream(), backend=hr.Threads(2)) as loader:
        batches = iter(loader)
        seen = [next(batches), next(batches)]
        state = loader.state_dict()
    with hr.DataLoader(chain.batched(3).as_stream()) as other:
        other.load_state_dict(state)
        assert [*seen, *other] == chain.batched(3).collect()


# -- watching -------------------------------------------------------------------------------------


def test_monitor_reports_from_the_record_on_that_fills_its_window() -> None:
    reports: list[dict[str, float]] = []
    chain = IterableSource([np.zeros(2**17)] * 7).monitor(reports.append, prefix="(x) ")
    assert len(chain.collect()) == 7
    assert len(reports) == 3
    assert list(reports[0]) == ["(x) IOPS number/s", "(x) throughput MB/s"]
    # A record is 1 MB, which is 2**20 bytes.
    for report in reports:
        iops, throughput = report.values()
        assert iops == pytest.approx(throughput, abs=0.02)


def test_monitor_passes_arguments_on_and_reports_what_is_off_as_nothing() -> None:
    calls = []

    def log(report: dict[str, float], step: int) -> None:
        calls.append((report, step))

    conf = MetricsConf(iops=False, throughput_unit="KB")
    IterableSource(["a" * 2048] * 5).monitor(log, metrics_conf=conf, step=3).join()
    [(report, step)] = calls
    assert (report["IOPS number/s"], step) == (0, 3)
    assert report["throughput KB/s"] > 0
    neither = MetricsConf(iops=False, throughput=False)
    assert IterableSource(range(9)).monitor(log, metrics_conf=neither).collect() == list(range(9))
    assert len(calls) == 1


def test_s_b17_so_many_records_are_divided_by_as_many_intervals() -> None:
    times = iter([0.0, 1.0, 2.0, 3.0])
    rates = Rates(3, MetricsConf, clock=lambda: next(times))
    found = []
    for record in (np.zeros(1, np.int8), np.zeros(2, np.int8), np.zeros(3, np.int8)):
        rates.add(record)
        found.append(rates.is_full)
    assert found == [False, False, True]
    assert rates.report("") == {"IOPS number/s": 1.0, "throughput MB/s": 0.0}
    reports: list[dict[str, float]] = []
    IterableSource(range(4)).monitor(reports.append, window_size=1).join()
    assert len(reports) == 4


def test_s_b17_nothing_is_pickled_to_be_weighed() -> None:
    class Heavy:
        def __reduce__(self) -> str:
            raise AssertionError("pickled")

    reports: list[dict[str, float]] = []
    IterableSource([Heavy()] * 6).monitor(reports.append).join()
    assert len(reports) == 2


def test_an_unknown_unit_warns_and_gives_bytes(caplog: pytest.LogCaptureFixture) -> None:
    reports: list[dict[str, float]] = []
    conf = MetricsConf(throughput_unit="TB")
    with caplog.at_level(logging.WARNING, logger="headrace"):
        IterableSource([b"12345678"] * 5).monitor(reports.append, metrics_conf=conf).join()
    assert "one of bytes, KB, MB and GB, got 'TB'" in caplog.text
    assert reports[0]["throughput TB/s"] == pytest.approx(8 * reports[0]["IOPS number/s"], rel=0.01)


def test_a_window_of_no_records_is_refused() -> None:
    with pytest.raises(ArgumentError, match="window_size must be .* at least 1, got 0"):
        IterableSource([1]).monitor(print, window_size=0)


def test_a_callback_that_fails_loses_no_record() -> None:
    def failing(report: dict[str, float]) -> None:
        raise RuntimeError("full disk")

    stream = IterableSource(range(9)).monitor(failing, window_size=3).as_stream()
    with hr.DataLoader(stream) as loader:
        records = iter(loader)
        assert [next(records), next(records)] == [0, 1]
        with pytest.raises(RuntimeError, match="full disk"):
            next(records)
        state = loader.state_dict()
    watched = IterableSource(range(9)).monitor(lambda report: None, window_size=3).as_stream()
    with hr.DataLoader(watched) as other:
        other.load_state_dict(state)
        assert list(other) == list(range(2, 9))


def test_reports_come_in_the_thread_that_reads() -> None:
    threads = set()

    def log(report: dict[str, float]) -> None:
        threads.add(threading.current_thread())

    chain = IterableSource(range(9)).monitor(log).async_map(add).monitor(log).batched(2)
    assert len(chain.collect()) == 4
    assert threads == {threading.current_thread()}


def test_tqdm_draws_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    assert IterableSource(range(3)).tqdm(desc="reading").collect() == [0, 1, 2]
    assert "reading: 3it" in capsys.readouterr().err


def test_async_content_is_one_call() -> None:
    with ThreadPoolExecutor(1) as pool:
        content = AsyncContent(3, add, pool)
        assert (content.value(timeout=10), content.stack, content.future.done()) == (4, 1, True)
