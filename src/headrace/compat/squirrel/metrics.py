"""What `monitor` measures, by the name that Squirrel's documents use."""

from __future__ import annotations

from headrace.compat.squirrel.iterstream.metrics import (
    MetricsConf,
    metrics_iops,
    metrics_throughput,
)

__all__ = ["MetricsConf", "metrics_iops", "metrics_throughput"]
