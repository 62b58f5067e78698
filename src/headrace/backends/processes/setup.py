"""How workers are made, and all that one needs to begin."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace.carried import Portable, loaded

# What the numerical libraries read as they load.
THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
# What the libraries of CUDA and of ROCm read at their first call.
DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
# The allocator of pyarrow starts a thread as it loads, and nothing with threads may be forked.
FORKABLE = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


@dataclass(frozen=True)
class Recipe:
    """How the workers of a pool are made. Functions are carried."""

    is_forked: bool
    threads: int
    preload: tuple[str, ...]
    devices: tuple[int | str, ...] | None
    arena_bytes: int
    init: bytes | None
    reset: bytes | None

    def environment(self) -> dict[str, str]:
        """That of this process, handed on; where the user has set a limit, it counts."""
        return {**dict.fromkeys(THREAD_LIMITS, str(self.threads)), **FORKABLE, **os.environ}

    def setup(self, worker_id: int) -> Setup:
        """What one worker needs, as things stand in this process now."""
        devices: dict[str, str] = {}
        if self.devices is not None:
            devices = dict.fromkeys(DEVICES, str(self.devices[worker_id % len(self.devices)]))
        return Setup(worker_id, self.arena_bytes, self.init, self.reset, devices, surroundings())


@dataclass(frozen=True)
class Setup:
    """What a worker takes over; the functions are carried, and load after the rest."""

    worker_id: int
    arena_bytes: int
    init: bytes | None
    reset: bytes | None
    environment: Mapping[str, str]
    surroundings: Surroundings

    def begin(self) -> None:
        """Makes this process that worker. Raises what the user's function raises."""
        self.surroundings.enter()
        os.environ.update(self.environment)
        if self.init is not None:
            try:
                loaded(self.init)(self.worker_id)
            except BaseException as error:
                error.add_note(f"in worker_init_fn of worker {self.worker_id}")
                raise


@dataclass(frozen=True)
class Surroundings:
    """Where modules and files are found: as in the parent, or functions would not load."""

    path: tuple[str, ...]
    arguments: tuple[str, ...]
    folder: str | None

    def enter(self) -> None:
        """Makes them those of this process."""
        sys.path[:] = self.path
        sys.argv[:] = self.arguments
        if self.folder is not None:
            with contextlib.suppress(OSError):
                os.chdir(self.folder)


def surroundings() -> Surroundings:
    """Those of this process."""
    try:
        folder = os.getcwd()
    except OSError:
        folder = None
    return Surroundings(tuple(sys.path), tuple(getattr(sys, "argv", ())), folder)


def carried(name: str, fn: Callable[..., object] | None) -> bytes | None:
    """A function on its way to the workers. Raises StreamError where it does not pickle."""
    remedy = "Define it at the top of a module, or make in it what does not pickle."
    return Portable(fn, name, remedy=remedy).payload() if fn is not None else None
