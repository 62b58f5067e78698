"""Where this runs: which machine, process and thread, and on how many cores."""

from __future__ import annotations

import os
import platform
import threading
from functools import cache
from pathlib import Path

from headrace.contracts.timing import CoreTime, Worker

# What Linux calls this machine since it was started, the same in all its containers.
BOOT = Path("/proc/sys/kernel/random/boot_id")
# What Linux knows of the thread that reads it: nanoseconds on a core, and in the queue for one.
QUEUE = "/proc/thread-self/schedstat"
NS_S = 1_000_000_000


def worker_here() -> Worker:
    """The worker that asks: its machine, its process, its thread."""
    return Worker(machine_here(), os.getpid(), threading.current_thread().name)


@cache
def machine_here() -> str:
    """A name of this machine: two processes that have the same one share a clock."""
    try:
        return BOOT.read_text("ascii").strip()
    except OSError:
        return platform.node()


def core_time() -> CoreTime:
    """The time of this thread on a core and in the queue for one; 0 where nobody knows."""
    try:
        # Opened anew: the file stays that of the thread and the process that opened it.
        opened = os.open(QUEUE, os.O_RDONLY)
        try:
            ran, queued, *_ = os.read(opened, 64).split()
        finally:
            os.close(opened)
        return CoreTime(int(ran) / NS_S, int(queued) / NS_S)
    except (OSError, ValueError):
        return CoreTime(0.0, 0.0)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
