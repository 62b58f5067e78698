"""Reading services: the hooks of one's own, and worker processes."""

from __future__ import annotations

import itertools
import json
import os
from typing import Any

import pytest
from tests.compat.torchdata.dataloader2.pipes import Passing, flat, where

from headrace.compat.torchdata.dataloader2 import (
    CheckpointableReadingServiceInterface,
    DataLoader2,
    InProcessReadingService,
    MultiProcessingReadingService,
    PrototypeMultiProcessingReadingService,
    ReadingServiceInterface,
    SequentialReadingService,
)
from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.contracts.errors import ArgumentError, StateError, StreamError

# Any, in this file: records of every type, and hooks of every signature.


class Noting(ReadingServiceInterface):
    """A service of one's own: it notes its hooks, and changes the graph in both ways."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.calls: list[str] = []

    def initialize(self, datapipe: Any) -> Any:
        self.calls.append("initialize")
        return datapipe.map(lambda record: f"{self.name}{record}")

    def initialize_iteration(self, seed_generator: Any, iter_reset_fn: Any = None) -> Any:
        self.calls.append("initialize_iteration")
        return iter_reset_fn

    def finalize_iteration(self) -> None:
        self.calls.append("finalize_iteration")

    def finalize(self) -> None:
        self.calls.append("finalize")

    def _limit(self, num_batches: int | None, limit_fn: Any = None) -> Any:
        self.calls.append(f"limit {num_batches}")
        return limit_fn


class Kept(Noting, CheckpointableReadingServiceInterface):
    """One with a state."""

    def checkpoint(self) -> bytes:
        return b"kept"

    def restore(self, datapipe: Any, serialized_state: bytes) -> Any:
        self.calls.append(f"restore {serialized_state!r}")
        return datapipe.map(lambda record: f"{self.name}{record}")


def test_the_hooks_are_called_in_the_documented_order() -> None:
    loader = DataLoader2(IterableWrapper(range(2)), reading_service=Noting("n"))
    assert [list(loader), list(loader)] == [["n0", "n1"]] * 2
    batches = iter(loader)
    batches.limit(1)
    assert list(batches) == ["n0"]
    loader.shutdown()
    service: Any = loader.reading_service
    epoch = ["initialize_iteration", "finalize_iteration"]
    last = ["initialize_iteration", "limit 1", "finalize_iteration", "finalize"]
    assert service.calls == ["initialize", *epoch, *epoch, *last]


def test_a_service_may_change_the_graph_for_each_epoch() -> None:
    class Longer(Noting):
        def initialize_iteration(self, seed_generator: Any, iter_reset_fn: Any = None) -> Any:
            return lambda graph: graph.map(lambda record: f"{record}!")

    loader = DataLoader2(IterableWrapper([1]), reading_service=Longer())
    assert [list(loader), list(loader)] == [["1!"], ["1!!"]]


def test_a_service_may_seed_the_graph_itself() -> None:
    class Seeding(Noting):
        def initialize_iteration(self, seed_generator: Any, iter_reset_fn: Any = None) -> Any:
            from headrace.compat.torchdata.dataloader2.graph import find_dps, traverse_dps
            from headrace.compat.torchdata.datapipes.iter import Shuffler

            assert self.graph is not None
            for shuffler in find_dps(traverse_dps(self.graph), Shuffler):
                shuffler.set_seed(7)
            return None

        def initialize(self, datapipe: Any) -> Any:
            self.graph = datapipe
            return datapipe

    def first_epoch() -> list[int]:
        loader = DataLoader2(IterableWrapper(range(20)).shuffle(), reading_service=Seeding())
        return list(loader)

    assert first_epoch() == first_epoch()


def test_services_of_ones_own_stand_in_a_row_with_ours() -> None:
    service = SequentialReadingService(Noting("a"), InProcessReadingService(2), Noting("b"))
    loader = DataLoader2(IterableWrapper(range(3)), reading_service=service)
    assert list(loader) == ["ba0", "ba1", "ba2"]


def test_a_state_holds_that_of_a_service() -> None:
    loader = DataLoader2(IterableWrapper(range(4)), reading_service=Kept())
    head = list(itertools.islice(loader, 2))
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = DataLoader2(IterableWrapper(range(4)), reading_service=Kept())
    resumed.load_state_dict(state)
    assert head + list(resumed) == ["0", "1", "2", "3"]
    service: Any = resumed.reading_service
    assert service.calls[0] == "restore b'kept'"
    plain = DataLoader2(IterableWrapper(range(4)), reading_service=Noting())
    plain.load_state_dict(state)
    with pytest.raises(TypeError, match="Cannot restore from non-checkpointable reading service"):
        iter(plain)


def test_services_in_a_row_keep_their_states() -> None:
    services = SequentialReadingService(Kept(), InProcessReadingService())
    graph = IterableWrapper(range(3))
    other: Any = SequentialReadingService(Kept(), InProcessReadingService())
    assert list(DataLoader2(other.restore(graph, services.checkpoint()))) == ["0", "1", "2"]
    assert other.reading_services[0].calls == ["restore b'kept'"]
    with pytest.raises(StateError, match="a state of 2 reading services was loaded into 1"):
        SequentialReadingService(Kept()).restore(graph, services.checkpoint())


def test_a_service_in_a_row_without_a_state_says_so(caplog: pytest.LogCaptureFixture) -> None:
    SequentialReadingService(Noting()).checkpoint()
    assert "doesn't support `checkpoint`" in caplog.text


@pytest.mark.slow
def test_functions_run_on_workers_also_around_a_class_of_ones_own() -> None:
    graph = Passing(IterableWrapper(range(3000)).map(where)).shuffle().sharding_filter().map(where)
    with DataLoader2(graph.batch(8), reading_service=MultiProcessingReadingService(2)) as loader:
        records = flat(loader)
    assert sorted(record for (record, _), _ in records) == list(range(3000))
    assert os.getpid() not in {pid for _, pid in records} | {pid for (_, pid), _ in records}


@pytest.mark.slow
def test_the_records_are_the_same_for_every_number_of_workers() -> None:
    graph = IterableWrapper(range(50)).flatmap(lambda n: [n] * 20).shuffle(buffer_size=100)
    graph = graph.sharding_filter().map(abs).shuffle(buffer_size=50).batch(7)

    def epochs(count: int) -> list[Any]:
        service = MultiProcessingReadingService(count) if count else None
        with DataLoader2(graph, reading_service=service) as loader:
            loader.seed(4)
            return [list(loader), list(loader)]

    assert epochs(0) == epochs(3)


@pytest.mark.slow
def test_functions_of_workers_are_told_their_place_and_each_epoch() -> None:
    def init(graph: Any, info: Any) -> Any:
        os.environ["PLACE"] = f"{info.worker_id} of {info.num_workers}"
        return graph

    def reset(graph: Any, info: Any, seeds: Any) -> Any:
        os.environ["SEED"] = str(seeds.generate_seed())
        return graph

    def seen(record: int) -> tuple[str, str]:
        return os.environ["PLACE"], os.environ["SEED"]

    service = MultiProcessingReadingService(2, worker_init_fn=init, worker_reset_fn=reset)
    graph = IterableWrapper(range(3000)).sharding_filter().map(seen)
    with DataLoader2(graph, reading_service=service) as loader:
        epochs = []
        for epoch in range(2):
            loader.seed(epoch)
            epochs.append(set(loader))
    assert {place for epoch in epochs for place, _ in epoch} == {"0 of 2", "1 of 2"}
    # Other seeds in each worker and epoch.
    assert len({seed for epoch in epochs for _, seed in epoch}) == 4


@pytest.mark.slow
def test_a_worker_function_that_gives_another_graph_raises_with_the_way_to_do_it() -> None:
    service = MultiProcessingReadingService(1, worker_init_fn=lambda graph, info: graph.map(str))
    with (
        DataLoader2(IterableWrapper(range(3)), reading_service=service) as loader,
        pytest.raises(StreamError, match="worker_init_fn gave Mapper in a worker") as caught,
    ):
        list(loader)
    assert "Change the graph before it is given to DataLoader2" in str(caught.value)


def test_no_workers_run_in_this_process_with_all_functions() -> None:
    with pytest.warns(UserWarning, match="use `InProcessReadingService` for num_workers=0"):
        service = MultiProcessingReadingService(
            worker_init_fn=lambda graph, info: graph.map(where),
            worker_reset_fn=lambda graph, info, seeds: graph,
        )
    loader = DataLoader2(IterableWrapper(range(2)), reading_service=service)
    assert list(loader) == [(0, os.getpid()), (1, os.getpid())]


@pytest.mark.slow
def test_workers_stay_from_epoch_to_epoch_and_end_with_the_loader() -> None:
    graph = IterableWrapper(range(4000)).sharding_filter().map(where)
    loader = DataLoader2(graph, reading_service=MultiProcessingReadingService(2))
    pids = [{pid for _, pid in loader} for _ in range(3)]
    assert len(set().union(*pids)) <= 2
    loader.shutdown()
    for pid in pids[0]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_former_name_warns_and_is_the_same() -> None:
    with pytest.warns(UserWarning, match="is deprecated and will be removed"):
        service = PrototypeMultiProcessingReadingService(num_workers=2)
    assert type(service) is MultiProcessingReadingService


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_workers": -1}, "num_workers must be a whole number of at least 0, got -1"),
        ({"num_workers": 1, "main_prefetch_cnt": -1}, "main_prefetch_cnt must be a whole number"),
        (
            {"num_workers": 1, "multiprocessing_context": "thread"},
            "must be 'fork', 'forkserver' or 'spawn', got 't",
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MultiProcessingReadingService(**arguments)
