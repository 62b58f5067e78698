"""`from_dataset`: datasets built in the workers. D-B rows: faults that others have had."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import built
from tests.built import Numbers, noted

import headrace as hr
from headrace.contracts.errors import ArgumentError, RankError, StreamError

# Any, in this file: records of every type.
pytestmark = pytest.mark.timeout(60)

Loader = hr.DataLoader[Any]


def made(dataset_class: Callable[..., Any] = Numbers, size: int = 20, **given: Any) -> Loader:
    """A loader over a test dataset; 4 records a batch and 2 workers unless given."""
    arguments: dict[str, Any] = {"batch_size": 4, "num_workers": 2, **given}
    params: dict[str, Any] = {"size": size, **arguments.pop("params", {})}
    return hr.DataLoader.from_dataset(dataset_class, params, **arguments)


def ids(loader: Loader) -> list[list[int]]:
    """The numbers of one epoch, batch by batch."""
    return [(batch["x"] if isinstance(batch, dict) else batch).tolist() for batch in loader]


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


# -- what it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(("shuffle", "most"), [(False, 1), (True, 3)])
def test_the_data_are_the_same_for_any_number_of_workers_and_epochs_differ(
    shuffle: bool, most: int
) -> None:
    found = []
    for workers in (0, most):
        with made(num_workers=workers, shuffle=shuffle, seed=3) as loader:
            assert len(loader) == 5
            found.append([ids(loader), ids(loader)])
    assert found[0] == found[1]
    first, second = (flat(epoch) for epoch in found[0])
    assert sorted(first) == list(range(20))
    assert (first != second) is shuffle
    assert (first != list(range(20))) is shuffle


def test_each_worker_builds_the_dataset_once_and_this_process_never(tmp_path: Path) -> None:
    with made(size=64, params={"log": str(tmp_path)}, max_queue_size=2) as loader:
        for _ in range(3):
            assert flat(ids(loader)) == list(range(64))
    builders = [pid for pid, _ in noted(tmp_path, "built")]
    assert os.getpid() not in builders
    assert len(builders) == len(set(builders)) <= 2
    assert {pid for pid, _ in noted(tmp_path, "read")} <= set(builders)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_constructor_waits_until_all_that_may_be_ahead_is_there(
    workers: int, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"num_workers": workers, "max_queue_size": 2, "warm_up_s": 30}
    began = time.monotonic()
    with made(size=64, params={"log": str(tmp_path)}, **given) as loader:
        assert time.monotonic() - began < 20
        read = sorted(index for _, index in noted(tmp_path, "read"))
        assert read == list(range(4 * 2 * workers))
        state = loader.state_dict()
        assert loader.epoch == 0
        head = next(iter(loader))["x"].tolist()
        assert head == [0, 1, 2, 3]
        loader.load_state_dict(state)
        assert flat(ids(loader)) == list(range(64))
        assert loader.epoch == 1


def test_a_seed_that_is_set_after_warming_up_counts_at_once() -> None:
    with (
        made(shuffle=True, warm_up_s=5) as loader,
        made(shuffle=True, seed=9, num_workers=0) as other,
    ):
        loader.seed(9)
        assert ids(loader) == ids(other)


def test_a_dataset_with_getitems_is_asked_for_a_batch_at_once(tmp_path: Path) -> None:
    with made(built.Together, num_workers=1, params={"log": str(tmp_path)}) as loader:
        assert flat(ids(loader)) == [10 * number for number in range(20)]
    assert {count for _, count in noted(tmp_path, "together")} == {4}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"shuffle": True, "use_threading": True},
        {"shuffle": True, "cache": {"prefix": "cache", "update_frequency": 3}},
        {"rotation": {"medium": "memory", "rotation": 3, "size": 8}},
        {
            "shuffle": True,
            "cache": {"prefix": "cache", "update_frequency": 2},
            "rotation": {"medium": "disk", "rotation": 2, "prefix": "rotated", "size": 8},
        },
    ],
    ids=["plain", "thread", "cache", "rotation", "both"],
)
def test_every_cut_resumes_on_any_number_of_workers(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole: list[Any] = []
    states = []
    with made(num_workers=0, **given) as loader:
        for _ in range(3):
            for batch in loader:
                whole.append(batch["x"].tolist())
                states.append(json.loads(json.dumps(loader.state_dict())))
        length = len(whole)
    with made(num_workers=0, **given) as loader:
        for cut in range(0, length, 2):
            loader.load_state_dict(states[cut])
            rest = whole[cut + 1 :]
            if cut + 1 < length:
                again = iter(loader)
                left = length // 3 - (cut + 1) % (length // 3)
                assert [next(again)["x"].tolist() for _ in range(left)] == rest[:left]
    # Where records are made, and batches, is told apart once for each.
    workers = 2 if not given or len(given) == 3 else 0
    with made(num_workers=workers, **given) as loader:
        loader.load_state_dict(states[1])
        assert ids(loader) == whole[2 : length // 3]


def test_batches_are_made_in_the_worker_by_collate_fn() -> None:
    with made(collate_fn=with_process, drop_last=True, size=10) as loader:
        batches = list(loader)
    assert [numbers for _, numbers in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert os.getpid() not in {pid for pid, _ in batches}


def with_process(records: list[Any]) -> tuple[int, list[int]]:
    return os.getpid(), [record["x"] for record in records]


def test_nearby_shuffle_moves_no_index_further_than_asked() -> None:
    with made(size=200, num_workers=0, shuffle=True, nearby_shuffle=10) as loader:
        epochs = [np.array(flat(ids(loader))) for _ in range(2)]
    for order in epochs:
        assert sorted(order.tolist()) == list(range(200))
        assert 0 < np.abs(order - np.arange(200)).max() <= 10
    assert epochs[0].tolist() != epochs[1].tolist()


def test_each_worker_has_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with made(collate_fn=with_device, gpu_indices=[3, 5], size=64) as loader:
        assert set(loader) <= {"3", "5"}


def with_device(records: list[Any]) -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def test_worker_init_fn_runs_in_each_worker_before_the_dataset_is_built(tmp_path: Path) -> None:
    with made(worker_init_fn=marked, collate_fn=with_mark, size=8) as loader:
        assert list(loader) == ["set", "set"]


def marked(worker: int) -> None:
    os.environ["TEST_OF_HEADRACE"] = "set"


def with_mark(records: list[Any]) -> str | None:
    return os.environ.get("TEST_OF_HEADRACE")


# -- refusals --------------------------------------------------------------------------------

CACHE = {"prefix": "c", "update_frequency": 2}
DISK = {"medium": "disk", "rotation": 2, "prefix": "r", "size": 4}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "batch": ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    "workers": ({"num_workers": -1}, "num_workers must be a whole number of at least 0, got -1"),
    "queue": ({"max_queue_size": 0}, "max_queue_size must be a whole number of at least 1"),
    "nearby": ({"nearby_shuffle": -1}, "nearby_shuffle must be a whole number of at least 0"),
    "warm-up": ({"warm_up_s": -1}, "a warm-up takes seconds, a number from 0, got -1"),
    "collate": ({"collate_fn": 5}, "collate_fn must be a function of a list of records, got 5"),
    "too few GPUs": ({"gpu_indices": [0]}, r"gpu_indices \[0\] names 1 devices for 2 workers"),
    "too many GPUs": ({"gpu_indices": [0, 1, 2]}, "names 3 devices for 2 workers. Give one"),
    "seed": ({"seed": "x"}, "a seed must be a whole number"),
    "cache": ({"cache": "here"}, "cache must be a dict with prefix, update_frequency, got 'here'"),
    "cache key": ({"cache": {**CACHE, "prefx": 1}}, "cache has no 'prefx'. Did you mean one of"),
    "cache prefix": ({"cache": {"update_frequency": 2}}, "lacks prefix. It needs prefix, update_f"),
    "frequency": (
        {"cache": {**CACHE, "update_frequency": 1}},
        "update_frequency of the cache must be a whole number of at least 2, got 1. math.inf",
    ),
    "rotation": ({"rotation": {**DISK, "rotation": 1}}, "rotation must be a whole number of at le"),
    "medium": ({"rotation": {**DISK, "medium": "disc"}}, "'memory' or 'disk', got 'disc'. Did you"),
    "disk size": (
        {"rotation": {"medium": "disk", "rotation": 2, "prefix": "r"}},
        "rotation on disk .* lacks size. It needs medium, rotation, prefix, size",
    ),
    "memory prefix": (
        {"rotation": {"medium": "memory", "rotation": 2, "prefix": "r"}},
        "rotation in memory was given the prefix 'r', and writes no file",
    ),
    "params": (
        {"params": {"sze": 3}},
        r"Numbers\(size, log=None\) cannot be called with the params size, sze: got an",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_arguments_out_of_range_are_refused_before_anything_starts(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        made(**given)


def test_a_dataset_in_the_place_of_its_class_is_refused() -> None:
    message = "needs the class, got .*Numbers object.*Pass the class and its params; for a dataset"
    with pytest.raises(ArgumentError, match=message):
        made(Numbers(3))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"params must be a dict of the keyword .* got \[3\]"):
        hr.DataLoader.from_dataset(Numbers, [3], 2, 0)  # type: ignore[arg-type]


def test_a_class_that_takes_arguments_by_position_says_how_to_wrap_it() -> None:
    message = (
        r"Positional\(size, /, step=1\) takes size by position, and from_dataset calls "
        r"Positional\(\*\*params\). Wrap it: class Named\(Positional\): "
        r"def __init__\(self, \*\*params\): super\(\).__init__\(params\['size'\]\)"
    )
    with pytest.raises(ArgumentError, match=message):
        made(built.Positional)

    class Named(built.Positional):
        def __init__(self, **params: Any) -> None:
            super().__init__(params["size"])

    with made(Named, num_workers=0) as loader:
        assert flat(ids(loader)) == list(range(20))


def test_what_cannot_travel_is_named() -> None:
    message = (
        r"params\['log'\] cannot be sent to other processes: .*lock.*Give params that pickle, such "
        "as paths, and open files in the dataset's constructor"
    )
    with pytest.raises(StreamError, match=message):
        made(params={"log": __import__("threading").Lock()})


def test_a_dataset_without_a_length_is_refused_by_the_worker() -> None:
    with pytest.raises(ArgumentError, match="a sequence needs __len__ and __getitem__ by number"):
        hr.DataLoader.from_dataset(built.Unsized, {}, 4, 1)


def test_a_length_that_is_too_long_names_the_index_and_the_length() -> None:
    with made(built.TooLong, size=10, num_workers=1) as loader:
        batches = iter(loader)
        assert next(batches).tolist() == [0, 1, 2, 3]
        assert next(batches).tolist() == [4, 5, 6, 7]
        with pytest.raises(IndexError) as caught:
            next(batches)
    assert "index 8 of TooLong, whose len() is 10" in caught.value.__notes__


def test_a_cache_of_what_has_no_fingerprint_needs_a_key(tmp_path: Path) -> None:
    cache = {"prefix": tmp_path / "c", "update_frequency": 2}
    params = {"log": (number for number in range(0))}
    message = "a cache of Numbers was asked, and the next run could not tell.* Add a name as 'key'"
    with pytest.raises(ArgumentError, match=message):
        made(num_workers=0, cache=cache, params=params)


# -- D-B: what others have got wrong ----------------------------------------------------------


@pytest.mark.parametrize("size", [6, 8])
def test_d_b1_fewer_records_than_a_batch_come(size: int) -> None:
    with made(size=size, batch_size=8) as loader:
        assert ids(loader) == [list(range(size))]


def test_d_b2_a_killed_worker_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with made(built.Deadly, params={"log": str(tmp_path)}) as loader:
        assert flat(ids(loader)) == list(range(20))
    assert len(noted(tmp_path, "killed")) == 1


@pytest.mark.parametrize(
    ("dataset_class", "params", "kind", "message"),
    [
        (built.Broken, {"path": "a.zip"}, FileNotFoundError, "no such archive: a.zip"),
        (built.Missing, {}, ModuleNotFoundError, "a_module_that_is_not_there"),
    ],
    ids=["d_b3_constructor", "d_b13_import"],
)
def test_d_b3_d_b13_what_fails_in_the_worker_raises_at_once_with_its_traceback(
    dataset_class: Any, params: dict[str, Any], kind: type[Exception], message: str
) -> None:
    before = children()
    with pytest.raises(kind, match=message) as caught:
        hr.DataLoader.from_dataset(dataset_class, params, 4, 2, use_threading=True)
    assert "in __init__" in str(caught.value.__cause__)
    # Nothing of the start is left.
    wait_until(lambda: children() <= before)


def children() -> set[int]:
    """The processes that this one has started, and that have not ended."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in listed if alive(int(pid))}


@pytest.mark.parametrize("use_threading", [True, False])
def test_d_b4_d_b20_an_error_comes_at_its_place_with_type_traceback_and_index(
    use_threading: bool,
) -> None:
    with made(built.Failing, size=40, use_threading=use_threading) as loader:
        batches = iter(loader)
        assert [next(batches).tolist()[0] for _ in range(5)] == [0, 4, 8, 12, 16]
        with pytest.raises(ValueError, match="record 20 is bad") as caught:
            next(batches)
        with pytest.raises(ValueError, match="record 20 is bad"):
            next(batches)
        # The loader is not over: what comes next is the next epoch.
        assert loader.state_dict()["at"] == 5
        assert next(iter(loader)).tolist() == [0, 1, 2, 3]
    assert "in __getitem__" in str(caught.value.__cause__)
    assert "index 20 of Failing, whose len() is 40" in caught.value.__notes__
    where = "headrace: in the source over Failing[40], epoch 0, positions 20 to 23"
    assert any(note.startswith(where) for note in caught.value.__notes__)


def test_d_b5_nested_batches_come_on_the_device() -> None:
    torch = pytest.importorskip("torch")
    with made(built.Tensors, device="cpu", pin_memory=True, size=4, num_workers=0) as loader:
        (batch,) = loader
    assert batch["x"].device == torch.device("cpu")
    assert batch["x"].tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert all(torch.is_tensor(part) for part in batch["pair"])


@pytest.mark.parametrize("use_threading", [True, False])
def test_d_b6_d_b7_bare_arrays_and_single_records_make_batches(use_threading: bool) -> None:
    with made(built.Arrays, size=3, batch_size=1, use_threading=use_threading) as loader:
        assert [batch.shape for batch in loader] == [(1, 10)] * 3
    with made(size=3, batch_size=1, num_workers=0, collate_fn=len) as loader:
        assert list(loader) == [1, 1, 1]


def test_d_b8_two_workers_work_side_by_side_and_the_order_is_kept(tmp_path: Path) -> None:
    with made(built.Meeting, size=64, params={"log": str(tmp_path)}) as loader:
        assert flat(ids(loader)) == list(range(64))


def test_d_b9_d_b10_a_cache_serves_the_next_run_and_each_epoch_has_its_own_order(
    tmp_path: Path,
) -> None:
    given: dict[str, Any] = {
        "shuffle": True,
        "params": {"log": str(tmp_path)},
        "cache": {"prefix": tmp_path / "cache", "update_frequency": math.inf},
    }
    with made(**given) as loader:
        first = [flat(ids(loader)) for _ in range(3)]
    assert len({tuple(epoch) for epoch in first}) == 3
    assert all(sorted(epoch) == list(range(20)) for epoch in first)
    read = noted(tmp_path, "read")
    assert sorted(index for _, index in read) == list(range(20))
    with made(num_workers=0, **given) as loader:
        assert [flat(ids(loader)) for _ in range(3)] == first
    assert noted(tmp_path, "read") == read
    # Other parameters have another cache.
    with made(size=19, num_workers=0, **given) as loader:
        assert sorted(flat(ids(loader))) == list(range(19))


def test_a_cache_is_made_anew_as_often_as_asked_and_again_where_it_is_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given: dict[str, Any] = {
        "num_workers": 0,
        "shuffle": True,
        "params": {"log": str(tmp_path)},
        "cache": {"prefix": tmp_path / "cache", "update_frequency": 2},
    }
    counts = []
    with made(**given) as loader:
        for _ in range(3):
            ids(loader)
            counts.append(len(noted(tmp_path, "read")))
        whole = ids(loader)
    assert counts == [20, 20, 40]
    for shard in (tmp_path / "cache").rglob("*.arrow"):
        shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with made(**given) as loader:
        for _ in range(3):
            ids(loader)
        for shard in (tmp_path / "cache").rglob("*.arrow"):
            shard.write_bytes(shard.read_bytes()[:-1] + b"x")
        with caplog.at_level(logging.WARNING, logger="headrace"):
            assert ids(loader) == whole
    assert "is damaged and is made again" in caplog.text


def test_d_b11_cache_and_rotation_on_disk_go_together(tmp_path: Path) -> None:
    cache = {"prefix": tmp_path / "c", "update_frequency": 2}
    rotation = {"medium": "disk", "rotation": 3, "prefix": tmp_path / "r", "size": 8}
    with made(num_workers=0, shuffle=True, cache=cache, rotation=rotation) as loader:
        assert len(loader) == 15
        for _ in range(4):
            assert sorted(flat(ids(loader))) == sorted(list(range(20)) * 3)


def test_d_b12_fewer_records_than_workers_are_counted_right() -> None:
    for size in range(3):
        with made(size=size, num_workers=3, shuffle=True, nearby_shuffle=2) as loader:
            assert len(loader) == len(ids(loader)) == -(-size // 4)


SCRIPT = """
import os, socket, sys
import headrace as hr

def refuse(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        raise AssertionError("the network was used")
sys.addaudithook(refuse)

class Here:
    def __init__(self, size):
        self.size = size
    def __len__(self):
        return self.size
    def __getitem__(self, index):
        return helper(index), os.getpid()

def helper(index):
    return index + 1

loader = hr.DataLoader.from_dataset(Here, {"size": 8}, 4, 2, use_threading=True)
numbers, workers = zip(*((batch[0].tolist(), batch[1].tolist()) for batch in loader))
print(numbers, *{pid for batch in workers for pid in batch}, sep=" | ", flush=True)
"""


def script(folder: Path, end: str) -> subprocess.Popen[str]:
    """A script without a guard that never shuts its loader down."""
    home = folder / "home"
    home.mkdir()
    (folder / "script.py").write_text(SCRIPT + end)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, "HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_d_b15_d_b23_d_b24_a_class_of_main_works_and_a_script_that_forgets_to_close_ends(
    tmp_path: Path,
) -> None:
    process = script(tmp_path, "")
    printed, _ = process.communicate(timeout=50)
    assert process.returncode == 0
    assert printed.startswith("([1, 2, 3, 4], [5, 6, 7, 8]) | ")
    # Once, as the script ran once; and nothing was written beside it.
    assert printed.count("|") <= 2
    assert not list((tmp_path / "home").iterdir())


def test_d_b14_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    process = script(tmp_path, "import time; time.sleep(60)")
    assert process.stdout is not None
    workers = [int(pid) for pid in re.findall(r"\| (\d+)", process.stdout.readline())]
    assert workers
    assert all(alive(pid) for pid in workers)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    process.stdout.close()
    wait_until(lambda: not any(alive(pid) for pid in workers))


def test_d_b23_a_class_of_a_notebook_cell_works() -> None:
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(
        "scale = 3\n"
        "class Cell:\n"
        "    def __len__(self): return 5\n"
        "    def __getitem__(self, index): return scale * index\n",
        cell,
    )
    with hr.DataLoader.from_dataset(cell["Cell"], {}, 4, 1) as loader:
        assert ids(loader) == [[0, 3, 6, 9], [12]]


def test_d_b16_d_b17_it_starts_without_sleeping_and_waits_without_computing() -> None:
    began = time.monotonic()
    with made(built.Slow, size=100, num_workers=3, batch_size=10) as loader:
        batches = iter(loader)
        next(batches)
        # Five seconds for each worker, elsewhere.
        assert time.monotonic() - began < 10
        began, used = time.monotonic(), time.process_time()
        assert sum(1 for _ in batches) == 9
        assert time.process_time() - used < 0.5 * (time.monotonic() - began)


def test_d_b18_a_slow_record_holds_up_no_other_worker(tmp_path: Path) -> None:
    params = {"log": str(tmp_path)}
    with made(Waiting, size=40, params=params, max_queue_size=4) as loader:
        batches = iter(loader)
        # Record 0 waits for five batches behind it, which the other worker reads meanwhile.
        assert flat([batch.tolist() for batch in batches]) == list(range(40))


class Waiting(Numbers):
    """Record 0 comes when twenty others have come."""

    def __getitem__(self, index: int) -> Any:
        assert self.log is not None
        log = self.log
        if index == 0:
            wait_until(lambda: len(noted(log, "read")) >= 20)
        self.note("read", index)
        return index


def test_d_b19_later_batches_may_be_larger(tmp_path: Path) -> None:
    given: dict[str, Any] = {"batch_size": 1, "max_minibatch_length": 10, "size": 7}
    with made(built.Growing, **given) as loader:
        assert [batch.nbytes for batch in loader] == [1000 * 4**number for number in range(7)]


def test_d_b21_prefixes_need_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cache = {"prefix": "bare", "update_frequency": math.inf}
    rotation = {"medium": "disk", "rotation": 2, "prefix": "deep/er", "size": 4}
    with made(num_workers=0, cache=cache, rotation=rotation) as loader:
        assert sorted(flat(ids(loader))) == sorted(list(range(20)) * 2)
    assert list((tmp_path / "bare").iterdir())


def test_d_b22_a_break_ends_the_epoch_and_the_position_can_be_saved() -> None:
    with made(shuffle=True, seed=5) as loader:
        next(iter(loader))
        state = loader.state_dict()
        second = ids(loader)
        third = ids(loader)
    with made(shuffle=True, seed=5, num_workers=0) as loader:
        first = ids(loader)
        assert [second, third] == [ids(loader), ids(loader)]
        loader.load_state_dict(state)
        assert ids(loader) == first[1:]
    with made(shuffle=True, seed=6, num_workers=0) as loader:
        assert ids(loader) != first


def test_d_b25_large_rotations_cost_no_square_of_their_size(tmp_path: Path) -> None:
    size = 20_000
    rotation = {"medium": "disk", "rotation": 2, "prefix": tmp_path, "size": size}
    given: dict[str, Any] = {"batch_size": 1000, "num_workers": 0, "rotation": rotation}
    began = time.process_time()
    with made(built.Plain, size=size, **given) as loader:
        assert len(ids(loader)) == 40
    assert time.process_time() - began < 10


def test_d_b26_records_of_far_apart_share_batches_and_others_in_each_epoch() -> None:
    with made(size=64, batch_size=8, shuffle=True) as loader:
        epochs = [ids(loader) for _ in range(2)]
    for epoch in epochs:
        assert all(min(batch) < 32 <= max(batch) for batch in epoch[:4])
    mates = [{frozenset(batch) for batch in epoch} for epoch in epochs]
    assert not mates[0] & mates[1]


def test_ranks_share_the_records_as_the_arguments_say(tmp_path: Path) -> None:
    cache = {"prefix": tmp_path, "update_frequency": math.inf}

    def shares(**given: Any) -> list[list[list[int]]]:
        found = []
        for rank in range(2):
            with made(size=9, num_workers=0, ranks=hr.Ranks(rank, 2), **given) as loader:
                found.append(ids(loader))
        return found

    assert shares(epoch_end="shortest") == [[[0, 2, 4, 6]], [[1, 3, 5, 7]]]
    with pytest.raises(RankError, match="unequal numbers of batches"):
        shares()
    with pytest.raises(StreamError, match="elastic=False"):
        shares(cache=cache)
    assert shares(cache=cache, epoch_end="longest", elastic=False) == [
        [[0, 2, 4, 6], [8]],
        [[1, 3, 5, 7], [1, 3, 5, 7]],
    ]


def test_tensors_come_as_arrays_in_all_epochs_where_a_cache_is_on_disk(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    cache = {"prefix": tmp_path, "update_frequency": 2}
    with made(built.Tensors, num_workers=0, cache=cache) as loader:
        kinds = [type(batch["x"]) for _ in range(3) for batch in loader]
    assert set(kinds) == {np.ndarray}
    with made(built.Tensors, num_workers=0, cache=cache, to="torch") as loader:
        assert all(torch.is_tensor(batch["pair"][0]) for _ in range(2) for batch in loader)


@pytest.fixture(autouse=True)
def no_processes_are_left() -> Iterator[None]:
    before = children()
    yield
    wait_until(lambda: children() <= before)
