"""What is measured of records on their way: how many, how large, how fast."""

from __future__ import annotations

from headrace.watching.here import core_time, cores, machine_here, worker_here
from headrace.watching.rate import Rate
from headrace.watching.scale import Scale
from headrace.watching.sizes import size_of

__all__ = ["Rate", "Scale", "core_time", "cores", "machine_here", "size_of", "worker_here"]
