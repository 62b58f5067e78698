"""Functions of batches, and functions of many records at once."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.columns import (
    arguments,
    checked_arguments,
    checked_output,
    over_columns,
    placed,
)
from headrace.contracts.errors import ArgumentError, whole

# Any, in this file: records, columns and functions of every type.
BATCH_REMEDY = "For single records use .map."


@functional_datapipe("map_batches")
class BatchMapper(IterDataPipe[Any]):
    """What `fn` gives of each list of records: `stream.batch(...).flat_map(fn)`."""

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        fn: Callable[..., Any],
        batch_size: int,
        input_col: Any = None,
    ) -> None:
        self.datapipe = datapipe
        self.fn = fn
        self.batch_size = whole("batch_size", batch_size, least=1, remedy=BATCH_REMEDY)
        self.input_col = input_col
        checked_arguments(fn, None)

    def stream(self) -> hr.Stream[Any]:
        """`stream.batch(...).flat_map(fn)`."""
        batches = stream_of(self.datapipe).batch(self.batch_size, collate="list")
        return batches.flat_map(partial(_of_batch, self.fn, self.input_col))


@functional_datapipe("async_map_batches")
class BatchAsyncMapper(IterDataPipe[Any]):
    """What an async function gives of each record: `stream.async_map(async_fn)`.

    `max_concurrency` calls run at once, at most `batch_size`; a batch does not wait for the last
    call of the one before.

    Raises:
        ArgumentError: `async_fn` is no `async def` function, or a column or number is wrong.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        async_fn: Callable[..., Awaitable[Any]],
        batch_size: int,
        input_col: Any = None,
        output_col: Any = None,
        max_concurrency: int = 32,
        flatten: bool = True,
    ) -> None:
        if not inspect.iscoroutinefunction(async_fn):
            raise ArgumentError(
                "Expected a coroutine function with an async def syntax, but got a "
                f"{type(async_fn)}. For plain functions use .threadpool_map."
            )
        remedy = "Leave it out for 32."
        self.source_datapipe = source_datapipe
        self.async_fn = async_fn
        self.batch_size = whole("batch_size", batch_size, least=1, remedy=BATCH_REMEDY)
        self.input_col = input_col
        self.output_col = checked_output(input_col, output_col)
        self.max_concurrency = whole("max_concurrency", max_concurrency, least=1, remedy=remedy)
        self.flatten = flatten
        checked_arguments(async_fn, input_col)

    def stream(self) -> hr.Stream[Any]:
        """`stream.async_map`."""
        fn = partial(_awaited, self.async_fn, self.input_col, self.output_col)
        at_once = min(self.batch_size, self.max_concurrency)
        records = stream_of(self.source_datapipe).async_map(fn, buffer=at_once)
        return records if self.flatten else records.batch(self.batch_size, collate="list")


@functional_datapipe("threadpool_map")
class ThreadPoolMapper(IterDataPipe[Any]):
    """What a function gives of each record, in threads: `stream.async_map(fn)`.

    Raises:
        ArgumentError: a column or number is wrong, or an initializer of threads is given.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        fn: Callable[..., Any],
        input_col: Any = None,
        output_col: Any = None,
        scheduled_tasks: int = 128,
        max_workers: int | None = None,
        **threadpool_kwargs: Any,
    ) -> None:
        if threadpool_kwargs.keys() - {"thread_name_prefix"}:
            raise ArgumentError(
                f"threadpool_map takes no {', '.join(sorted(threadpool_kwargs))}: its threads "
                "are headrace's. Keep what each thread needs in hr.per_worker(factory)."
            )
        self.datapipe = source_datapipe
        self.fn = fn
        self.input_col = input_col
        self.output_col = checked_output(input_col, output_col)
        remedy = "Leave it out for 128."
        self.scheduled_tasks = whole("'scheduled_tasks'", scheduled_tasks, least=1, remedy=remedy)
        if max_workers is not None:
            remedy = "Leave it out for cores + 4."
            max_workers = whole("'max_workers'", max_workers, least=1, remedy=remedy)
        self.max_workers = max_workers
        checked_arguments(fn, input_col)

    def stream(self) -> hr.Stream[Any]:
        """`stream.async_map`."""
        fn = over_columns(self.fn, self.input_col, self.output_col)
        return stream_of(self.datapipe).async_map(
            fn, buffer=self.scheduled_tasks, max_workers=self.max_workers
        )


def _of_batch(fn: Callable[[list[Any]], Any], columns: Any, batch: list[Any]) -> Any:
    if columns is None:
        return fn(batch)
    if isinstance(columns, list | tuple):
        return fn([list(arguments(record, columns)) for record in batch])
    return fn([record[columns] for record in batch])


async def _awaited(
    fn: Callable[..., Awaitable[Any]], columns: Any, output: Any, record: Any
) -> Any:
    value = await fn(*arguments(record, columns))
    return value if columns is None else placed(record, value, columns, output)
