"""dataset_server's DataLoader: its table of behaviours, and the D-B rows that its own code meets.

The other D-B rows are those of `tests/loader/test_from_dataset.py`, over which it stands.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.built import Arrays, Broken, Failing, Numbers, Plain, Tensors

from headrace.compat.dataset_server import DataLoader
from headrace.contracts.errors import ArgumentError, ClosedError

# Any, in this file: records of every type.
pytestmark = pytest.mark.timeout(60)

DEFAULTS = {
    "max_minibatch_length": None,
    "max_queue_size": 20,
    "prefetch_time": None,
    "shuffle": False,
    "device": None,
    "pin_memory": False,
    "gpu_indices": None,
    "nearby_shuffle": 0,
    "cache_setting": None,
    "rotation_setting": None,
    "use_threading": False,
    "collate_fn": None,
}


def made(dataset_class: Callable[..., Any] = Plain, size: int = 20, **given: Any) -> DataLoader:
    """A loader of 4 records a batch, in this process unless given."""
    arguments: dict[str, Any] = {"batch_size": 4, "nb_worker": 0, **given}
    return DataLoader(dataset_class, {"size": size}, **arguments)


def numbers(loader: DataLoader) -> list[int]:
    """The numbers of one epoch."""
    return [number for batch in loader for number in batch.tolist()]


def test_the_signature_is_that_of_dataset_server() -> None:
    parameters = inspect.signature(DataLoader).parameters

    assert list(parameters) == [
        *("dataset_class", "dataset_params", "batch_size", "nb_worker"),
        *DEFAULTS,
    ]
    assert {one.kind for one in parameters.values()} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS


# -- batches ---------------------------------------------------------------------------------


class Pair(NamedTuple):
    """A record with named fields."""

    x: Any
    y: Any


class Shapes:
    """Records of the shape that is asked for."""

    def __init__(self, shape: str) -> None:
        self.shape = shape

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        array = np.full(2, index)
        shapes: dict[str, Any] = {
            "array": array,
            "number": index,
            "list": [array, index],
            "tuple": (array, (index, [array])),
            "dict": {"x": array, "pair": (index, array)},
            "named": Pair(array, index),
            "text": (index, str(index)),
        }
        return shapes[self.shape]


ARRAYS = [[0, 0], [1, 1], [2, 2]]
BATCHES: dict[str, Any] = {
    "array": ARRAYS,
    "number": [0, 1, 2],
    "list": [ARRAYS, [0, 1, 2]],
    "tuple": [ARRAYS, [[0, 1, 2], [ARRAYS]]],
    "dict": {"x": ARRAYS, "pair": [[0, 1, 2], ARRAYS]},
    "named": Pair(ARRAYS, [0, 1, 2]),
    "text": [[0, 1, 2], ["0", "1", "2"]],
}


@pytest.mark.parametrize("shape", BATCHES)
def test_leaves_are_stacked_in_lists_for_lists_and_tuples(shape: str) -> None:
    with DataLoader(Shapes, {"shape": shape}, 3, 0) as loader:
        (batch,) = loader

    assert plain(batch) == BATCHES[shape]
    assert type(batch) is type(BATCHES[shape]) or isinstance(batch, np.ndarray)


def plain(batch: Any) -> Any:
    if isinstance(batch, np.ndarray):
        return batch.tolist()
    if isinstance(batch, Pair):
        return Pair(plain(batch.x), plain(batch.y))
    if isinstance(batch, dict):
        return {key: plain(part) for key, part in batch.items()}
    return [plain(part) for part in batch] if isinstance(batch, list) else batch


def test_collate_fn_makes_batches_in_the_workers() -> None:
    with made(nb_worker=2, collate_fn=with_process) as loader:
        batches = list(loader)

    assert [found for _, found in batches] == [[*range(n, n + 4)] for n in range(0, 20, 4)]
    assert os.getpid() not in {process for process, _ in batches}


def with_process(records: list[Any]) -> tuple[int, list[int]]:
    return os.getpid(), records


def test_d_b6_d_b7_a_bare_array_and_a_batch_of_one_are_stacked() -> None:
    with made(Arrays, 5, batch_size=1) as loader:
        assert [batch.shape for batch in loader] == [(1, 10)] * 5


# -- epochs ----------------------------------------------------------------------------------


def test_an_epoch_has_one_short_batch_whatever_the_workers() -> None:
    for workers in (0, 3):
        with made(size=10, nb_worker=workers) as loader:
            assert len(loader) == 3
            for _ in range(2):
                assert [len(batch) for batch in loader] == [4, 4, 2]


def test_without_shuffle_records_come_in_order() -> None:
    with made() as loader:
        assert [numbers(loader), numbers(loader)] == [[*range(20)], [*range(20)]]


def test_a_shuffle_is_another_one_in_each_epoch_and_the_same_in_each_run() -> None:
    runs = []
    for workers in (0, 2):
        with made(nb_worker=workers, shuffle=True) as loader:
            runs.append([numbers(loader) for _ in range(3)])

    assert runs[0] == runs[1]
    assert [sorted(epoch) for epoch in runs[0]] == [[*range(20)]] * 3
    assert len({tuple(epoch) for epoch in (*runs[0], range(20))}) == 4


def test_nearby_shuffle_moves_no_record_further_than_it_says() -> None:
    with made(size=200, shuffle=True, nearby_shuffle=10) as loader:
        order = np.array(numbers(loader))

    assert sorted(order.tolist()) == [*range(200)]
    assert 0 < np.abs(order - np.arange(200)).max() <= 10


def test_d_b22_a_break_ends_the_epoch_and_the_position_can_be_saved() -> None:
    with made(shuffle=True) as loader:
        first, second = numbers(loader), numbers(loader)
    with made(shuffle=True) as loader:
        for batch in loader:
            assert batch.tolist() == first[:4]
            break
        state = loader.loader.state_dict()
        assert numbers(loader) == second
        loader.loader.load_state_dict(state)
        assert numbers(loader) == first[4:]


def test_the_loader_is_its_own_iterator_and_next_begins_an_epoch() -> None:
    with made(size=8) as loader:
        assert next(loader).tolist() == [0, 1, 2, 3]
        assert next(loader).tolist() == [4, 5, 6, 7]
        with pytest.raises(StopIteration):
            next(loader)
        assert iter(loader) is loader
        assert next(loader).tolist() == [0, 1, 2, 3]


def test_it_can_be_closed_twice_and_gives_nothing_afterwards() -> None:
    loader = made(nb_worker=1)
    assert numbers(loader) == [*range(20)]
    loader.close()
    loader.close()
    with pytest.raises(ClosedError):
        next(iter(loader))


def test_use_threading_changes_no_batch() -> None:
    with made(nb_worker=1, use_threading=True, max_queue_size=2) as loader:
        assert [numbers(loader), numbers(loader)] == [[*range(20)], [*range(20)]]


def test_what_is_not_needed_is_taken() -> None:
    with made(max_minibatch_length=1, prefetch_time=0, pin_memory=True) as loader:
        assert numbers(loader) == [*range(20)]


def test_ranks_share_the_records_also_with_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = {"prefix": tmp_path, "update_frequency": math.inf}
    found = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        with made(cache_setting=setting) as loader:
            found.append([numbers(loader), numbers(loader)])

    assert found == [[[*range(rank, 20, 2)]] * 2 for rank in range(2)]


def test_ranks_end_an_epoch_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        with made(size=9) as loader:
            found.append([numbers(loader), numbers(loader)])

    assert found == [[[0, 2, 4, 6]] * 2, [[1, 3, 5, 7]] * 2]


# -- tensors ---------------------------------------------------------------------------------

CACHE = {"prefix": "cached", "update_frequency": math.inf}
DISK = {"rotation": 2, "medium": "disk", "prefix": "rotated", "size": 8}
MEMORY = {"rotation": 2, "medium": "memory"}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cache": {"cache_setting": CACHE},
    "disk": {"rotation_setting": DISK},
    "memory": {"rotation_setting": MEMORY},
    "both": {"cache_setting": CACHE, "rotation_setting": DISK},
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_tensors_come_as_tensors_and_arrays_as_arrays_in_all_epochs(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    with made(Tensors, **SETTINGS[setting]) as loader:
        for batch in (batch for _ in range(2) for batch in loader):
            tensor, number = batch["pair"]
            assert torch.is_tensor(tensor)
            assert torch.equal(batch["x"], tensor[:, None].expand(-1, 2))
            assert isinstance(number, np.ndarray)
            assert number.tolist() == tensor.tolist()


def test_collate_fn_is_given_what_the_dataset_made(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    setting = {"prefix": tmp_path, "update_frequency": math.inf}
    with made(Tensors, cache_setting=setting, collate_fn=tensors_alone) as loader:
        epochs = [[batch.tolist() for batch in loader] for _ in range(2)]

    assert epochs == [[[[n, n] for n in range(m, m + 4)] for m in range(0, 20, 4)]] * 2
    assert torch.is_tensor(tensors_alone([{"x": torch.ones(1)}]))


def tensors_alone(records: list[Any]) -> Any:
    return __import__("torch").stack([record["x"] for record in records])


def test_d_b5_batches_come_on_the_device_in_any_nesting() -> None:
    torch = pytest.importorskip("torch")
    with made(Tensors, device="cpu") as loader:
        batch = next(loader)
    assert batch["x"].device == torch.device("cpu")
    assert all(map(torch.is_tensor, batch["pair"]))

    with made(Numbers, device="meta") as loader:
        assert next(loader)["y"].device == torch.device("meta")


@pytest.mark.gpu
def test_pin_memory_locks_the_pages_of_tensors() -> None:
    with made(Tensors, pin_memory=True) as loader:
        batch = next(loader)
    assert batch["x"].is_pinned()
    assert batch["pair"][0].is_pinned()

    with made(Tensors, pin_memory=True, device="cuda") as loader:
        assert next(loader)["x"].is_cuda


def test_each_worker_sees_its_own_gpu() -> None:
    with made(size=64, nb_worker=2, gpu_indices=[3, 5], collate_fn=with_gpu) as loader:
        assert set(loader) <= {"3", "5"}


def with_gpu(records: list[Any]) -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


# -- errors ----------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "workers": ({"nb_worker": -1}, "nb_worker must be a whole number of at least 0, got -1"),
    "batch": ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    "time": ({"prefetch_time": "x"}, "a warm-up takes seconds, a number from 0, got 'x'"),
    "GPUs": ({"nb_worker": 2, "gpu_indices": [0]}, "names 1 devices for 2 workers"),
    "collate": ({"collate_fn": 5}, "collate_fn must be a function of a list of records, got 5"),
    "frequency": (
        {"cache_setting": {"prefix": "c", "update_frequency": 1}},
        "update_frequency of the cache must be a whole number of at least 2, got 1",
    ),
    "no prefix": ({"cache_setting": {"update_frequency": 2}}, "lacks prefix"),
    "rotation": ({"rotation_setting": {**MEMORY, "rotation": 1}}, "of at least 2, got 1"),
    "medium": ({"rotation_setting": {**MEMORY, "medium": "ram"}}, "'memory' or 'disk', got 'ram'"),
    "no size": (
        {"rotation_setting": {"rotation": 2, "medium": "disk", "prefix": "r"}},
        "lacks size",
    ),
    "no device": ({"device": "gpu9"}, "device='gpu9' was asked, and torch knows no device"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_arguments_out_of_range_are_refused(given: dict[str, Any], message: str) -> None:
    if "device" in given:
        pytest.importorskip("torch")
    with pytest.raises(ArgumentError, match=message):
        made(**given)


@pytest.mark.parametrize("setting", [{}, {"cache_setting": CACHE}], ids=["plain", "cache"])
def test_params_that_do_not_fit_are_refused_by_name(setting: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"Plain\(size, log=None\) cannot be called with"):
        DataLoader(Plain, {"sise": 3}, 4, 0, **setting)


@pytest.mark.parametrize("setting", [{}, {"cache_setting": CACHE}], ids=["plain", "cache"])
def test_d_b3_d_b13_what_the_constructor_raises_is_raised_here(setting: dict[str, Any]) -> None:
    with pytest.raises(FileNotFoundError, match="no such archive: here"):
        DataLoader(Broken, {"path": "here"}, 4, 1, **setting)


@pytest.mark.parametrize("use_threading", [False, True])
def test_d_b4_d_b20_an_error_of_a_record_keeps_its_type_and_index(use_threading: bool) -> None:
    seen = []
    with made(Failing, 40, nb_worker=1, use_threading=use_threading) as loader:
        with pytest.raises(ValueError, match="record 20 is bad") as caught:
            seen += [batch.tolist() for batch in loader]
        assert any("index 20 of Failing" in note for note in caught.value.__notes__)
