"""Which positions a run visits, in which order, and how many they are."""

from __future__ import annotations

from dataclasses import replace

from headrace.contracts import Drawn, Order, Run, Visit
from headrace.contracts.errors import ArgumentError
from headrace.contracts.rest import Progressions
from headrace.orders import (
    Chosen,
    Part,
    Slice,
    evened,
    first_seed,
    is_endless,
    needs_seed,
    shared,
    size_of,
    with_seed,
)


def whole_order(visit: Visit, run: Run) -> Order:
    """The order of all ranks together, with its seeds filled in."""
    order = visit.order
    if needs_seed(order):
        seed = first_seed(order) if run.seed is None else run.seed
        if seed is None:
            raise ArgumentError(
                f"the order {order} is shuffled without a seed. "
                "Give one to .shuffle(seed=7) or to the DataLoader, so that it can be repeated."
            )
        order = with_seed(order, seed)
    return order


def bound_order(visit: Visit, run: Run) -> Order:
    """The order of this rank's part in this epoch, cut, with its seeds filled in."""
    order = whole_order(visit, run)
    if run.rest is not None:
        return Chosen(order, row_of(visit, run, order))
    if visit.part:
        order = Part(order, *visit.part)
    elif run.world_size > 1:
        order = Part(order, run.rank, run.world_size)
    offset_epoch, offset = offset_of(visit, order)
    start = visit.start + (offset if run.epoch == offset_epoch else 0)
    if start or visit.stop is not None:
        shift = start - visit.start
        stop = None if visit.stop is None else visit.stop + shift
        order = Slice(order, start, stop)
    return order


def row_of(visit: Visit, run: Run, order: Order) -> Progressions:
    """The positions of one piece of what a merge of ranks has left of the epoch."""
    assert run.rest is not None
    rest = run.rest
    if rest.piece is not None and rest.piece < len(rest.leftovers):
        return rest.leftovers[rest.piece].positions
    rank, world_size, remainder = visit.part or (run.rank, run.world_size, "keep")
    row = evened(rest.positions, world_size, remainder, order.count(run.epoch))
    return shared(row, rank, world_size)


def drawn_row(run: Run) -> Progressions:
    """The same of a drawn source."""
    assert run.rest is not None
    rest = run.rest
    if rest.piece is not None and rest.piece < len(rest.leftovers):
        return rest.leftovers[rest.piece].positions
    return shared(rest.positions, run.rank, run.world_size)


def offset_of(visit: Visit, part: Order) -> tuple[int, int]:
    """The epoch in which a start offset lies, and how many of its positions are left out."""
    if visit.part is None and isinstance(part, Part):
        # The ranks of a loader begin together, where the one with the fewest positions would.
        part = replace(part, rank=part.world_size - 1)
    count = part.count(0)
    return divmod(visit.offset, count) if visit.offset and count else (0, 0)


def drawn_count(source: Drawn, run: Run, cut: tuple[int, int | None]) -> int | None:
    """How many positions of a drawn source this rank visits, None where it is not known."""
    if run.rest is not None:
        row = drawn_row(run)
        return None if is_endless(row) else size_of(row)
    if source.size is None:
        is_cut = source.is_endless and cut[1] is not None
        return max(0, cut[1] - cut[0]) if is_cut and cut[1] is not None else None
    part = max(0, -(-(source.size - run.rank) // run.world_size))
    stop = part if cut[1] is None else min(cut[1], part)
    return max(0, stop - cut[0])
