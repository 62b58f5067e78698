"""CPU time of a process and of all that it has started."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain

import psutil


def tree_seconds() -> float:
    """CPU seconds of this process, of those under it, and of those of them that have ended.

    The system counts in hundredths of a second.
    """
    own = psutil.Process(os.getpid())
    total = 0.0
    for process in chain([own], own.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            # What has ended counts for the parent that has waited for it.
            total += times.user + times.system + times.children_user + times.children_system
    return total
