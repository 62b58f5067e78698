"""A torch IterableDataset: the same batches with any workers, epoch after epoch, and resumed."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.adapters.torch import IterableDataset
from headrace.adapters.torch.shares import cause
from headrace.contracts.errors import ArgumentError, StateError, StorageError, StreamError

# Any, in this file: torch is optional here, and batches are of any type.
torch = pytest.importorskip("torch")

# From Python 3.12 on, a fork warns where there are threads, and torch has some.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*multi-threaded, use of fork:DeprecationWarning",
    "ignore:This DataLoader will create:UserWarning",
)

RECORDS = 23
UNKNOWN = r"cannot be told: .*Call set_epoch\(epoch\) before each pass"


def noisy(record: float, rng: np.random.Generator) -> float:
    return record + rng.random()


def is_kept(record: float) -> bool:
    return record % 3 > 1


def plain() -> hr.Stream[Any]:
    ref = hr.DataRef.from_sequence(range(RECORDS)).shuffle(seed=7)
    return ref.stream().map(noisy, seeded=True).batch(4)


def filtered() -> hr.Stream[Any]:
    ref = hr.DataRef.from_sequence(range(RECORDS)).shuffle(seed=7)
    return ref.stream().map(noisy, seeded=True).filter(is_kept).batch(2)


def expected(stream: hr.Stream[Any], epoch: int) -> list[list[float]]:
    return [batch.tolist() for batch in stream.epoch(epoch)]


def loader(dataset: Any, workers: int, start: str = "fork", **options: Any) -> Any:
    context = start if workers else None
    given = {"batch_size": None, "num_workers": workers, "multiprocessing_context": context}
    return torch.utils.data.DataLoader(dataset, **given | options)


def passed(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


WORKERS = [(0, False), *itertools.product((1, 2, 4), (False, True))]


@pytest.mark.parametrize("stream", [plain(), filtered()], ids=["divisible", "filtered"])
@pytest.mark.parametrize(("workers", "persistent"), WORKERS)
@pytest.mark.filterwarnings("ignore:each of torch's")
def test_any_workers_give_each_epoch_in_order(
    stream: hr.Stream[Any], workers: int, persistent: bool
) -> None:
    batches = loader(IterableDataset(stream), workers, persistent_workers=persistent)

    assert passed(batches) == expected(stream, 0)
    assert passed(batches) == expected(stream, 1)
    left = iter(batches)
    assert next(left).tolist() == expected(stream, 2)[0]
    del left
    # The same seed of torch's again: it is no sign of the same pass.
    torch.manual_seed(1)
    assert passed(batches) == expected(stream, 3)
    torch.manual_seed(1)
    assert passed(batches) == expected(stream, 4)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_workers_that_are_not_forked_agree_too(start: str) -> None:
    dataset = IterableDataset(plain())
    anew = loader(dataset, 2, start)
    assert passed(anew) == expected(plain(), 0)
    living = loader(dataset, 2, start, persistent_workers=True)
    next(iter(living))
    assert passed(living) == expected(plain(), 2)
    dataset.set_epoch(0)
    assert passed(living) == expected(plain(), 0)


def test_with_torchs_batches_no_record_is_lost_or_doubled() -> None:
    ref = hr.DataRef.from_sequence(range(RECORDS)).shuffle(seed=7)
    batches = loader(IterableDataset(ref), 2, batch_size=4)
    first = passed(batches)

    assert sorted(itertools.chain(*first)) == list(range(RECORDS))
    again = passed(loader(IterableDataset(ref), 2, batch_size=4))
    assert again == first != passed(batches)


def test_ranks_sharded_by_hand_combine_with_workers() -> None:
    def shard(rank: int) -> hr.Stream[Any]:
        ref = hr.DataRef.from_sequence(range(RECORDS))
        return ref.stream(shuffle=True, shuffle_seed=3, shard_rank=rank, num_shards=2).batch(2)

    found = [passed(loader(IterableDataset(shard(rank)), 2)) for rank in (0, 1)]
    assert found == [expected(shard(rank), 0) for rank in (0, 1)]
    batches = itertools.chain(*found)
    assert sorted(itertools.chain(*batches)) == list(range(RECORDS))


def ranked(rank: int, epoch_end: Any, stream: hr.Stream[Any] | None = None) -> Any:
    """A loader on one of 3 ranks, of which the first two have 8 records and the last one 7."""
    stream = hr.DataRef.from_sequence(range(RECORDS)).stream() if stream is None else stream
    return hr.DataLoader(stream, ranks=hr.Ranks(rank, 3), epoch_end=epoch_end)


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_ranks_of_a_loader_combine_with_workers_and_end_together(start: str) -> None:
    for rank in (0, 2):
        dataset = IterableDataset(ranked(rank, "shortest"))
        batches = loader(dataset, 2, start)
        wanted = list(range(rank, RECORDS, 3))[:7]
        assert len(batches) == 7
        assert list(batches) == wanted == list(batches)
        state = dataset.state_dict(delivered=9)
        assert (state["epoch"], state["at"], state["rank"]) == (1, 2, rank)


@pytest.mark.filterwarnings("ignore:each of torch's")
def test_a_loader_of_one_rank_stays_whole_on_workers_of_a_launched_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = hr.DataLoader(filtered(), ranks=hr.Ranks(0, 1))
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert passed(loader(IterableDataset(whole), 2)) == passed(loader(IterableDataset(whole), 0))


def test_workers_that_would_have_to_repeat_or_agree_refuse() -> None:
    for made in (ranked(2, "longest"), ranked(0, "shortest", filtered())):
        with pytest.raises(StreamError, match="cannot agree with those of other ranks"):
            passed(loader(IterableDataset(made), 2))
    with pytest.raises(hr.errors.RankError, match="in epoch 0: rank 0: 8, rank 1: 8, rank 2: 7"):
        passed(loader(IterableDataset(ranked(0, None)), 2))


def test_a_loader_brings_its_seed_tensors_and_position() -> None:
    stream: hr.Stream[Any] = hr.stream({"x": np.arange(RECORDS)}).shuffle(RECORDS).batch(4)
    given = hr.DataLoader(stream, seed=5, to="torch")
    next(iter(given))
    batches = loader(IterableDataset(given), 2)

    found = [batch["x"] for batch in batches]
    again = hr.DataLoader(stream, seed=5)
    next(iter(again))
    wanted = [batch["x"].tolist() for batch in again]
    assert [x.tolist() for x in found] == wanted
    assert all(isinstance(x, torch.Tensor) for x in found)
    assert len(batches) == 6


def test_a_seed_that_a_loader_is_given_later_is_in_the_state_of_its_workers() -> None:
    stream: hr.Stream[Any] = hr.stream(range(RECORDS)).shuffle(RECORDS).batch(4)
    given = hr.DataLoader(stream)
    given.seed(5)
    batches = loader(IterableDataset(given), 2)
    found = passed(batches)

    assert found == [batch.tolist() for batch in hr.DataLoader(stream, seed=5)]
    again = IterableDataset(stream)
    again.load_state_dict(given.state_dict(delivered=4))
    assert passed(loader(again, 0)) == found[4:]
    given.seed(6)
    with pytest.raises(ArgumentError, match="or seeded anew"):
        batches.dataset.state_dict(delivered=4)


def trained(batches: Any, model: Any, optimizer: Any, steps: int) -> None:
    epochs = itertools.chain.from_iterable(itertools.repeat(batches))
    for batch in itertools.islice(epochs, steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(batch["x"]), batch["y"])
        loss.backward()
        optimizer.step()


def started(dataset: Any, workers: int, seed: int = 0) -> tuple[Any, Any, Any]:
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 1)
    return loader(dataset, workers), model, torch.optim.Adam(model.parameters(), 0.01)


@pytest.mark.parametrize("stop", [3, 7, 10, 24])
def test_a_training_that_is_stopped_goes_on_bit_for_bit(tmp_path: Path, stop: int) -> None:
    rng = np.random.default_rng(1)
    arrays = {
        "x": rng.normal(size=(37, 3)).astype("f4"),
        "y": rng.normal(size=(37, 1)).astype("f4"),
    }
    ref = hr.Storage(tmp_path).submit(arrays, "points", "1.0").shuffle(seed=7)
    stream = ref.stream().batch(4)

    batches, whole, optimizer = started(IterableDataset(stream), 0)
    trained(batches, whole, optimizer, 30)

    given = hr.DataLoader(stream)
    batches, model, optimizer = started(IterableDataset(given), 2)
    trained(batches, model, optimizer, stop)
    state = batches.dataset.state_dict(delivered=stop)
    assert given.state_dict(delivered=stop) == state
    saved = pickle.loads(pickle.dumps((model.state_dict(), optimizer.state_dict(), state)))

    batches, model, optimizer = started(IterableDataset(stream), 2, seed=9)
    model.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    batches.dataset.load_state_dict(saved[2])
    trained(batches, model, optimizer, 30 - stop)
    assert torch.equal(model.weight, whole.weight)
    assert torch.equal(model.bias, whole.bias)


def test_a_resumed_dataset_counts_from_its_state_and_goes_on_over_epochs() -> None:
    first = IterableDataset(plain())
    state = first.state_dict(delivered=4)
    second = IterableDataset(plain())
    second.load_state_dict(state)
    batches = loader(second, 2)

    assert passed(batches) == expected(plain(), 0)[4:]
    assert passed(batches) == expected(plain(), 1)
    assert second.state_dict(delivered=2) == first.state_dict(delivered=6)
    assert second.state_dict(delivered=3) == first.state_dict(delivered=7)


def drawn() -> hr.Stream[Any]:
    return hr.stream(lambda: iter(range(RECORDS))).map(noisy, seeded=True, seed=1).batch(4)


ENDING = [plain(), filtered(), drawn()]


@pytest.mark.parametrize("stream", ENDING, ids=["divisible", "filtered", "drawn"])
@pytest.mark.filterwarnings("ignore:each of torch's")
def test_the_state_at_an_epochs_end_is_the_next_one(stream: hr.Stream[Any]) -> None:
    ended = IterableDataset(stream)
    count = len(passed(loader(ended, 0)))
    state = ended.state_dict(delivered=count)
    dataset = IterableDataset(stream)
    dataset.load_state_dict(state)
    batches = loader(dataset, 2)

    assert passed(batches) == expected(stream, 1)
    assert passed(batches) == expected(stream, 2)


def test_living_workers_follow_a_loaded_state_and_a_set_epoch() -> None:
    dataset = IterableDataset(plain())
    batches = loader(dataset, 2, persistent_workers=True)
    assert passed(batches) == expected(plain(), 0)
    dataset.load_state_dict(dataset.state_dict(delivered=2))
    assert passed(batches) == expected(plain(), 0)[2:]
    dataset.set_epoch(7)
    assert passed(batches) == expected(plain(), 7)
    assert dataset.state_dict(delivered=1) == {**dataset.state_dict(delivered=0), "at": 1}
    with pytest.raises(ArgumentError, match="epoch must be a whole number of at least 0"):
        dataset.set_epoch(-1)


def test_without_workers_every_chain_has_a_state() -> None:
    dataset = IterableDataset(filtered())
    wanted = passed(loader(dataset, 0))
    state = dataset.state_dict(delivered=2)
    again = IterableDataset(filtered())
    again.load_state_dict(state)
    assert passed(loader(again, 0)) == wanted[2:]


@pytest.mark.filterwarnings("ignore:each of torch's")
def test_the_state_of_workers_whose_batches_depend_on_records_is_refused() -> None:
    dataset = IterableDataset(filtered())
    passed(loader(dataset, 2))
    with pytest.raises(StreamError, match=r"filter makes the number.*backend=hr.Threads\(2\)"):
        dataset.state_dict(delivered=1)


def test_a_pass_left_early_leaves_no_number_to_count_by() -> None:
    dataset = IterableDataset(plain())
    batches = loader(dataset, 2)
    next(iter(batches))
    passed(batches)
    with pytest.raises(
        ArgumentError, match="pass 2 has begun: an earlier one was left early. Call"
    ):
        dataset.state_dict(delivered=3)
    assert dataset.state_dict(delivered=6)["at"] == 6


def test_a_look_without_workers_before_them_leaves_none_either() -> None:
    dataset = IterableDataset(plain())
    next(iter(loader(dataset, 0)))
    batches = loader(dataset, 2)
    assert passed(batches) == expected(plain(), 1)
    with pytest.raises(ArgumentError, match=UNKNOWN):
        dataset.state_dict(delivered=1)
    assert passed(loader(dataset, 0)) == expected(plain(), 2)
    with pytest.raises(ArgumentError, match=UNKNOWN):
        dataset.state_dict(delivered=1)
    dataset.set_epoch(3)
    assert passed(loader(dataset, 0)) == expected(plain(), 3)
    assert dataset.state_dict(delivered=1)["epoch"] == 3


def test_processes_that_inherit_a_dataset_count_their_own_passes() -> None:
    dataset = IterableDataset(plain())
    assert passed(loader(dataset, 2)) == expected(plain(), 0)
    copied = pickle.loads(pickle.dumps(dataset))
    assert passed(loader(copied, 2)) == expected(plain(), 0)
    assert passed(loader(dataset, 2)) == expected(plain(), 1)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("fork", 'in a forked process: it would hang.*="forkserver" or "spawn"'),
        ("spawn", "cannot send memory:// to another process.*: use a path"),
    ],
)
def test_memory_in_a_worker_is_an_error_at_once(start: str, message: str) -> None:
    ref = hr.Storage("memory://").submit({"x": np.arange(10)}, "points", "1.0")
    with pytest.raises(StorageError, match=f"(?s){message}"):
        passed(loader(IterableDataset(ref.stream().batch(4)), 1, start))


WARNED = """
import torch, headrace as hr
from headrace.adapters.torch.shares import cause
from headrace.adapters.torch import IterableDataset

dataset = IterableDataset(hr.stream(range(9)).filter(bool).batch(2))
options = {"batch_size": None, "multiprocessing_context": "fork"}
for workers in (1, 2, 2):
    print(len(list(torch.utils.data.DataLoader(dataset, num_workers=workers, **options))))
"""


def test_several_workers_that_compute_all_say_so_once() -> None:
    done = subprocess.run([sys.executable, "-c", WARNED], capture_output=True, text=True)

    assert done.stdout.split() == ["4", "4", "4"]
    told = "each of torch's 2 workers computes this whole stream and gives its share of the "
    assert done.stderr.count(told + "batches, because filter makes a batch depend on") == 1
    assert "Use num_workers=0 over hr.DataLoader(stream, backend=hr.Threads(2))" in done.stderr


@pytest.mark.filterwarnings("ignore:each of torch's")
def test_a_source_without_random_access_is_drawn_by_each_worker() -> None:
    stream = hr.stream(lambda: iter(range(RECORDS))).batch(4)
    dataset = IterableDataset(stream)
    assert passed(loader(dataset, 2)) == expected(stream, 0)
    assert cause(stream.node) == "a source without random access"
    state = dataset.state_dict(delivered=4)
    again = IterableDataset(stream)
    again.load_state_dict(state)
    assert passed(loader(again, 2)) == expected(stream, 0)[4:]
    passed(loader(dataset, 2))
    with pytest.raises(ArgumentError, match="the number of batches in an epoch is not known"):
        dataset.state_dict(delivered=8)


def test_a_state_of_another_chain_and_another_source_are_refused() -> None:
    dataset = IterableDataset(plain())
    with pytest.raises(StateError, match="Load it into a loader of the very same chain"):
        dataset.load_state_dict(IterableDataset(filtered()).state_dict(delivered=0))
    with pytest.raises(ArgumentError, match=r"got list. Make a stream of it: hr.stream"):
        IterableDataset([1, 2])  # type: ignore[arg-type]


def test_a_stream_of_unknown_length_has_none_here() -> None:
    with pytest.raises(StreamError, match="the length of this stream is not known"):
        len(IterableDataset(filtered()))


class Photos(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
    """A user's own class, written before there was a cache: it reads, decodes and transforms."""

    def __init__(self, folder: Path, transform: Any = None) -> None:
        self.paths: Any = sorted(folder.glob("*.npy"))
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image, label = self.photo(index)
        return (image if self.transform is None else self.transform(image)), label

    def photo(self, index: int) -> tuple[Any, int]:
        return np.load(self.paths[index]), index


class CachedPhotos(Photos):
    """The same class over cached photos: only the slow part is another one."""

    def __init__(self, ref: hr.DataRef[Any], transform: Any = None) -> None:
        self.paths, self.transform = ref, transform

    def photo(self, index: int) -> tuple[Any, int]:
        found: tuple[Any, int] = self.paths[index]
        return found


def flipped(image: Any) -> Any:
    """A transform as torchvision's are: it draws from torch's global generator."""
    tensor = torch.tensor(image)
    return tensor.flip(1) if torch.rand(1) < 0.5 else tensor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        np.save(tmp_path / f"{number:02}.npy", np.full((2, 3), number) + np.arange(3))
    return tmp_path


def epochs(dataset: Any, **options: Any) -> list[Any]:
    torch.manual_seed(3)
    batches = torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True, **options)
    return [(x.tolist(), y.tolist()) for _ in range(2) for x, y in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_class_with_its_transform_runs_over_cached_data(
    folder: Path, workers: int
) -> None:
    ref = hr.Storage(folder / "cache").submit(Photos(folder), "photos", "1.0")
    options = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}

    wanted = epochs(Photos(folder, flipped), **options)
    assert epochs(CachedPhotos(ref, flipped), **options) == wanted
    assert len({str(batch) for batch in wanted}) == 6


def test_a_transform_of_torch_in_a_stream_is_the_same_on_workers(folder: Path) -> None:
    ref = hr.Storage(folder / "cache").submit(Photos(folder), "photos", "1.0")

    def transformed(record: tuple[Any, int]) -> tuple[Any, int]:
        return flipped(record[0]), record[1]

    stream = ref.shuffle(seed=7).stream().map(transformed, seeded="global").batch(4)
    loaders = [loader(IterableDataset(stream), workers) for workers in (0, 2)]
    found = [
        [(x.tolist(), y.tolist()) for _ in range(2) for x, y in batches] for batches in loaders
    ]
    assert found[0] == found[1]
    assert sorted(y for _, batch in found[0][:3] for y in batch) == list(range(12))
    assert sorted(map(str, found[0][:3])) != sorted(map(str, found[0][3:]))


def test_a_loader_that_copies_to_a_device_is_refused() -> None:
    copying = hr.DataLoader(hr.stream(range(4)).batch(2), to="torch", device="cpu")
    with pytest.raises(ArgumentError, match=r"got a loader with device='cpu'. Leave device out"):
        IterableDataset(copying)
