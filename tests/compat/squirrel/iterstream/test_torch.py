"""`TorchIterable` on torch's ranks and workers: programs that print what they saw."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.compat.squirrel.iterstream import (
    IterableSamplerSource,
    IterableSource,
    Multiplexer,
    MultiplexingStrategy,
)
from headrace.compat.squirrel.iterstream.torch_composables import (
    PyTorchSplittingException,
    SplitByRank,
    SplitByWorker,
    TorchIterable,
    skip_k,
)

# Any, in this file: JSON, and packages without types.
# A program that says nothing for so long hangs.
ANSWER_S = 100

WORKERS = """
import json
import multiprocessing
from torch.utils.data import DataLoader
from headrace.compat.squirrel.iterstream import IterableSamplerSource, IterableSource
from headrace.compat.squirrel.iterstream.torch_composables import (
    PyTorchSplittingException, SplitByRank, SplitByWorker, TorchIterable,
)

CALLS = multiprocessing.Value("i", 0)

def noted(number):
    with CALLS.get_lock():
        CALLS.value += 1
    return number

def loaded(chain, workers=2, **kw):
    return DataLoader(chain, batch_size=None, num_workers=workers, **kw)

def called(chain):
    CALLS.value = 0
    records = sorted(int(record) for record in loaded(chain.to_torch_iterable()))
    return records, CALLS.value

def refused(chain):
    try:
        list(loaded(chain.to_torch_iterable()))
    except PyTorchSplittingException as error:
        return str(error)

source = IterableSource(range(20))
seed = (
    source.compose(SplitByRank).async_map(noted).compose(SplitByWorker).batched(5)
    .compose(TorchIterable)
)
batches = [[part.tolist() for part in batch] for batch in DataLoader(seed, num_workers=4)]
shuffled = source.shuffle(seed=1).map(noted).split_by_worker_pytorch().to_torch_iterable()
epochs = [[int(record) for record in loaded(shuffled)] for _ in range(3)]
alone = source.shuffle(seed=1).map(noted).split_by_worker_pytorch()
living = loaded(
    source.shuffle(seed=1).split_by_worker_pytorch().to_torch_iterable(), persistent_workers=True
)
found = {
    "seed": batches,
    "calls": CALLS.value - 60,
    "epochs": epochs,
    "kept": [[int(record) for record in living] for _ in range(3)],
    "alone": [alone.collect() for _ in range(3)],
    "split late": called(source.map(noted).async_map(noted).split_by_worker_pytorch()),
    "behind a filter": called(
        source.map(noted).filter(lambda number: number % 3).split_by_worker_pytorch()
    ),
    "shuffled": [
        called(source.shuffle().split_by_worker_pytorch().map(noted)),
        called(source.filter(bool).shuffle(4).split_by_worker_pytorch().map(noted)),
        called(source.shuffle().loop(2).split_by_worker_pytorch().map(noted)),
    ],
    "sampled": called(
        IterableSamplerSource([range(9), range(9, 20)]).map(noted).split_by_worker_pytorch()
    ),
    "unsplit": refused(source),
    "unsplit sampler": refused(IterableSamplerSource([source, source.compose(SplitByWorker)])),
    "unchecked": sorted(
        int(record) for record in loaded(source.to_torch_iterable(True, False))
    ),
}
print(json.dumps(found))
"""

RANKS = """
import json
import sys
import torch.distributed as dist
from torch.utils.data import DataLoader
from headrace.compat.squirrel.iterstream import IterableSource
from headrace.compat.squirrel.iterstream.torch_composables import (
    PyTorchSplittingException, SplitByRank, SplitByWorker, TorchIterable,
)

def double(number):
    return 2 * number

def loaded(chain, **kw):
    return [int(record) for record in DataLoader(chain, batch_size=None, **kw)]

if __name__ == "__main__":
    rank, place = int(sys.argv[1]), sys.argv[2]
    source = IterableSource(range(12))
    chain = source.map(double).compose(SplitByRank).compose(SplitByWorker).compose(TorchIterable)
    unsplit = source.compose(SplitByWorker).compose(TorchIterable)
    before = loaded(chain)
    dist.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=2)
    group = dist.new_group([0, 1])
    found = {
        "before": before,
        "here": loaded(chain),
        "spawned": loaded(chain, num_workers=1, multiprocessing_context="spawn"),
        "group": loaded(source.split_by_rank_pytorch(group).to_torch_iterable()),
    }
    try:
        loaded(unsplit)
    except PyTorchSplittingException as error:
        found["unsplit"] = str(error)
    dist.barrier()
    dist.destroy_process_group()
    print(json.dumps(found))
"""


def begun(program: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, str(program), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(process: subprocess.Popen[str]) -> Any:
    try:
        output, errors = process.communicate(timeout=ANSWER_S)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("torch")
    program = tmp_path_factory.mktemp("workers") / "program.py"
    program.write_text(WORKERS)
    return printed(begun(program))


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("ranks")
    program = folder / "program.py"
    program.write_text(RANKS)
    processes = [begun(program, str(rank), str(folder / "store")) for rank in range(2)]
    return [printed(process) for process in processes]


pytestmark = pytest.mark.slow


def test_the_example_of_the_documents_gives_each_record_once(workers: Any) -> None:
    records = [number for batch in workers["seed"] for part in batch for number in part]
    assert sorted(records) == list(range(20))
    assert sorted(len(batch) for batch in workers["seed"]) == [5, 5, 5, 5]


def test_s_b9_workers_run_nothing_for_each_other(workers: Any) -> None:
    assert workers["calls"] == 20
    assert workers["split late"] == [list(range(20)), 40]
    assert workers["behind a filter"] == [[one for one in range(20) if one % 3], 20]


def test_s_b10_a_shuffle_before_the_split_doubles_and_loses_nothing(workers: Any) -> None:
    plain, filtered, looped = workers["shuffled"]
    assert plain == [list(range(20)), 20]
    assert filtered == [list(range(1, 20)), 19]
    assert looped == [sorted([*range(20), *range(20)]), 40]
    assert workers["sampled"] == [list(range(20)), 20]


@pytest.mark.parametrize("kind", ["epochs", "kept"])
def test_s_b8_each_epoch_on_workers_is_the_next_one(workers: Any, kind: str) -> None:
    # Two workers, in turns, give the order of the epoch.
    assert workers[kind] == workers["alone"]
    assert workers[kind][0] != workers[kind][1] != workers[kind][2]


def test_s_b11_what_is_not_split_is_refused(workers: Any) -> None:
    for name in ("unsplit", "unsplit sampler"):
        assert (
            "Put .split_by_worker_pytorch() into it, or say enforce_worker_check=False"
            in (workers[name])
        )
    assert workers["unchecked"] == sorted([*range(20), *range(20)])


def test_s_b12_ranks_are_found_when_the_chain_is_read(ranks: list[Any]) -> None:
    for rank, found in enumerate(ranks):
        assert found["before"] == list(range(0, 24, 2))
        for name in ("here", "spawned"):
            assert sorted(found[name]) == list(range(2 * rank, 24, 4)), name
        assert found["group"] == list(range(rank, 12, 2))


def test_s_b12_a_chain_that_ranks_would_share_is_refused(ranks: list[Any]) -> None:
    for found in ranks:
        assert (
            "Put .split_by_rank_pytorch() into it, or say enforce_rank_check=False"
            in (found["unsplit"])
        )


def test_a_torch_iterable_is_a_dataset_of_torch_and_a_composable() -> None:
    torch = pytest.importorskip("torch")
    chain = IterableSource(range(6)).compose(TorchIterable, enforce_rank_check=False)
    assert isinstance(chain, torch.utils.data.IterableDataset)
    assert isinstance(chain, TorchIterable)
    assert chain.map(str).collect() == list("012345")
    assert pickle.loads(pickle.dumps(chain)).collect() == list(range(6))
    assert chain.as_stream().collect() == list(range(6))


def test_a_multiplexer_is_split_where_all_its_chains_are() -> None:
    torch = pytest.importorskip("torch")
    split = IterableSource(range(3)).compose(SplitByRank).compose(SplitByWorker)
    joined = Multiplexer([split, split.map(str)], MultiplexingStrategy.ROUND_ROBIN)
    dataset = joined.to_torch_iterable()
    assert isinstance(dataset, torch.utils.data.IterableDataset)
    assert dataset.collect() == [0, "0", 1, "1", 2, "2"]


def test_skip_k_gives_every_k_th_key() -> None:
    assert list(IterableSource(range(7)).to(skip_k(1, 3))) == [1, 4]
    assert list(skip_k(3, 1)(range(4))) == [0, 1, 2, 3]


def test_the_exception_is_a_stream_error() -> None:
    assert issubclass(PyTorchSplittingException, TypeError)
    assert IterableSamplerSource([[1]]).collect() == [1]
