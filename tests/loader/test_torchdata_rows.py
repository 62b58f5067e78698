"""Faults of DataLoader2, DataPipes and torchdata.nodes, each of which is not here.

Tests are named after their rows: B and N by number, what was found by reading as 4_2. Killed
workers have tests of their own, and so have ranks.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.built import Picky
from tests.streams import each_backend, same, shuffled

import headrace as hr
from headrace import stages
from headrace.contracts import Backend, Future, Workers
from headrace.contracts.errors import ArgumentError
from headrace.executors import Ahead
from headrace.testing import CountingSequence

# Any, in this file: records of every type.
pytestmark = pytest.mark.timeout(60)


def ref(size: int = 20) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(size))


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


# -- reproduced ------------------------------------------------------------------------------


def test_b4_a_source_is_dispatched_from_one_place_with_a_reset_in_each_worker(
    tmp_path: Path,
) -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(3000):
            drawn.append(number)
            yield number

    def reset(worker: int, epoch: int) -> None:
        (tmp_path / f"{os.getpid()} {epoch}").touch()

    stream = hr.stream(numbers).map(lambda x: (x, os.getpid()))
    with hr.DataLoader(stream, backend=hr.Processes(2, worker_reset_fn=reset)) as loader:
        for _ in range(2):
            found = list(loader)
            # Each record once, in order, though several workers have had them.
            assert [x for x, _ in found] == list(range(3000))
            assert os.getpid() not in {pid for _, pid in found}
    # Drawn in this process alone, once an epoch.
    assert drawn == [*range(3000)] * 2
    resets = [path.name.split() for path in tmp_path.iterdir()]
    assert {epoch for _, epoch in resets} == {"0", "1"}
    assert len(resets) == len({tuple(one) for one in resets})


def test_b6_one_seed_gives_each_epoch_its_own_order_and_all_backends_the_same() -> None:
    found = []
    for backend in (hr.Inline(), hr.Threads(2), hr.Processes(2)):
        with hr.DataLoader(ref().stream().shuffle(20), backend=backend) as loader:
            loader.seed(5)
            found.append([list(loader) for _ in range(3)])
    assert found[0] == found[1] == found[2]
    assert len({tuple(epoch) for epoch in found[0]}) == 3
    assert all(sorted(epoch) == list(range(20)) for epoch in found[0])


def test_b7_epochs_differ_without_a_call_of_seed_and_nothing_is_shuffled_without_one() -> None:
    with hr.DataLoader(ref().shuffle(seed=5).stream()) as loader:
        assert len({tuple(loader) for _ in range(3)}) == 3
    with (
        hr.DataLoader(ref().stream().shuffle(20)) as loader,
        pytest.raises(ArgumentError, match="is shuffled without a seed. Give one to"),
    ):
        list(loader)


@each_backend
def test_b8_a_resume_in_mid_epoch_gives_the_rest(backend: Backend) -> None:
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        head = list(itertools.islice(loader, 4))
        state = json.loads(json.dumps(loader.state_dict()))
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        loader.load_state_dict(state)
        assert head + list(loader) == shuffled().collect()


def test_b9_prefetch_draws_as_far_ahead_as_it_is_told() -> None:
    drawn: list[int] = []
    stream = hr.stream(range(20)).tap(drawn.append).prefetch(5)
    with hr.DataLoader(stream) as loader:
        batches = iter(loader)
        assert next(batches) == 0
        wait_until(lambda: len(drawn) == 6)


class CountedThreads:
    """Threads that count the tasks they are given."""

    look_ahead, shares_globals = 4, True

    def __init__(self) -> None:
        self.count = 0
        self.workers: Workers | None = None

    def start(self) -> Workers:
        self.workers = hr.Threads(2).start()
        return self

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        self.count += 1
        assert self.workers is not None
        return self.workers.submit(task)

    def close(self) -> None:
        assert self.workers is not None
        self.workers.close()


def test_b10_records_travel_by_the_hundred() -> None:
    backend = CountedThreads()
    with hr.DataLoader(hr.stream(range(20_000)).map(same), backend=backend) as loader:
        assert len(list(loader)) == 20_000
    assert backend.count < 200


def test_b11_a_record_costs_no_calls_but_its_function() -> None:
    calls = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    loader = hr.DataLoader(hr.stream(range(5000)).map(same))
    sys.setprofile(count)
    try:
        records = list(loader)
    finally:
        sys.setprofile(None)
    assert len(records) == 5000
    # The function, and the generators that one record passes through.
    assert calls < 7 * 5000


def test_n1_no_epoch_leaves_a_running_part_behind() -> None:
    loader = hr.DataLoader(hr.stream(range(10)).async_map(same).prefetch(2))
    for _ in range(5):
        assert list(loader) == list(range(10))
    gc.collect()
    assert sum(type(one) is Ahead for one in gc.get_objects()) <= 2
    assert not [t for t in threading.enumerate() if t.name == "headrace-ahead"]


def test_n3_a_shuffled_dataset_resumes_in_the_order_that_it_had() -> None:
    def loader() -> hr.DataLoader[int]:
        return hr.DataLoader(ref(10).stream().shuffle(10), seed=11)

    first = loader()
    seen = list(itertools.islice(first, 5))
    second = loader()
    second.load_state_dict(first.state_dict())
    assert sorted(seen + list(second)) == list(range(10))


def test_n4_none_is_a_record_like_any_other() -> None:
    values = [1, None, None, 2, 3]
    for source in (values, lambda: iter(values)):
        stream = hr.stream(source)
        loader = hr.DataLoader(stream)
        head = list(itertools.islice(loader, 2))
        again = hr.DataLoader(stream)
        again.load_state_dict(loader.state_dict())
        assert head + list(again) == values


def test_n5_an_empty_source_ends_no_mixture() -> None:
    empty: list[int] = []
    mixed = hr.stream(empty).mix(hr.stream(range(5)), seed=1, stop="all")
    assert mixed.collect() == list(range(5))


@pytest.mark.parametrize(("buffer", "workers"), [(1, 8), (8, 1), (100, None)])
def test_n6_any_number_in_flight_goes_with_any_number_of_workers(
    buffer: int, workers: int | None
) -> None:
    stream = hr.stream(range(30)).async_map(same, buffer=buffer, max_workers=workers)
    assert stream.collect() == list(range(30))


def test_s1_a_state_loads_on_any_number_of_workers() -> None:
    def chain() -> hr.Stream[Any]:
        return shuffled(40).map(same).filter(lambda x: x % 3).batch(4, collate="list")

    whole = chain().collect()
    for before, after in [(4, 2), (4, 1), (4, 6), (1, 0), (0, 3)]:
        with hr.DataLoader(chain(), backend=threads(before)) as loader:
            head = list(itertools.islice(loader, 3))
            state = loader.state_dict()
        with hr.DataLoader(chain(), backend=threads(after)) as loader:
            loader.load_state_dict(state)
            assert head + list(loader) == whole


def threads(count: int) -> Backend:
    return hr.Threads(count) if count else hr.Inline()


# -- found by reading: correctness -----------------------------------------------------------


def test_4_2_limits_and_pauses_go_with_copies_to_a_device() -> None:
    pytest.importorskip("torch")
    stream = hr.stream(np.arange(20)).batch(2)
    with hr.DataLoader(stream, backend=hr.Threads(2), to="torch", device="cpu") as loader:
        found: list[list[int]] = []
        for _ in range(5):
            found += [batch.tolist() for batch in loader.limit(2)]
            loader.pause()
        assert found == [[n, n + 1] for n in range(0, 20, 2)]


def test_4_2_a_source_that_cannot_be_opened_raises_also_behind_a_thread() -> None:
    def broken() -> Iterator[int]:
        raise OSError("no such source")

    for backend in (hr.Inline(), hr.Threads(2)):
        with (
            hr.DataLoader(hr.stream(broken).prefetch(2), backend=backend) as loader,
            pytest.raises(OSError, match="no such source"),
        ):
            list(loader)


def test_4_2_adapters_change_a_chain_once_whatever_is_loaded() -> None:
    calls: list[str] = []

    def shorter(stream: hr.Stream[int]) -> hr.Stream[int]:
        calls.append("shorter")
        return stream.take(6)

    def doubled(stream: hr.Stream[int]) -> hr.Stream[int]:
        return stream.map(lambda x: 2 * x)

    def loader() -> hr.DataLoader[int]:
        return hr.DataLoader(hr.stream(range(10)), adapters=[shorter, doubled])

    first = loader()
    head = list(itertools.islice(first, 2))
    second = loader()
    second.load_state_dict(first.state_dict())
    assert head + list(second) == [0, 2, 4, 6, 8, 10]
    assert calls == ["shorter"] * 2
    assert repr(first).endswith("adapters=[shorter, doubled])")
    assert first.explain().endswith("adapted   by shorter, doubled")


@pytest.mark.parametrize(
    ("adapters", "message"),
    [
        (len, "adapters must be a list of functions from a Stream to a Stream, got <built-in"),
        ([5], r"adapters must be a list of functions .* got \[5\]. Pass adapters=\[function\]"),
        ([len], "an adapter must give a Stream of the Stream that it gets, and len gave 3. Return"),
    ],
)
def test_what_is_no_adapter_is_refused(adapters: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.DataLoader(hr.stream(range(3)), adapters=adapters)


def test_4_2_a_loader_of_a_subclass_stays_one() -> None:
    class Mine(hr.DataLoader[Any]):
        pass

    with Mine.from_dataset(Letters, {}, 2, num_workers=0) as loader:
        assert type(loader) is Mine
        assert list(loader) == [["a", "b"], ["c"]]


class Letters:
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> str:
        return "abc"[index]


def test_4_2_a_stage_of_a_subclass_is_seeded_like_its_parent() -> None:
    class Mine(stages.Shuffle):
        pass

    def parts(stage: type[stages.Shuffle]) -> list[list[int]]:
        chain = hr.stream(range(20)).filter(lambda x: True).apply(stage(20))
        return [list(hr.DataLoader(chain.shard(rank, 2), seed=3)) for rank in range(2)]

    assert parts(Mine) == parts(stages.Shuffle)
    assert sorted(itertools.chain(*parts(Mine))) == list(range(20))


def test_4_2_a_stream_may_stand_in_a_graph_twice() -> None:
    numbers = hr.stream(range(3)).map(same)
    loader: hr.DataLoader[Any] = hr.DataLoader(
        numbers.zip(numbers), adapters=[lambda s: s.map(sum)]
    )
    assert list(loader) == [0, 2, 4]


def test_4_2_a_mixture_is_seeded_by_the_loader_and_its_parts_share_nothing() -> None:
    def loader(rank: int, world_size: int) -> hr.DataLoader[int]:
        mixed = hr.stream(range(50)).mix(hr.stream(range(50, 100)), stop="all")
        return hr.DataLoader(mixed.shard(rank, world_size), seed=3)

    whole, parts = loader(0, 1), [loader(rank, 2) for rank in range(2)]
    epochs = [list(whole) for _ in range(2)]
    for epoch in epochs:
        assert [list(part) for part in parts] == [epoch[::2], epoch[1::2]]
    assert epochs[0] != epochs[1]


def test_4_2_a_cache_is_made_once_for_all_workers_and_left_early_leaves_nothing(
    tmp_path: Path,
) -> None:
    made: list[int] = []

    def stream() -> hr.Stream[int]:
        return hr.stream(range(30)).map(made.append).map(lambda x: 7).cache(tmp_path, key="k")

    with hr.DataLoader(stream(), backend=hr.Threads(3)) as loader:
        next(iter(loader))
    assert not list(tmp_path.rglob("*.arrow"))
    made.clear()
    with hr.DataLoader(stream(), backend=hr.Threads(3)) as loader:
        assert [len(list(loader)) for _ in range(3)] == [30] * 3
    with hr.DataLoader(stream()) as other:
        assert list(other) == [7] * 30
    assert sorted(made) == list(range(30))


@pytest.mark.parametrize("where", [lambda s: s.take(3), lambda s: s.filter(bool).take(2)])
def test_4_2_take_draws_no_record_too_much(where: Any) -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(10):
            drawn.append(number)
            yield number

    where(hr.stream(numbers)).collect()
    assert drawn == [0, 1, 2]


def test_4_2_branches_that_are_read_apart_run_apart() -> None:
    one, other = hr.stream(range(5000)).map(same).fork(2)
    assert one.collect() == other.collect() == list(range(5000))


def test_4_2_random_parts_read_only_their_own_and_side_by_side() -> None:
    records = CountingSequence(range(100))
    parts = hr.DataRef.from_sequence(records).split([0.8, 0.2], seed=1)
    small = parts[1].stream().collect()
    assert len(small) == 20
    assert sorted(records.reads) == sorted(small)
    both = [list(pair) for pair in zip(*(part.stream() for part in parts), strict=False)]
    assert len(both) == 20
    assert not set(parts[0].stream()) & set(small)


def test_4_2_a_pattern_may_match_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "ds-3.txt").write_text("three")
    assert len(hr.from_files(str(tmp_path / "ds-[3-3].txt"))) == 1


def test_4_2_an_older_iterator_that_is_asked_ends_nothing() -> None:
    loader = hr.DataLoader(hr.stream(range(4)))
    old, new = iter(loader), iter(loader)
    head = [next(new)]
    with pytest.raises(hr.errors.ClosedError, match="not the loader's newest"):
        next(old)
    assert head + list(new) == [0, 1, 2, 3]


def test_4_2_an_error_keeps_its_type_and_attributes_and_may_be_left_out() -> None:
    def picky(x: int) -> int:
        if x == 5:
            raise Picky("bad", code=7)
        return x

    stream = hr.stream(range(8)).map(picky)
    with hr.DataLoader(stream, backend=hr.Processes(1)) as loader:
        batches = iter(loader)
        assert list(itertools.islice(batches, 5)) == [0, 1, 2, 3, 4]
        with pytest.raises(Picky, match="bad") as caught:
            next(batches)
        assert caught.value.code == 7
    with hr.DataLoader(stream.on_error("skip", budget=1)) as lenient:
        assert list(lenient) == [0, 1, 2, 3, 4, 6, 7]


def test_4_2_a_mixture_leaves_records_alone_and_seeds_of_ranks_never_meet() -> None:
    first, second = [{"a": n} for n in range(6)], [{"b": n} for n in range(6)]
    mixed = hr.stream(first).mix(hr.stream(second), seed=1, stop="all")
    for rank in range(2):
        assert all(set(record) <= {"a", "b"} for record in mixed.shard(rank, 2))
    assert first == [{"a": n} for n in range(6)]
    # seed * world + rank of (1, 4, rank 2) and (2, 3, rank 0) are one number elsewhere.
    one, other = ref(100).shuffle(seed=1).shard(2, 4), ref(100).shuffle(seed=2).shard(0, 3)
    assert one.stream().take(20).collect() != other.stream().take(20).collect()


def test_4_2_queues_are_no_stacks() -> None:
    stream = hr.stream(lambda: iter(range(50))).prefetch(20).async_map(same, buffer=20)
    with hr.DataLoader(stream, backend=hr.Threads(2)) as loader:
        assert list(loader) == list(range(50))


# -- found by reading: pausing, liveness, shutdown -------------------------------------------


@pytest.mark.parametrize(
    "chain",
    [
        lambda fn: hr.stream(range(200)).map(fn),
        lambda fn: hr.stream(lambda: iter(range(200))).map(fn),
        lambda fn: hr.stream(range(200)).map(fn).prefetch(5),
    ],
    ids=["addressed", "drawn", "prefetch"],
)
def test_4_2_a_paused_loader_begins_nothing_and_loses_nothing(chain: Any) -> None:
    gate, begun, done = threading.Semaphore(0), [], []

    def gated(x: int) -> int:
        begun.append(x)
        gate.acquire()
        done.append(x)
        return x

    with hr.DataLoader(chain(gated), backend=hr.Threads(1)) as loader:
        batches = iter(loader)
        gate.release()
        head = [next(batches)]
        # One runs, and one waits for the worker.
        wait_until(lambda: len(begun) == 2)
        state = json.dumps(loader.state_dict())
        loader.pause()
        gate.release(1000)
        wait_until(lambda: len(done) == 2)
        # Long enough for hundreds, were they begun.
        time.sleep(0.05)
        assert begun == done == [0, 1]
        assert json.dumps(loader.state_dict()) == state
        loader.resume()
        wait_until(lambda: len(begun) > 2)
        loader.pause()
        # To ask for the next one goes on too.
        assert head + list(batches) == list(range(200))
        assert sorted(begun) == list(range(200))


def test_4_2_workers_in_other_processes_pause_too(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def logged(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        time.sleep(0.01)
        return x

    def count() -> int:
        return len(log.read_text().splitlines()) if log.exists() else 0

    with hr.DataLoader(hr.stream(range(100)).map(logged), backend=hr.Processes(2)) as loader:
        batches = iter(loader)
        head = [next(batches)]
        loader.pause()
        wait_until(lambda: settled(count))
        assert count() <= 20
        loader.resume()
        assert head + list(batches) == list(range(100))
    assert count() == 100


def settled(count: Callable[[], int]) -> bool:
    before = count()
    time.sleep(0.1)
    return count() == before


def test_a_loader_that_is_not_running_pauses_and_resumes_too() -> None:
    loader = hr.DataLoader(hr.stream(range(3)), backend=hr.Threads(1))
    loader.pause()
    loader.resume()
    assert list(loader) == [0, 1, 2]
    loader.shutdown()
    for use in (loader.pause, loader.resume, lambda: loader.warm_up(1)):
        with pytest.raises(hr.errors.ClosedError, match="this DataLoader was shut down"):
            use()


def test_4_2_a_worker_inside_a_long_function_holds_up_no_shutdown() -> None:
    def long(x: int) -> int:
        if x:
            time.sleep(600)
        return x

    loader = hr.DataLoader(hr.stream(range(10)).map(long), backend=hr.Processes(2))
    assert next(iter(loader)) == 0
    began = time.monotonic()
    loader.shutdown()
    loader.shutdown()
    assert time.monotonic() - began < 10


def test_4_2_a_loader_that_never_began_is_shut_down_like_any() -> None:
    for backend in (hr.Inline(), hr.Threads(2), hr.Processes(2)):
        loader = hr.DataLoader(hr.stream(range(3)), backend=backend)
        loader.shutdown()
        assert loader.state_dict()["at"] == 0


def test_4_2_a_slow_source_costs_no_waiting_time_on_the_processor() -> None:
    def slow() -> Iterator[int]:
        for number in range(5):
            time.sleep(0.1)
            yield number

    with hr.DataLoader(hr.stream(slow).map(same), backend=hr.Threads(2)) as loader:
        used = time.process_time()
        assert list(loader) == [0, 1, 2, 3, 4]
        assert time.process_time() - used < 0.25


def test_4_2_a_slow_record_holds_up_no_other_where_any_order_is_allowed() -> None:
    others = threading.Semaphore(0)

    def first_waits(x: int) -> int:
        if x == 0:
            for _ in range(9):
                assert others.acquire(timeout=30)
        else:
            others.release()
        return x

    stream = hr.stream(range(10)).async_map(first_waits, ordered=False, max_workers=2)
    assert stream.collect()[-1] == 0


# -- found by reading: scale and safety ------------------------------------------------------


def test_4_2_a_source_in_memory_is_not_copied() -> None:
    values = [object() for _ in range(5)]
    with hr.DataLoader(hr.stream(values), backend=hr.Threads(2)) as loader:
        for _ in range(2):
            assert all(one is other for one, other in zip(loader, values, strict=True))


def test_4_2_a_part_reads_its_own_records_alone() -> None:
    records = CountingSequence(range(100))
    part = hr.DataRef.from_sequence(records).shuffle(seed=1).shard(1, 4).stream()
    assert sorted(part.map(same).collect()) == sorted(records.reads)
    assert len(records.reads) == 25


def test_4_2_a_shuffle_holds_no_records() -> None:
    huge = hr.DataRef.from_sequence(range(10**12)).shuffle(seed=1).stream()
    began = time.process_time()
    assert len(set(itertools.islice(huge, 1000))) == 1000
    assert time.process_time() - began < 5


def test_4_2_batches_of_many_arrays_use_up_no_descriptors() -> None:
    stream = hr.stream({f"leaf {n}": np.zeros((200, 500)) for n in range(20)}).batch(2).map(same)
    with hr.DataLoader(stream, backend=hr.Processes(1)) as loader:
        next(iter(loader))
        before = len(os.listdir("/proc/self/fd"))
        kept = list(loader)
        assert len(kept) == 100
        assert len(os.listdir("/proc/self/fd")) < before + 50


def test_4_2_a_state_is_plain_text_and_nothing_optional_is_imported() -> None:
    code = (
        "import json, sys, headrace as hr\n"
        "loader = hr.DataLoader(hr.stream(range(3)).map(str).batch(2), backend=hr.Threads(1))\n"
        "next(iter(loader)); print(json.dumps(loader.state_dict()))\n"
        "assert not {'torch', 'tensorflow', 'jax', 'pandas'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["at"] == 1
