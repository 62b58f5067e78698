"""What `monitor` measures: records and bytes a second."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from headrace.contracts.errors import near

logger = logging.getLogger("headrace")
# Squirrel counts in steps of 1,024.
UNITS = {"bytes": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass
class MetricsConf:
    """Which of the two metrics `monitor` reports, and in which unit; one that is off is 0.

    Example:
        >>> MetricsConf(throughput_unit="KB").asdict()
        {'iops': True, 'throughput': True, 'throughput_unit': 'KB'}
    """

    iops: bool = True
    throughput: bool = True
    throughput_unit: str = "MB"

    def asdict(self) -> dict[str, bool | str]:
        """The three as a dict."""
        return asdict(self)


def metrics_iops(count: int, duration: float) -> float:
    """Gives how many records pass a second, with two decimals."""
    return round(count / duration, 2)


def metrics_throughput(size: float, duration: float, unit: str = "bytes") -> float:
    """Gives how many bytes, KB, MB or GB pass a second; of an unknown unit it warns."""
    if unit not in UNITS:
        logger.warning(
            "throughput_unit is one of bytes, KB, MB and GB, got %r: bytes are reported. %s",
            unit,
            near(unit, UNITS),
        )
    return round(size / UNITS.get(unit, 1) / duration, 2)
