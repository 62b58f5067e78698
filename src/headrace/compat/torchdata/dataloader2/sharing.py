"""Where the records of a graph are dealt out to ranks and workers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe, is_sharding, refer
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.drawing import PipeSource
from headrace.compat.torchdata.datapipes.iter.fullsync import FullSync
from headrace.compat.torchdata.datapipes.iter.sharding import (
    SHARDING_PRIORITIES,
    ShardingFilter,
)
from headrace.compat.torchdata.datapipes.iter.sharding import (
    ShardingRoundRobinDispatcher as Dispatcher,
)
from headrace.compat.torchdata.datapipes.parents import parents, upstream
from headrace.contracts import Backend, Visit
from headrace.engine import Chain

# Any, in this file: pipes of every class, and their records.
logger = logging.getLogger("headrace")


class Setting(IterDataPipe[Any]):
    """What a reading service says about the run of the graph before it; records pass through."""

    def __init__(
        self,
        source_datapipe: DataPipe,
        *,
        backend: Backend | None = None,
        ranks: hr.Ranks | None = None,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.backend = backend
        self.ranks = ranks

    def stream(self) -> hr.Stream[Any]:
        """The stream before."""
        return stream_of(self.source_datapipe)


class Dealt(IterDataPipe[Any]):
    """Where records are dealt out: the loader's ranks and workers share what comes from here.

    Where each record before comes from one position, they share the positions, and what is
    before runs on the workers with the rest. Else what is before runs once on each rank, with its
    functions on the workers, and its records are dealt out.
    """

    def __init__(self, source_datapipe: DataPipe) -> None:
        self.source_datapipe = source_datapipe

    def stream(self) -> hr.Stream[Any]:
        """The stream before, or one that is drawn from it."""
        stream = stream_of(self.source_datapipe)
        return stream if _is_one_to_one(stream.node) else drawn(self.source_datapipe)


class DrawnFrom(IterDataPipe[Any]):
    """A graph that was shared out by hand: its loader has nothing to share."""

    def __init__(self, source_datapipe: DataPipe) -> None:
        self.source_datapipe = source_datapipe

    def stream(self) -> hr.Stream[Any]:
        """A stream that is drawn from the one before."""
        return drawn(self.source_datapipe)


def drawn(pipe: DataPipe) -> hr.Stream[Any]:
    """A stream of a pipe's records, whose state says what is before it."""
    node = stream_of(pipe).node
    return hr.stream(PipeSource(pipe, f"{node.fingerprint} over {node.identity}"))


@dataclass(frozen=True)
class SharedOut:
    """A graph with its records shared out: among the `ranks` of its loader, or by hand.

    `share` is this rank's, of how many, where the graph was shared by hand.
    """

    datapipe: DataPipe
    ranks: hr.Ranks = field(default_factory=partial(hr.Ranks, 0, 1))
    share: tuple[int, int] = (0, 1)


def shared_out(datapipe: DataPipe, ranks: hr.Ranks | None) -> SharedOut:
    """A graph with its records shared out; its pipes are changed.

    Marks that have their share already are left alone.
    """
    path = _path(datapipe)
    marks = [one for one in upstream(datapipe) if _is_mark(one)]
    in_a_row = [one for one in path if isinstance(one, ShardingFilter | Dispatcher)]
    mark = _first([one for one in in_a_row if _is_mark(one)])
    several = ranks is not None and ranks.world_size > 1
    if mark is not None and len(marks) == sum(map(_is_mark, in_a_row)):
        dealt = replaced(datapipe, mark, Dealt(mark.source_datapipe))
        return SharedOut(_unsynced(dealt), ranks) if ranks is not None else SharedOut(dealt)
    if any(getattr(one, "num_of_instances", 1) > 1 for one in upstream(datapipe)):
        # Somebody has said every share.
        return SharedOut(DrawnFrom(datapipe))
    if ranks is None or not several:
        return SharedOut(datapipe)
    if not marks:
        logger.warning(
            "%s gives all of its records on each of the ranks: it has no sharding_filter. Put "
            "dp.sharding_filter() where they are to be shared out.",
            datapipe,
        )
        return SharedOut(datapipe)
    _share_by_hand(marks, ranks)
    synced = FullSync(_unsynced(datapipe), ranks.timeout_s)
    return SharedOut(DrawnFrom(synced), share=(ranks.rank, ranks.world_size))


def replaced(datapipe: DataPipe, old: DataPipe, new: DataPipe) -> DataPipe:
    """A graph with one pipe in the place of another."""
    for one in upstream(datapipe):
        refer(one, {id(old): new})
    return new if datapipe is old else datapipe


def _unsynced(datapipe: DataPipe) -> DataPipe:
    """A graph without fullsync, which its loader is."""
    for one in upstream(datapipe):
        if isinstance(one, FullSync):
            datapipe = replaced(datapipe, one, one.datapipe)
    return datapipe


def _path(datapipe: DataPipe) -> list[DataPipe]:
    """The pipes from the last one to where several come together, or to the source."""
    found = [datapipe]
    while len(before := parents(found[-1])) == 1:
        found += before
    return found


def _is_mark(pipe: DataPipe) -> bool:
    """Whether its records are to be shared out, and nobody has said yet how."""
    is_one = isinstance(pipe, Dispatcher) or is_sharding(pipe)
    return is_one and getattr(pipe, "num_of_instances", 1) == 1


def _first(marks: list[DataPipe]) -> DataPipe | None:
    """The one of several in a row at which ranks share: the farthest filter, else dispatcher."""
    kinds = (SHARDING_PRIORITIES.DISTRIBUTED, None)
    filters = [one for one in marks if getattr(one, "sharding_group_filter", None) in kinds]
    return next(iter([*reversed(filters), *reversed(marks)]), None)


def _share_by_hand(marks: list[DataPipe], ranks: hr.Ranks) -> None:
    """Says the share of this rank to each mark."""
    filters = [one for one in marks if is_sharding(one)]
    for one in marks:
        if isinstance(one, Dispatcher) and not _shares_elsewhere(one, filters):
            one.source_datapipe = ShardingFilter(one.source_datapipe)
            filters.append(one.source_datapipe)
    for one in filters:
        told = (ranks.world_size, ranks.rank, SHARDING_PRIORITIES.DISTRIBUTED)
        # The user's own class may know nothing of groups.
        count = len(signature(one.apply_sharding).parameters)
        one.apply_sharding(*told[:count])


def _shares_elsewhere(pipe: DataPipe, filters: list[DataPipe]) -> bool:
    """Whether a filter stands before or behind a pipe."""
    before = upstream(pipe)
    return any(
        any(one is other for other in before) or any(pipe is other for other in upstream(one))
        for one in filters
    )


def _is_one_to_one(chain: Chain) -> bool:
    """Whether each position of a chain's source gives one record, and all of them count."""
    plan = chain.plan
    is_cut = plan.cut != (0, None)
    if isinstance(plan.source, Visit):
        is_cut = plan.source.is_cut or bool(plan.source.offset) or plan.source.part is not None
    return chain.gives_one_a_unit and plan.segment.unit == 1 and not is_cut
