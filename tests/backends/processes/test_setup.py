"""What workers find: limits, devices, paths, functions, other ways to start."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.backends.processes import scripts
from tests.backends.processes.shared import SharedProcesses, eventually, running, started

import headrace as hr
from headrace.testing import check_backend

# Any, in this file: results of every type.
LIMITS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"]


@pytest.mark.parametrize(
    "backend", [hr.Processes(2), hr.Processes(1, start_method="spawn")], ids=str
)
def test_processes_conform(backend: hr.Processes) -> None:
    check_backend(backend)


def test_numerical_libraries_are_limited_unless_the_user_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    with started(1, threads_per_worker=3) as workers:
        seen = workers.submit(lambda: [os.environ[name] for name in LIMITS]).result()
    assert seen == ["3", "3", "5", "3"]


def test_each_worker_sees_its_gpu_before_its_functions_run(tmp_path: Path) -> None:
    def note(worker_id: int) -> None:
        devices = [os.environ["CUDA_VISIBLE_DEVICES"], os.environ["HIP_VISIBLE_DEVICES"]]
        (tmp_path / str(worker_id)).write_text(" ".join(devices))

    with started(3, gpu_indices=[1, "GPU-8a", 1], worker_init_fn=note):
        eventually(lambda: len(list(tmp_path.iterdir())) == 3)
        eventually(lambda: all(path.read_text() for path in tmp_path.iterdir()))
    seen = [(tmp_path / str(number)).read_text() for number in range(3)]
    assert seen == ["1 1", "GPU-8a GPU-8a", "1 1"]
    assert "HIP_VISIBLE_DEVICES" not in os.environ


def test_paths_arguments_and_folder_are_those_of_the_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("import os\nhere = os.getcwd()\ndef fn(x): return x, here\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mine", "--flag"])
    import mine  # type: ignore[import-not-found]

    with hr.DataLoader(hr.stream([1]).map(mine.fn), backend=hr.Processes(1)) as loader:
        assert list(loader) == [(1, str(tmp_path))]
    with started(1, start_method="spawn") as workers:
        assert workers.submit(lambda: (sys.path, sys.argv)).result() == (sys.path, sys.argv)


def test_worker_reset_fn_is_called_once_an_epoch_in_each_worker(tmp_path: Path) -> None:
    def note(worker_id: int, epoch: int) -> None:
        with (tmp_path / f"{worker_id}").open("a") as file:
            file.write(f"{epoch} ")

    backend = hr.Processes(1, worker_reset_fn=note)
    with hr.DataLoader(hr.stream(range(500)).map(abs), backend=backend) as loader:
        for _ in range(3):
            assert len(list(loader)) == 500
    assert (tmp_path / "0").read_text() == "0 1 2 "


def test_worker_reset_fn_is_called_again_where_epochs_begin_anew_with_another_seed(
    tmp_path: Path,
) -> None:
    def note(worker_id: int, epoch: int) -> None:
        with (tmp_path / "epochs").open("a") as file:
            file.write(f"{epoch} ")

    backend = hr.Processes(1, worker_reset_fn=note)
    with hr.DataLoader(hr.stream(range(5)).map(abs), backend=backend, seed=1) as loader:
        begin = loader.state_dict()
        for seed in (1, 2):
            loader.load_state_dict({**begin, "seed": seed})
            assert len(list(loader)) == 5
    assert (tmp_path / "epochs").read_text() == "0 0 "


def test_worker_init_fn_runs_in_replaced_workers_too(tmp_path: Path) -> None:
    def note(worker_id: int) -> None:
        (tmp_path / f"{worker_id}-{os.getpid()}").touch()

    with started(1, worker_init_fn=note) as workers:
        first = workers.submit(os.getpid).result()
        psutil.Process(first).kill()
        second = eventually(lambda: {workers.submit(os.getpid).result()} - {first}).pop()
    assert {path.name for path in tmp_path.iterdir()} == {f"0-{first}", f"0-{second}"}


def test_b1_workers_with_uneven_work_give_every_record_once(processes: SharedProcesses) -> None:
    stream = hr.stream(range(800)).filter(lambda x: x % 80 < 3).batch(4)
    with hr.DataLoader(stream, backend=processes) as loader:
        found = [x for batch in loader for x in batch.tolist()]
    assert found == [x for x in range(800) if x % 80 < 3]


def test_global_generators_differ_between_workers_and_are_left_alone(
    processes: SharedProcesses,
) -> None:
    def drawn() -> tuple[int, float]:
        return os.getpid(), float(np.random.random())  # noqa: NPY002

    def state() -> tuple[int, str]:
        return os.getpid(), str(np.random.get_state(legacy=False))  # noqa: NPY002

    workers = processes.workers
    found = dict(at_once(workers, state))
    assert len(set(found.values())) == len(found) == 2
    for process, again in at_once(workers, state):
        assert found[process] == again
    assert len({value for _, value in at_once(workers, drawn)}) == 2


def at_once(workers: Any, fn: Any) -> list[Any]:
    """What two workers give that meet."""

    def slowly() -> Any:
        time.sleep(0.05)
        return fn()

    while True:
        both = [workers.submit(slowly) for _ in range(2)]
        found = [future.result() for future in both]
        if len({process for process, _ in found}) == 2:
            return found


def test_tasks_run_side_by_side_and_an_idle_pool_takes_no_time(processes: SharedProcesses) -> None:
    at_once(processes.workers, lambda: (os.getpid(), 0))
    own = psutil.Process()
    everyone = [own, *own.children(recursive=True)]
    before = [sum(one.cpu_times()[:2]) for one in everyone]
    threading.Event().wait(0.5)
    used = [sum(one.cpu_times()[:2]) - b for one, b in zip(everyone, before, strict=True)]
    assert max(used) <= 0.03


def test_the_number_of_workers_may_change_while_they_work() -> None:
    with started(1) as workers:
        before = workers.look_ahead
        workers.resize(3)
        assert (before, workers.num_workers, workers.look_ahead) == (None, 3, 9)
        eventually(lambda: len(running(workers)) == 3)
        workers.resize(1)
        assert [future.result() for future in [workers.submit(int) for _ in range(30)]] == [0] * 30
        eventually(lambda: len(running(workers)) == 1)


HIDDEN = """
import os, signal, socket
for module, names in {
    os: ["fork", "memfd_create", "register_at_fork", "pidfd_open"],
    socket: ["send_fds", "recv_fds"],
    signal: ["pidfd_send_signal", "pthread_sigmask"],
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
import glob
import numpy as np
import headrace as hr
def row(x):
    if x == 700 and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), 9)
    return np.full(100, x)
stream = hr.stream(range(1000)).map(row).batch(10)
with hr.DataLoader(stream, backend=hr.Processes(2)) as loader:
    print([int(batch[0, 0]) for batch in loader] == list(range(0, 1000, 10)))
    del loader
print(glob.glob("/dev/shm/hr_*"))
"""


def test_without_fork_and_memfd_it_spawns_and_names_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The workers must not find these names either.
    (tmp_path / "sitecustomize.py").write_text(HIDDEN.split("import glob")[0])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    output = scripts.output_of(tmp_path, HIDDEN)
    assert [line for line in output if "was ended by SIGKILL" not in line] == ["True", "[]"]


def test_what_workers_print_comes_out(tmp_path: Path) -> None:
    script = (
        "import headrace as hr\n"
        "loader = hr.DataLoader(hr.stream([1]).map(print), backend=hr.Processes(1))\n"
        "print(list(loader))\nloader.shutdown()\n"
    )
    assert sorted(scripts.output_of(tmp_path, script)) == ["1", "[None]"]


def test_it_works_from_processes_that_have_loaded_frameworks() -> None:
    names = ("torch", "tensorflow", "jax")
    for name in names:
        pytest.importorskip(name)
    with started(1) as workers:
        assert workers.submit(lambda: set(names) & set(sys.modules)).result() == set()


def test_functions_that_draw_from_global_generators_are_seeded_in_workers(
    processes: SharedProcesses,
) -> None:
    def fn(x: int) -> float:
        return x + float(np.random.random())  # noqa: NPY002

    stream = hr.stream(range(50)).map(fn, seeded="global", seed=3)
    with hr.DataLoader(stream, backend=processes) as loader:
        assert list(loader) == list(stream)
