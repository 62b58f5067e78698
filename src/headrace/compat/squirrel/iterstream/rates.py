"""The rates of the last records, for `monitor`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from headrace.compat.squirrel.iterstream.metrics import (
    MetricsConf,
    metrics_iops,
    metrics_throughput,
)
from headrace.contracts.errors import whole
from headrace.watching.sizes import size_of

# What the clock can tell apart at best.
SHORTEST_S = 1e-9


class Rates:
    """Times and sizes of the last `window` records; as many intervals, with the time before."""

    def __init__(
        self,
        window: int,
        metrics: MetricsConf | type[MetricsConf],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._times: deque[float] = deque([clock()], window + 1)
        self._sizes: deque[int] = deque([0] * window, window)
        self._size_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether so many records have passed."""
        return len(self._times) == self._times.maxlen

    def add(self, record: Any) -> None:  # Any: records
        """Notes that a record passes now."""
        self._times.append(self._clock())
        size_bytes = size_of(record) if self._metrics.throughput else 0
        self._size_bytes += size_bytes - self._sizes[0]
        self._sizes.append(size_bytes)

    def report(self, prefix: str) -> dict[str, float]:
        """Both rates by name; 0 for one that is off."""
        metrics, seconds = self._metrics, max(self._times[-1] - self._times[0], SHORTEST_S)
        count, unit = len(self._sizes), metrics.throughput_unit
        throughput = metrics_throughput(self._size_bytes, seconds, unit)
        return {
            f"{prefix}IOPS number/s": metrics_iops(count, seconds) if metrics.iops else 0,
            f"{prefix}throughput {unit}/s": throughput if metrics.throughput else 0,
        }


def checked_window(window: object) -> int:
    """The number of records that a rate is taken of.

    Raises:
        ArgumentError: it is below 1.
    """
    remedy = "A rate is taken of so many records; 5 is usual."
    return whole("window_size", window, least=1, remedy=remedy)
