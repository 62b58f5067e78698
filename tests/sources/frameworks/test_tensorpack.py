"""DataFlows of TensorPack are drawn from, reset once."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.sources.frameworks.tensorpack import TensorpackSource


class Flow:
    """The shape of a DataFlow, as its documentation has it."""

    def __init__(self) -> None:
        self.reset_in: list[int] = []

    def reset_state(self) -> None:
        self.reset_in.append(os.getpid())

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[list[int]]:
        assert self.reset_in, "reset_state comes first"
        for n in range(5):
            yield [n, n * n]


@pytest.fixture(scope="module")
def flows() -> Any:
    with warnings.catch_warnings():
        # It is older than the Python that it runs on.
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorpack.dataflow")


def test_datapoints_are_records_as_they_come_and_the_flow_is_reset_once() -> None:
    flow = Flow()
    stream = hr.stream(flow)

    ref = hr.Storage("memory://").submit(stream, "d", "1")

    assert (
        list(ref.stream())
        == list(stream)
        == list(stream.epoch(1))
        == [[n, n * n] for n in range(5)]
    )
    assert flow.reset_in == [os.getpid()]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_a_copy_in_another_process_is_reset_there() -> None:
    source = TensorpackSource(Flow())
    list(source.draw(0))
    child = os.fork()
    if child == 0:
        source = pickle.loads(pickle.dumps(source))
        list(source.draw(0))
        list(source.draw(1))
        os._exit(0 if len(source.flow.reset_in) == 2 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_flows_of_tensorpack_itself(flows: Any) -> None:
    points = [[n, str(n)] for n in range(10)]
    flow = flows.MapData(flows.DataFromList(points, shuffle=False), lambda dp: [dp[0] + 1, dp[1]])
    batches = flows.BatchData(flow, 4, remainder=True)

    assert list(hr.stream(flow)) == [[n + 1, str(n)] for n in range(10)]
    ref = hr.Storage("memory://").submit(batches, "d", "1", unbatch=True)
    assert [(int(n), str(text)) for n, text in ref.stream()] == [(n + 1, str(n)) for n in range(10)]


def test_a_shuffled_flow_gives_all_of_it_in_another_order_each_pass(
    flows: Any,
) -> None:
    stream = hr.stream(flows.DataFromList(list(range(50)), shuffle=True))

    first, second = list(stream), list(stream.epoch(1))

    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_a_flow_repeated_without_end_needs_a_limit(flows: Any) -> None:
    endless = flows.BatchData(flows.RepeatedData(flows.DataFromList([[1]]), -1), 2)
    storage = hr.Storage("memory://")

    with pytest.raises(ArgumentError, match=r"never ends.*limit="):
        storage.submit(endless, "d", "1")
    assert len(storage.submit(endless, "d", "1", limit=3)) == 3
    twice = flows.RepeatedData(flows.DataFromList([[1]]), 2)
    assert len(storage.submit(twice, "twice", "1")) == 2


def test_an_error_within_a_flow_publishes_nothing() -> None:
    class Failing(Flow):
        def __iter__(self) -> Iterator[list[int]]:
            yield [1]
            raise OSError("gone")

    storage = hr.Storage("memory://")

    with pytest.raises(OSError, match="gone") as caught:
        storage.submit(Failing(), "d", "1")
    assert "at record 1" in caught.value.__notes__[0]
    assert storage.datasets() == []
