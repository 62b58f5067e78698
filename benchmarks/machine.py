"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Cores that this process may use, processor, memory and system."""

    cores: int
    processor: str
    memory_GiB: float  # noqa: N815  (the unit is written so)
    system: str

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.processor}, {self.memory_GiB:.0f} GiB, {self.system}"


def this_machine() -> Machine:
    """The machine that runs this."""
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return Machine(cores, _processor(), page * pages / 2**30, platform.platform(terse=True))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
