"""DataLoader2 in one process: its epochs, its seeds, its iterators."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.compat.torchdata.dataloader2.pipes import Passing, flat, is_even

from headrace.compat.torchdata.dataloader2 import DataLoader2, InProcessReadingService
from headrace.compat.torchdata.dataloader2.sharing import Setting
from headrace.compat.torchdata.datapipes import IterDataPipe
from headrace.compat.torchdata.datapipes.iter import IterableWrapper
from headrace.compat.torchdata.datapipes.map import SequenceWrapper
from headrace.contracts.errors import ArgumentError, ClosedError, StreamError

# Any, in this file: records of every type.


def shuffled(size: int = 20) -> Any:
    return IterableWrapper(range(size)).shuffle().sharding_filter().map(abs)


def test_a_graph_runs_epoch_after_epoch() -> None:
    with DataLoader2(IterableWrapper(range(5)).batch(2)) as loader:
        assert [list(loader), list(loader)] == [[[0, 1], [2, 3], [4]]] * 2
        assert len(loader) == 3


def test_map_style_pipes_run_too() -> None:
    assert list(DataLoader2(SequenceWrapper([3, 4]))) == [3, 4]


def test_pipes_of_torch_run_with_the_seed_of_the_loader() -> None:
    pytest.importorskip("torch")
    from torch.utils.data.datapipes.iter import IterableWrapper as Wrapper

    loader: Any = DataLoader2(Wrapper(range(20)).shuffle().sharding_filter().map(abs))
    loader.seed(1)
    epochs = [list(loader), list(loader)]
    loader.seed(1)
    assert epochs == [list(loader), list(loader)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == list(range(20))


class Mixing(IterDataPipe[int]):
    """A class of a user's own that shuffles by the seed that it is told."""

    def __init__(self, source_datapipe: Any) -> None:
        self.source_datapipe = source_datapipe
        self.seed = 0

    def set_seed(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        records = list(self.source_datapipe)
        random.Random(self.seed).shuffle(records)
        yield from records


class Standing(InProcessReadingService):
    """A service that stands behind the graph, as those with workers and ranks do."""

    def initialize(self, datapipe: Any) -> Any:
        return Setting(datapipe)


@pytest.mark.parametrize("source", ["torch", "mine"])
def test_a_service_leaves_the_seeds_of_foreign_pipes_as_they_are(source: str) -> None:
    def graph() -> Any:
        if source == "mine":
            return Mixing(IterableWrapper(range(20))).sharding_filter().map(abs)
        wrapper: Any = pytest.importorskip("torch.utils.data.datapipes.iter").IterableWrapper
        return wrapper(range(20)).shuffle().sharding_filter().map(abs)

    stopped: Any = DataLoader2(graph())
    batches = iter(stopped)
    head = [next(batches) for _ in range(8)]
    resumed: Any = DataLoader2(graph(), reading_service=Standing())
    resumed.load_state_dict(stopped.state_dict())
    assert sorted(head + list(resumed)) == list(range(20))


def test_the_graph_that_is_given_is_not_changed() -> None:
    pipe = shuffled()
    calls: list[Any] = []

    def adapter(graph: Any) -> Any:
        calls.append(graph)
        return graph.header(3)

    loader = DataLoader2(pipe, datapipe_adapter_fn=adapter)
    assert [len(list(loader)), len(list(loader)), len(list(pipe))] == [3, 3, 20]
    assert len(calls) == 1
    assert calls[0] is not pipe


@pytest.mark.parametrize("graph", [[1, 2], 5])
def test_what_is_no_graph_of_pipes_is_refused(graph: Any) -> None:
    with pytest.raises(StreamError, match=f"runs a graph of pipes, got {type(graph).__name__}"):
        DataLoader2(graph)


def test_an_adapter_or_a_service_that_returns_nothing_is_named() -> None:
    class Forgetful(InProcessReadingService):
        def initialize(self, datapipe: Any) -> Any:
            return None

    with pytest.raises(StreamError, match="an adapter gave None. The graph of pipes that it got"):
        DataLoader2(IterableWrapper([1]), lambda graph: None)
    loader = DataLoader2(IterableWrapper([1]), reading_service=Forgetful())
    with pytest.raises(StreamError, match=r"Forgetful\.initialize gave None"):
        iter(loader)


def test_adapters_are_called_in_order() -> None:
    adapters: Any = [lambda graph: graph.map(abs), lambda graph: graph.map(str)]
    assert list(DataLoader2(IterableWrapper([-1]), adapters)) == ["1"]


def test_a_seed_gives_the_same_epochs_again() -> None:
    loader = DataLoader2(shuffled())
    loader.seed(3)
    epochs = [list(loader), list(loader)]
    assert epochs[0] != epochs[1]
    loader.seed(3)
    assert [list(loader), list(loader)] == epochs


def test_two_loaders_of_one_seed_agree_and_without_one_they_do_not() -> None:
    seeded, free = [DataLoader2(shuffled()) for _ in range(2)], DataLoader2(shuffled())
    for loader in seeded:
        loader.seed(3)
    assert list(seeded[0]) == list(seeded[1]) != list(free)
    assert list(DataLoader2(shuffled())) != list(DataLoader2(shuffled()))


def test_the_seed_of_the_loader_counts_and_not_one_of_a_pipe() -> None:
    pipe = IterableWrapper(range(20)).shuffle().set_seed(5)
    loader = DataLoader2(pipe)
    assert list(loader) != list(loader)


def test_a_class_of_ones_own_is_seeded_each_epoch() -> None:
    loader = DataLoader2(Passing(IterableWrapper(range(3))).map(abs))
    loader.seed(1)
    told: list[Any] = []
    for _ in range(2):
        assert list(loader) == [0, 1, 2]
    running = loader._epochs.running()
    told = running.datapipe.datapipe.seeds
    assert len(set(told)) == 2


def test_a_class_of_ones_own_reads_an_epoch_of_its_own_each_time() -> None:
    loader = DataLoader2(Passing(IterableWrapper(range(20)).shuffle()).map(abs))
    loader.seed(1)
    epochs = [list(loader), list(loader)]
    assert epochs[0] != epochs[1]
    loader.seed(1)
    assert [list(loader), list(loader)] == epochs


@pytest.mark.parametrize("seed", [2**64, 0.5, "7"])
def test_a_seed_of_more_than_64_bits_is_a_value_error(seed: Any) -> None:
    with pytest.raises(ValueError, match="Expected an uint64 seed, but got"):
        DataLoader2(shuffled()).seed(seed)


def test_an_iterator_that_nothing_was_asked_of_uses_up_no_epoch() -> None:
    loader = DataLoader2(shuffled())
    loader.seed(1)
    expected = list(loader)
    loader.seed(1)
    iter(loader)
    assert list(iter(loader)) == expected


def test_a_second_iter_in_mid_epoch_begins_the_next_one() -> None:
    loader = DataLoader2(shuffled())
    old = iter(loader)
    next(old)
    assert sorted(loader) == list(range(20))
    with pytest.raises(RuntimeError, match="This iterator has been invalidated because another"):
        next(old)


def test_a_limit_cuts_an_epoch_into_short_ones() -> None:
    loader = DataLoader2(IterableWrapper(range(7)))
    batches = iter(loader)
    batches.limit(3)
    found = []
    for _ in range(3):
        found.append(list(batches))
        batches.resume()
    assert found == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(loader) == list(range(7))


def test_a_limit_counts_from_its_call_and_none_takes_it_away() -> None:
    batches = iter(DataLoader2(IterableWrapper(range(7))))
    batches.limit(2)
    next(batches)
    batches.limit(3)
    assert list(batches) == [1, 2, 3]
    batches.resume()
    batches.limit(None)
    assert list(batches) == [4, 5, 6]
    with pytest.raises(ArgumentError, match="num_batches must be a whole number of at least 1"):
        batches.limit(0)


def test_a_pause_lasts_until_it_is_resumed() -> None:
    batches = iter(DataLoader2(IterableWrapper(range(3))))
    assert next(batches) == 0
    batches._pause()
    assert list(batches) == []
    batches.resume()
    assert list(batches) == [1, 2]


def test_an_iterator_has_the_attributes_of_the_graph() -> None:
    class Speaking(Passing):
        def said(self) -> str:
            return "hello"

    batches = iter(DataLoader2(Speaking(IterableWrapper([1]))))
    assert batches.said() == "hello"
    with pytest.raises(AttributeError, match="no attribute 'sung'"):
        batches.sung()


def test_an_error_of_a_function_ends_the_epoch_and_not_the_loader() -> None:
    is_broken = [True]

    def fragile(record: int) -> int:
        if record == 2 and is_broken[0]:
            raise OSError("gone")
        return record

    loader = DataLoader2(IterableWrapper(range(4)).map(fragile))
    batches = iter(loader)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(OSError, match="gone"):
        next(batches)
    is_broken[0] = False
    assert list(loader) == [0, 1, 2, 3]


def test_after_shutdown_it_runs_no_more() -> None:
    loader = DataLoader2(shuffled())
    next(iter(loader))
    loader.shutdown()
    loader.shutdown()
    with pytest.raises(ClosedError, match="Cannot iterate over the DataLoader as it has already"):
        iter(loader)


def test_without_a_graph_it_says_what_it_needs() -> None:
    with pytest.raises(RuntimeError, match="Please provide datapipe or use load_state_dict"):
        iter(DataLoader2(None))


def test_a_length_that_nobody_knows_is_a_type_error() -> None:
    loader = DataLoader2(IterableWrapper(range(9)).filter(is_even))
    with pytest.raises(StreamError, match="filter"):
        len(loader)


def test_a_dropped_loader_ends_its_pipes() -> None:
    closed: list[bool] = []

    class Open(IterDataPipe[int]):
        def __iter__(self) -> Iterator[int]:
            try:
                yield from range(10)
            finally:
                closed.append(True)

    loader = DataLoader2(Open().map(abs))
    assert next(iter(loader)) == 0
    del loader
    gc.collect()
    assert closed == [True]


def test_in_process_draws_ahead_as_far_as_it_is_told() -> None:
    drawn: list[int] = []

    def noted(record: int) -> int:
        drawn.append(record)
        return record

    service = InProcessReadingService(prefetch_cnt=4)
    with DataLoader2(IterableWrapper(range(9)).map(noted), reading_service=service) as loader:
        assert list(loader) == drawn == list(range(9))


def test_in_process_runs_what_its_functions_return() -> None:
    infos: list[Any] = []

    def init(graph: Any, info: Any) -> Any:
        infos.append(info)
        return graph.map(lambda record: record + 100)

    resets: list[int] = []

    def reset(graph: Any, info: Any, seeds: Any) -> Any:
        resets.append(seeds.generate_seed())
        return graph

    service = InProcessReadingService(init_fn=init, reset_fn=reset)
    loader = DataLoader2(IterableWrapper(range(2)), reading_service=service)
    assert [list(loader), list(loader)] == [[100, 101]] * 2
    assert [(one.num_workers, one.worker_id) for one in infos] == [(1, 0)]
    assert len(set(resets)) == 2


def test_a_function_that_returns_no_pipe_is_told_to() -> None:
    service: Any = InProcessReadingService(init_fn=lambda graph, info: None)
    with pytest.raises(StreamError, match="init_fn gave None. The graph of pipes that it got"):
        list(DataLoader2(IterableWrapper([1]), reading_service=service))


def test_forks_and_zips_run_as_one_epoch() -> None:
    left, right = IterableWrapper(range(30)).shuffle().fork(2)
    loader = DataLoader2(left.zip(right.map(abs)).batch(7))
    pairs = flat(loader)
    assert sorted(pairs) == [(n, n) for n in range(30)]
