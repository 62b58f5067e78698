"""What is watched of a loader: its times, and its pace."""

from __future__ import annotations

import sys
from typing import Any

from headrace.contracts import Backend
from headrace.contracts.timing import Timing
from headrace.engine import Chain
from headrace.loader.epochs import Epochs
from headrace.loader.tuning import Autotune, most_workers, not_resizable


def timing_on(backend: Backend, chain: Chain) -> Timing:
    """Where a loader writes down what its stages do."""
    is_locked: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    return Timing(
        chain,
        num_workers=getattr(backend, "num_workers", 0) if backend.look_ahead else 0,
        backend=type(backend).__name__,
        shares_lock=backend.shares_globals and is_locked,
    )


def autotuned(
    backend: Backend,
    epochs: Epochs[Any],  # Any: batches of every type
    timing: Timing | None,
) -> Autotune:
    """What tunes the number of workers of a loader.

    Raises:
        ArgumentError: the backend has none.
    """
    if not backend.look_ahead:
        raise not_resizable(backend)

    def told(num_workers: int) -> None:
        if timing is not None:
            timing.num_workers = num_workers

    most = most_workers(shares_globals=backend.shares_globals)
    return Autotune(lambda: epochs.workers, told, most=most)
