"""The steps of Squirrel's chains: a method each, which names the stage of headrace behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from headrace.compat.squirrel.iterstream.chaining import Step
from headrace.compat.squirrel.iterstream.functions import (
    Delayed,
    Fetched,
    PaddedIndex,
    Piped,
    bound,
    computed,
)
from headrace.compat.squirrel.iterstream.iterators import monitor_, tqdm_
from headrace.compat.squirrel.iterstream.metrics import MetricsConf
from headrace.compat.squirrel.iterstream.rates import checked_window
from headrace.compat.squirrel.iterstream.seeds import Generator, Seed, seed_of
from headrace.compat.squirrel.iterstream.sliding import sliding
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker
from headrace.compat.squirrel.iterstream.watched import Watched
from headrace.contracts.errors import ArgumentError, whole
from headrace.stages import (
    AsyncMap,
    Batch,
    Enumerate,
    Filter,
    FlatMap,
    Map,
    Shuffle,
    Take,
    Through,
)

if TYPE_CHECKING:
    from headrace.compat.squirrel.iterstream.base import Composable

# Any, in this file: records and callbacks pass through untyped, as in the original.


class Fluent:
    """The methods that add a step; whoever has them says what a longer chain is."""

    def then(self, *steps: Step) -> Composable:
        """The chain with more steps."""
        raise NotImplementedError

    def to(self, f: Callable[..., Iterator[Any]], *args: Any, **kw: Any) -> Composable:
        """Gives what `f(iterator, *args, **kw)` gives. It is `Stream.through`.

        Raises:
            ArgumentError: `f` is no function, or "source" is among the arguments.
        """
        if "source" in kw:
            raise ArgumentError(
                f"to gives {f!r} its source itself, got source={kw['source']!r}. Name that "
                "parameter otherwise."
            )
        return self.then(Through(Piped(f, args, kw) if args or kw else f))

    def map(self, callback: Callable[..., Any], **kw: Any) -> Composable:
        """Gives `callback(record, **kw)` for each record. It is `Stream.map`."""
        return self.then(Map(bound(callback, kw)))

    def filter(self, predicate: Callable[[Any], object]) -> Composable:
        """Keeps the records for which `predicate` is true. It is `Stream.filter`."""
        return self.then(Filter(predicate))

    def async_map(
        self,
        callback: Callable[..., Any],
        buffer: int = 100,
        max_workers: int | None = None,
        executor: Any = None,
        **kw: Any,
    ) -> Composable:
        """Gives `callback(record, **kw)`, many at once, in order. It is `Stream.async_map`.

        `max_workers` is for threads of its own; with an executor, which stays open, it is ignored.
        """
        is_own = executor is None or isinstance(executor, str)
        workers = max_workers if is_own else None
        return self.then(AsyncMap(bound(callback, kw), executor, buffer, workers))

    map_async = async_map

    def dask_map(self, callback: Callable[..., Any], **kw: Any) -> Composable:
        """Gives a `dask.delayed` call of `callback` for each record."""
        return self.then(Map(Delayed(bound(callback, kw))))

    def materialize_dask(self, buffer: int = 10, max_workers: int | None = None) -> Composable:
        """Computes `dask.delayed` records on threads, in order."""
        return self.then(AsyncMap(computed, None, buffer, max_workers))

    def numba_map(self, callback: Callable[[Any], Any]) -> Composable:
        """Gives `callback(record)`, compiled by Numba: `async_map` with executor="numba"."""
        return self.then(AsyncMap(callback, "numba"))

    def flatten(self) -> Composable:
        """Gives the members of each record. It is `Stream.flat_map` with `iter`."""
        return self.then(FlatMap(iter))

    def batched(
        self,
        batchsize: int,
        collation_fn: Callable[[list[Any]], Any] | None = None,
        drop_last_if_not_full: bool = True,
    ) -> Composable:
        """Gives lists of `batchsize` records, or what `collation_fn` makes of them.

        It is `Stream.batch`; a short last batch is left out unless you say otherwise.
        """
        return self.then(Batch(batchsize, drop_last_if_not_full, collation_fn or "list"))

    def sliding(
        self,
        window_size: int,
        *,
        deepcopy: bool,
        stride: int = 1,
        drop_last_if_not_full: bool = True,
        min_window_size: int = 1,
        fill_nan_on_partial: bool = False,
    ) -> Composable:
        """Gives windows as lists. It is `Stream.window`, with `deepcopy` of copies.

        With `drop_last_if_not_full=False` each record that a window could begin with begins one:
        of `min_window_size` records at least, or filled up with None.
        """
        stages = sliding(
            window_size,
            deepcopy=deepcopy,
            stride=stride,
            drop_last_if_not_full=drop_last_if_not_full,
            min_window_size=min_window_size,
            fill_nan_on_partial=fill_nan_on_partial,
        )
        return self.then(*stages)

    def shuffle(
        self,
        size: int | None = 1000,
        *,
        initial: int = 100,
        rng: Generator | None = None,
        seed: Seed = None,
    ) -> Composable:
        """Shuffles inside windows of `size`, anew in each epoch. It is `Stream.shuffle`.

        Without a seed the epochs differ all the same, and are the same in each run and worker.
        `initial` changes nothing.
        """
        window = whole("size", 1000 if size is None else size, least=0, remedy="0 shuffles not.")
        return (
            cast("Composable", self)
            if window < 2
            else self.then(Shuffle(window, seed_of(rng, seed)))
        )

    def take(self, n: int | None) -> Composable:
        """Gives the first `n` records, all for None. It is `Stream.take`."""
        return cast("Composable", self) if n is None else self.then(Take(n))

    def zip_index(self, pad_length: int | None = None) -> Composable:
        """Gives `(number, record)`, the number as text of `pad_length` digits where that is given.

        It is `Stream.enumerate`: each epoch counts from 0.
        """
        numbered = self.then(Enumerate())
        return numbered if pad_length is None else numbered.then(Map(PaddedIndex(pad_length)))

    def prefetch(self, store: Any, buffer: int = 100, max_workers: int | None = None) -> Composable:
        """Gives what a store has under each key, read ahead."""
        return self.async_map(Fetched(store), buffer, max_workers)

    def tqdm(self, **kw: Any) -> Composable:
        """Draws a bar of tqdm, which takes `kw`."""
        return self.then(Watched(partial(tqdm_, **kw)))

    def monitor(
        self,
        callback: Callable[..., object],
        prefix: str | None = None,
        metrics_conf: MetricsConf | type[MetricsConf] = MetricsConf,
        window_size: int = 5,
        **kw: Any,
    ) -> Composable:
        """Tells `callback` with each record how many and how much passed a second.

        `Stream.monitor` does so every few seconds, for less.
        """
        size = checked_window(window_size)
        watching = {"prefix": prefix, "metrics_conf": metrics_conf, "window_size": size, **kw}
        return self.then(Watched(partial(monitor_, **watching), callback))

    def split_by_worker_pytorch(self) -> Composable:
        """Gives the part of a worker of torch's DataLoader: `SplitByWorker`."""
        return self.then(ByWorker())

    def split_by_rank_pytorch(self, torch_dist_group: Any = None) -> Composable:
        """Gives the part of a rank: `SplitByRank`."""
        return self.then(ByRank(torch_dist_group))
