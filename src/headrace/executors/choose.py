"""From what the user names as executor to the one that runs the function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from headrace.contracts.errors import ArgumentError
from headrace.executors.dask import DaskRunner
from headrace.executors.event_loop import LoopRunner
from headrace.executors.futures import FutureRunner
from headrace.executors.numba import Jitted
from headrace.executors.ray import RayRunner
from headrace.executors.runner import Runner
from headrace.executors.threads import ThreadRunner
from headrace.extras import is_instance

# Any, in this file: functions, records and results of every type, and executors of all kinds.
ACCEPTED = (
    "None (threads of its own), a concurrent.futures.Executor, a dask.distributed.Client, "
    "'ray' or the ray module, or 'numba'"
)


@dataclass(frozen=True)
class Call:
    """A function of one record, under the name for its errors, and where it is to run."""

    fn: Callable[[Any], Any]
    name: str
    executor: Any
    max_workers: int | None
    # So many records are in flight at most.
    buffer: int


def runner_of(call: Call) -> Runner:
    """The function on its executor; nothing is started yet."""
    if is_async(call.fn):
        return LoopRunner(call.fn, call.name, call.buffer)
    if call.executor is None:
        return ThreadRunner(call.fn, call.name, call.max_workers)
    if isinstance(call.executor, Executor):
        return FutureRunner(call.executor, call.fn, call.name)
    if _is_dask(call.executor):
        return DaskRunner(call.executor, call.fn, call.name)
    if _is_ray(call.executor):
        return RayRunner(call.fn, call.name)
    return ThreadRunner(Jitted(call.fn), call.name, call.max_workers)


def check_executor(call: Call) -> None:
    """Refuses what cannot run the function.

    Raises:
        ArgumentError: the executor is none that is known, or does not go with the function or
            with `max_workers`.
    """
    executor = call.executor
    is_own = executor is None or (isinstance(executor, str) and executor == "numba")
    if not (is_own or isinstance(executor, Executor) or _is_dask(executor) or _is_ray(executor)):
        raise ArgumentError(
            f"executor must be {ACCEPTED}, got {executor!r}. Leave it out if unsure."
        )
    if inspect.isasyncgenfunction(call.fn):
        raise ArgumentError(
            f"{call.name} is an async generator function, and one result a record is expected. "
            "Return a list from it, and put .unbatch() or .flat_map(iter) behind."
        )
    if is_async(call.fn) and executor is not None:
        raise ArgumentError(
            f"{call.name} is an async def function, which runs on an event loop, got executor "
            f"{executor!r}. Leave out executor, or give a plain function."
        )
    if call.max_workers is not None and (not is_own or is_async(call.fn)):
        raise ArgumentError(
            f"max_workers is for threads of its own, got {call.max_workers} for {call.name}. Leave "
            "it out: an executor has its own number of workers, and an event loop runs `buffer` "
            "records at once."
        )


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling `fn` gives something to await."""
    called = getattr(fn, "__call__", None)  # noqa: B004 - its kind is asked, not whether it is one
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(called)


def _is_dask(executor: Any) -> bool:
    return is_instance(executor, "distributed", "Client")


def _is_ray(executor: Any) -> bool:
    if isinstance(executor, ModuleType):
        return executor.__name__ == "ray"
    return isinstance(executor, str) and executor == "ray"
