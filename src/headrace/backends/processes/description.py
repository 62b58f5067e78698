"""Where work runs in other processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Literal, get_args

from headrace.backends.processes.launch import can_fork
from headrace.backends.processes.pool import LOOK_AHEAD, ProcessWorkers
from headrace.backends.processes.setup import Recipe, carried
from headrace.contracts.errors import ArgumentError, whole

StartMethod = Literal["forkserver", "spawn"]
# Memory for results is used as results need it; this bounds it where nobody said.
MOST_ARENA_BYTES = 4 << 30


@dataclass(frozen=True, repr=False)
class Processes:
    """Runs tasks on `num_workers` other processes of this machine.

    Right where the work holds the interpreter's lock: pure Python, tokenisers, many transforms.
    Results come back in shared memory, and their arrays are used where they lie. A worker that
    dies is replaced and its tasks run again, same data; a task that ends three workers raises.
    The functions of a script or notebook travel by value: no `__main__` guard is needed, and
    nothing runs the script again.

    With "forkserver" a clean interpreter imports headrace and the modules of `preload` once, and
    forks the workers; "spawn" starts one for each, and is taken where the system has no fork
    server. In each new worker `worker_init_fn(worker_id)` is called, and
    `worker_reset_fn(worker_id, epoch)` before its first task of an epoch. Worker k sees the GPU
    `gpu_indices[k]` alone. Numerical libraries get `threads_per_worker` threads, unless the
    environment says otherwise. Results take at most `arena_bytes` of memory, by default a
    quarter of the machine's, or 4 GiB.

    Raises:
        ArgumentError: a number below 1, an unknown start method, or not one GPU for each worker.

    Example:
        >>> import headrace as hr
        >>> stream = hr.stream(range(6)).map(lambda x: x * x).batch(3)
        >>> with hr.DataLoader(stream, backend=hr.Processes(2)) as loader:
        ...     [batch.tolist() for batch in loader]
        [[0, 1, 4], [9, 16, 25]]
    """

    num_workers: int
    _: KW_ONLY
    start_method: StartMethod = "forkserver"
    worker_init_fn: Callable[[int], object] | None = None
    worker_reset_fn: Callable[[int, int], object] | None = None
    gpu_indices: Sequence[int | str] | None = None
    threads_per_worker: int = 1
    arena_bytes: int | None = None
    preload: Sequence[str] = ()

    def __post_init__(self) -> None:
        whole("num_workers", self.num_workers, least=1, remedy="Use hr.Inline() for no workers.")
        whole("threads_per_worker", self.threads_per_worker, least=1, remedy="Leave it out for 1.")
        if self.arena_bytes is not None:
            remedy = "Leave it out for a quarter of the memory."
            whole("arena_bytes", self.arena_bytes, least=1, remedy=remedy)
        self._check_start_method()
        self._check_preload()
        self._check_gpu_indices()
        self._check_functions()

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return LOOK_AHEAD * self.num_workers

    @property
    def shares_globals(self) -> bool:
        """Each worker runs one task at a time, in an interpreter of its own."""
        return False

    def start(self) -> ProcessWorkers:
        """Starts the workers, in the background. Raises StreamError for functions that cannot."""
        recipe = Recipe(
            is_forked=self.start_method == "forkserver" and can_fork(),
            threads=self.threads_per_worker,
            preload=tuple(self.preload),
            devices=self.gpu_indices if self.gpu_indices is None else tuple(self.gpu_indices),
            arena_bytes=self.arena_bytes or usual_arena_bytes(),
            init=carried("worker_init_fn", self.worker_init_fn),
            reset=carried("worker_reset_fn", self.worker_reset_fn),
        )
        return ProcessWorkers(recipe, self.num_workers)

    def __repr__(self) -> str:
        told = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"Processes({', '.join(told)})"

    def _check_start_method(self) -> None:
        if self.start_method not in get_args(StartMethod):
            raise ArgumentError(
                f'start_method must be "forkserver" or "spawn", got {self.start_method!r}. '
                "Leave it out for the faster one that this system has."
            )

    def _check_preload(self) -> None:
        names = self.preload
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise ArgumentError(
                f'preload must be names of modules, got {names!r}. Write preload=["torch"].'
            )
        object.__setattr__(self, "preload", tuple(names))

    def _check_gpu_indices(self) -> None:
        indices = self.gpu_indices
        if indices is None:
            return
        if isinstance(indices, str) or len(indices) != self.num_workers:
            raise ArgumentError(
                f"gpu_indices must name one GPU for each of {self.num_workers} workers, got "
                f"{indices!r}. Name a GPU twice where two workers share it."
            )
        for index in indices:
            if isinstance(index, bool) or not (
                (isinstance(index, int) and index >= 0) or (isinstance(index, str) and index)
            ):
                raise ArgumentError(
                    f"a GPU is a number from 0 on, or the name that CUDA has for it, got "
                    f"{index!r}. `nvidia-smi -L` lists them."
                )
        object.__setattr__(self, "gpu_indices", tuple(indices))

    def _check_functions(self) -> None:
        for name in ("worker_init_fn", "worker_reset_fn"):
            fn = getattr(self, name)
            if fn is not None and not callable(fn):
                raise ArgumentError(
                    f"{name} must be a function, got {fn!r}. Pass it without calling it."
                )


def usual_arena_bytes() -> int:
    """How much memory results may take where nobody said: a quarter, or 4 GiB."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return MOST_ARENA_BYTES
    return min(MOST_ARENA_BYTES, memory // 4)
