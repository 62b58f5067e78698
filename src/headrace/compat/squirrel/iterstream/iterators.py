"""Squirrel's functions from an iterable to an iterator, for `Composable.to` and on their own."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from headrace.compat.squirrel.iterstream.chaining import parts_of
from headrace.compat.squirrel.iterstream.metrics import MetricsConf
from headrace.compat.squirrel.iterstream.rates import Rates, checked_window
from headrace.compat.squirrel.iterstream.seeds import Generator, Seed, seed_of
from headrace.contracts.errors import MissingExtra, whole
from headrace.extras import imported
from headrace.stages import Shuffle
from headrace.watching.sizes import size_of

# Any, in this file: records are the user's values, of every type.


def shuffle_(
    iterable: Iterable[Any],
    bufsize: int = 1000,
    initial: int = 100,  # noqa: ARG001 - as the original
    rng: Generator | None = None,
    seed: Seed = None,
) -> Iterator[Any]:
    """Gives the records in a random order inside windows of `bufsize`.

    It is `headrace.stages.Shuffle`, the same order for the same seed. `initial` changes nothing:
    of what has random access no record is read ahead, of all else one window.
    """
    return parts_of(iterable).then(Shuffle(bufsize, seed_of(rng, seed))).read(0)


def take_(iterable: Iterable[Any], n: int) -> Iterator[Any]:
    """Gives the first `n` records, and asks for no more."""
    yield from islice(iterable, n)


def batched_(
    iterable: Iterable[Any],
    batchsize: int = 20,
    collation_fn: Callable[[list[Any]], Any] | None = None,
    drop_last_if_not_full: bool = True,
) -> Iterator[Any]:
    """Gives lists of `batchsize` records, or what `collation_fn` makes of them.

    Raises:
        ArgumentError: `batchsize` is below 1.
    """
    remedy = "To keep records single, leave out the batches."
    size = whole("batchsize", batchsize, least=1, remedy=remedy)
    records = iter(iterable)
    while batch := list(islice(records, size)):
        if drop_last_if_not_full and len(batch) < size:
            return
        yield batch if collation_fn is None else collation_fn(batch)


def map_(iterable: Iterable[Any], callback: Callable[[Any], Any]) -> Iterator[Any]:
    """Gives `callback(record)` for each record."""
    return map(callback, iterable)


def filter_(iterable: Iterable[Any], predicate: Callable[[Any], object]) -> Iterator[Any]:
    """Gives the records for which `predicate` is true."""
    return filter(predicate, iterable)


def flatten_(iterables: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """Gives the members of each record."""
    return chain.from_iterable(iterables)


def dask_delayed_(iterable: Iterable[Any], callback: Callable[..., Any]) -> Iterator[Any]:
    """Gives a `dask.delayed` call of `callback` for each record."""
    delayed = imported("dask", extra="dask").delayed(callback)
    return map(delayed, iterable)


def tqdm_(iterable: Iterable[Any], **kwargs: Any) -> Iterator[Any]:
    """Gives the records, with a bar of tqdm; `kwargs` are tqdm's.

    Raises:
        MissingExtra: tqdm is not installed.
    """
    try:
        bar = importlib.import_module("tqdm").tqdm
    except ImportError as error:
        raise MissingExtra(
            "tqdm is needed for a bar of its kind and is not installed. Install it with: pip "
            "install tqdm; or take hr.Stream.progress, which needs nothing."
        ) from error
    yield from bar(iterable, **kwargs)


def monitor_(
    iterable: Iterable[Any],
    callback: Callable[..., object],
    prefix: str | None = None,
    metrics_conf: MetricsConf | type[MetricsConf] = MetricsConf,
    *,
    window_size: int = 5,
    **kwargs: Any,
) -> Iterator[Any]:
    """Gives the records, and tells `callback` the rates of the last `window_size` of them.

    From record number `window_size` on it is called with each, before the record is given.

    Raises:
        ArgumentError: `window_size` is below 1.
    """
    rates = Rates(checked_window(window_size), metrics_conf)
    if not (metrics_conf.iops or metrics_conf.throughput):
        yield from iterable
        return
    for record in iterable:
        rates.add(record)
        if rates.is_full:
            callback(rates.report(prefix or ""), **kwargs)
        yield record


def get_random_range(rng: random.Random | None = None, seed: Seed = None) -> random.Random:
    """Gives the generator, or a new one; it is seeded only where a `seed` is given."""
    found = random.Random() if rng is None else rng
    if seed is not None:
        found.seed(seed)
    return found


def getsize(item: Any) -> int:
    """Gives the bytes of a record: of its arrays, bytes and text. Nothing is pickled.

    Example:
        >>> getsize({"id": 3, "name": "cat"})
        11
    """
    return size_of(item)
