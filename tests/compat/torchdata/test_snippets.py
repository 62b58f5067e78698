"""The snippets of the DataLoader2 tutorial, each in fresh processes, their imports changed.

Mended in them: the two CSV files stand here, and so do `fn` and `model`; loops are two epochs
long and not ten, and services have two workers and not four; a process group is initialised
before a service needs it. Processes of ranks are fresh, and forked from one that has torch.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.ranks.conftest import World, free_port

pytestmark = pytest.mark.slow
# The records of batches of epochs.
Epochs = list[list[list[int]]]
GRAPH = """
import json
from headrace.compat.torchdata.dataloader2 import (
    DataLoader2,
    DistributedReadingService,
    MultiProcessingReadingService,
    SequentialReadingService,
)
from headrace.compat.torchdata.datapipes.iter import IterableWrapper


def fn(row):
    return int(row[0])


def model(batch):
    seen[-1].append(list(batch))


seen = [[]]
datapipe = IterableWrapper(["./train1.csv", "./train2.csv"])
datapipe = datapipe.open_files(encoding="utf-8").parse_csv()
datapipe = datapipe.shuffle().sharding_filter()
datapipe = datapipe.map(fn).batch(8)
"""
WORKERS = """
rs = MultiProcessingReadingService(num_workers=2)
"""
RANKS = """
import torch
torch.distributed.init_process_group("gloo")

rs = DistributedReadingService()
"""
BOTH = """
import torch
torch.distributed.init_process_group("gloo")

mp_rs = MultiProcessingReadingService(num_workers=2)
dist_rs = DistributedReadingService()
rs = SequentialReadingService(dist_rs, mp_rs)
"""
LOOP = """
dl = DataLoader2(datapipe, reading_service=rs)
for epoch in range(2):
    dl.seed(epoch)
    for d in dl:
        model(d)
    seen.append([])
dl.shutdown()
print(json.dumps(seen[:-1]))
"""
ROWS = list(range(40))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of unequal length."""
    for name, rows in (("train1.csv", ROWS[:13]), ("train2.csv", ROWS[13:])):
        (tmp_path / name).write_text("".join(f"{row},row {row}\n" for row in rows))
    return tmp_path


def printed(program: str, folder: Path) -> Epochs:
    """What a program prints in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert run.returncode == 0, run.stderr
    epochs: Epochs = json.loads(run.stdout)
    return epochs


def printed_by_rank(rank: int, program: str, folder: Path, port: int) -> Epochs:
    """What a program prints in the process of a rank, as torchrun starts it."""
    os.chdir(folder)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), WORLD_SIZE="2")
    os.environ["RANK"] = str(rank)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(program, {"__name__": "__main__"})
    epochs: Epochs = json.loads(output.getvalue())
    return epochs


def flat(epoch: list[list[int]]) -> list[int]:
    return [row for batch in epoch for row in batch]


def test_the_graph_alone(folder: Path) -> None:
    [epoch] = printed(f"{GRAPH}\nprint(json.dumps([list(datapipe)]))", folder)
    assert sorted(flat(epoch)) == ROWS
    assert [len(batch) for batch in epoch] == [8] * 5
    assert flat(epoch) != ROWS


def test_multiprocessing(folder: Path) -> None:
    epochs = printed(GRAPH + WORKERS + LOOP, folder)
    assert [sorted(flat(epoch)) for epoch in epochs] == [ROWS, ROWS]
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("services", [RANKS, BOTH], ids=["distributed", "with workers"])
def test_distributed(folder: Path, services: str, make_processes: Callable[[int], World]) -> None:
    with contextlib.closing(make_processes(2)) as ranks:
        one, other = ranks.each(printed_by_rank, GRAPH + services + LOOP, folder, free_port())
    for epoch in range(2):
        assert sorted(flat(one[epoch]) + flat(other[epoch])) == ROWS
        assert len(one[epoch]) == len(other[epoch]) == 3
    assert one[0] != one[1]
