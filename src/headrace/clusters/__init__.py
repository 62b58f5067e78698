"""Clusters that others started: whether they can be used, and whether they still live."""

from __future__ import annotations

from headrace.clusters.dask import Pulse, check_client, forget, threads_of
from headrace.clusters.ray import check_ray, running_ray

__all__ = [
    "Pulse",
    "check_client",
    "check_ray",
    "forget",
    "running_ray",
    "threads_of",
]
