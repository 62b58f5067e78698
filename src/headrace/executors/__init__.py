"""Ways to run a function of one record beside the consumer: one file an executor."""

from __future__ import annotations

from headrace.executors.ahead import Ahead
from headrace.executors.choose import Call, check_executor, runner_of
from headrace.executors.per_worker import PerWorker, per_worker
from headrace.executors.places import Places
from headrace.executors.runner import Runner

__all__ = [
    "Ahead",
    "Call",
    "PerWorker",
    "Places",
    "Runner",
    "check_executor",
    "per_worker",
    "runner_of",
]
