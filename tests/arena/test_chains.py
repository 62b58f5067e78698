"""Chains whose tasks run over an arena: their results lie in slots, and nothing is kept back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.arena.passing import Passage

import headrace as hr
from headrace.carried import loaded
from headrace.contracts import Task

# Any, in this file: records of every type.
COUNT = 4000


@dataclass(frozen=True)
class Passing:
    """Runs tasks at once, on copies of their jobs, and gives results through slots."""

    passage: Passage
    look_ahead: int = 2
    num_workers: int = 1
    shares_globals: bool = True

    def start(self) -> Passing:
        return self

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        assert isinstance(task, Task)
        job = loaded(task.job.fixed.payload())(*task.job.moving)
        future: Future[Any] = Future()
        future.set_result(self.passage(lambda: job(*task.args), job.mended))
        return future

    def close(self) -> None:
        pass


@pytest.fixture
def passage() -> Generator[Passage]:
    passage = Passage()
    yield passage
    passage.close()


def stored(tmp_path: Path) -> hr.DataRef[Any]:
    records = [{"x": np.full(40, number, np.float32), "y": number} for number in range(COUNT)]
    return hr.Storage(tmp_path).submit(records, "numbers", "1")


CHAINS: dict[str, Callable[[hr.DataRef[Any]], Any]] = {
    "batches": lambda ref: ref.shuffle(1).stream().batch(100),
    "records": lambda ref: ref.stream().filter(lambda record: record["y"] % 2 == 0).batch(50),
    "mapped": lambda ref: ref.stream().batch(100).map(lambda batch: {**batch, "z": batch["x"] * 2}),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_gives_the_same_through_slots_used_again(
    passage: Passage, tmp_path: Path, name: str
) -> None:
    stream = CHAINS[name](stored(tmp_path))
    with hr.DataLoader(stream) as plain, hr.DataLoader(stream, backend=Passing(passage)) as loader:
        for _ in range(2):
            for one, other in zip(loader, plain, strict=True):
                assert one.keys() == other.keys()
                assert all(np.array_equal(one[key], other[key]) for key in one)
                del one

    assert len(set(passage.numbers)) <= 4 < len(passage.numbers)
