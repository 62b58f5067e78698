"""Batches on a real GPU: right under reuse, from page-locked memory, beside what it computes."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.tensors.staging import BUFFERS, StagedCopies

# Any, in this file: torch is optional here, and batches are of any type.
torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU"),
]

# A batch of some MB: its copy takes longer than the calls around it.
SIDE = 1_500


def large(number: int) -> dict[str, Any]:
    return {"x": np.full((SIDE, SIDE), number, np.float32), "y": np.int64(number)}


def stream(count: int) -> hr.Stream[Any]:
    return hr.stream(range(count)).map(large)


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(2)], ids=str)
def test_values_are_equal_though_the_buffers_are_used_again(backend: Any) -> None:
    kept = []
    with hr.DataLoader(stream(12), to="torch", device="cuda", backend=backend) as loader:
        for number, batch in enumerate(loader):
            assert batch["x"].device.type == "cuda"
            assert batch["x"].dtype == torch.float32
            # The GPU falls behind here: a buffer that is filled too early would be seen.
            torch.cuda._sleep(20_000_000)
            kept.append((number, batch["x"].clone(), batch["y"]))
            assert loader.state_dict()["at"] == number + 1
    torch.cuda.synchronize()
    for number, array, label in kept:
        assert bool((array == number).all())
        assert int(label) == number


def test_values_are_right_on_whatever_stream_they_are_used() -> None:
    side = torch.cuda.Stream()
    found = []
    with (
        hr.DataLoader(stream(8), to="torch", device="cuda:0") as loader,
        torch.cuda.stream(side),
    ):
        found = [batch["x"].sum() for batch in loader]
    side.synchronize()
    assert [float(one) / SIDE**2 for one in found] == list(range(8))


def buffers_of(copies: StagedCopies) -> list[Any]:
    buffers = copies._buffers  # pyright: ignore[reportPrivateUsage] - it shows nowhere else
    return [one._memory for one in buffers]  # pyright: ignore[reportPrivateUsage] - likewise


def test_copies_come_from_page_locked_memory_that_is_allocated_once() -> None:
    copies = StagedCopies(torch.device("cuda", 0))
    first = [copies.finish(copies.begin(large(number))) for number in range(BUFFERS)]
    memory = buffers_of(copies)
    assert all(one.is_pinned() for one in memory)
    copies.finish(copies.begin(large(9)))
    assert {one.data_ptr() for one in buffers_of(copies)} == {one.data_ptr() for one in memory}
    assert [int(batch["y"]) for batch in first] == list(range(BUFFERS))


def test_a_copy_runs_while_the_gpu_computes() -> None:
    copies = StagedCopies(torch.device("cuda", 0))
    copies.finish(copies.begin(large(0)))
    torch.cuda.synchronize()
    computed = torch.cuda.Event()
    # Far longer than a copy of some MB.
    torch.cuda._sleep(2_000_000_000)
    computed.record()
    begun = copies.begin(large(1))
    begun.event.synchronize()
    assert not computed.query(), "the copy waited for what the default stream computes"
    torch.cuda.synchronize()
    assert bool((copies.finish(begun)["x"] == 1).all())


def test_memory_of_a_dropped_batch_is_not_used_before_the_gpu_has_read_it() -> None:
    copies = StagedCopies(torch.device("cuda", 0))
    batch = copies.finish(copies.begin(large(3)))
    torch.cuda._sleep(500_000_000)
    total = batch["x"].sum()
    del batch
    for number in range(4, 10):
        copies.finish(copies.begin(large(number)))
    torch.cuda.synchronize()
    assert float(total) / SIDE**2 == 3


def test_a_loop_that_is_left_frees_its_memory() -> None:
    gc.collect()
    before = torch.cuda.memory_allocated()
    loader = hr.DataLoader(stream(9), to="torch", device="cuda")
    batches = iter(loader)
    next(batches)
    del batches
    gc.collect()
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() == before


def test_a_gpu_that_is_not_there_is_named_with_those_that_are() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(ArgumentError, match=rf"'cuda:{count}' was asked, and torch sees {count}"):
        hr.DataLoader(stream(1), to="torch", device=f"cuda:{count}")


def test_sparse_tensors_come_on_the_device_too() -> None:
    sparse = torch.eye(3).to_sparse()
    record: Any = {"s": sparse, "x": np.ones(3)}
    ones = hr.stream([record])
    with hr.DataLoader(ones, to="torch", device="cuda") as loader:
        (batch,) = list(loader)
    assert batch["s"].device.type == batch["x"].device.type == "cuda"
    assert torch.equal(batch["s"].to_dense().cpu(), torch.eye(3))
