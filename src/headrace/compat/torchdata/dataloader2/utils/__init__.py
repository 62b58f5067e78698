"""What functions in workers are told about their place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerInfo:
    """Which of how many workers a function runs in.

    Example:
        >>> WorkerInfo(4, worker_id=0)
        WorkerInfo(num_workers=4, worker_id=0)
    """

    num_workers: int
    worker_id: int


__all__ = ["WorkerInfo"]
