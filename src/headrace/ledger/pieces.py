"""Which positions a rank visits in an epoch, as rows of progressions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.contracts import Drawn, Order, Run, Visit
from headrace.contracts.rest import Progressions
from headrace.engine import Chain
from headrace.engine.visited import bound_order, drawn_row, row_of, whole_order
from headrace.orders import INFINITE, Part, Range, Slice, size_of
from headrace.orders.progressions import sliced


@dataclass(frozen=True)
class Pieces:
    """What rank `rank` of `world_size` visits: positions of `order`, which is not shared out.

    `begun` are the units that ranks had begun before a merge, with the outputs delivered of each;
    `share` is the row of all others, visited `is_rising`: the lowest first, or progression after
    progression. `dropped` are the positions that no rank visits.
    """

    order: Order
    rank: int
    world_size: int
    share: Progressions
    dropped: Progressions = ()
    begun: tuple[tuple[Progressions, int], ...] = ()
    is_rising: bool = False


def pieces_of(chain: Chain, run: Run) -> Pieces:
    """What a chain visits in a run."""
    if chain.ranked is not None:
        run = replace(run, rank=chain.ranked[0], world_size=chain.ranked[1])
    return _whole(chain, run) if run.rest is None else _rest(chain, run)


def _whole(chain: Chain, run: Run) -> Pieces:
    """An epoch from its start, or from a rank's own state."""
    bound = _bound(chain, run)
    count, start, stop = bound.count(run.epoch), 0, INFINITE
    order = bound
    if isinstance(bound, Slice) and isinstance(bound.order, Part):
        order, start = bound.order, bound.start
        stop = INFINITE if bound.stop is None else bound.stop
    parts: list[Part] = []
    while isinstance(order, Part):
        parts.append(order)
        order = order.order
    rank, world_size, even = 0, 1, INFINITE
    for part in reversed(parts):
        # Of parts of parts, position p of the outer one is p * world_size + rank of the inner.
        even = min(even, _even(part, run.epoch) * world_size)
        rank, world_size = part.rank * world_size + rank, part.world_size * world_size
    size = order.count(run.epoch)
    end = min(size, even, stop * world_size)
    dropped = ((0, start * world_size, 1), (end, size, 1))
    first = rank + start * world_size
    last = INFINITE if count >= INFINITE else first + count * world_size
    return Pieces(order, rank, world_size, _there((first, last, world_size)), _there(*dropped))


def _rest(chain: Chain, run: Run) -> Pieces:
    """What a merge of ranks has left of an epoch."""
    assert run.rest is not None
    source, begun = chain.plan.source, run.rest.leftovers
    last = replace(run, rest=run.rest.only(len(begun)))
    if not isinstance(source, Visit):
        order = _draws(source)
        share = _there(*drawn_row(last))
        return Pieces(order, run.rank, run.world_size, share, begun=begun, is_rising=True)
    order = whole_order(source, run)
    share = _there(*row_of(source, last, order))
    rank, world_size, remainder = source.part or (run.rank, run.world_size, "keep")
    left = size_of(run.rest.positions)
    odd = left % world_size if remainder == "drop" else 0
    dropped = sliced(run.rest.positions, left - odd, left)
    return Pieces(order, rank, world_size, share, dropped, begun)


def _even(part: Part, epoch: int) -> int:
    """Where the positions end that ranks share out evenly, where the rest is dropped."""
    count = part.order.count(epoch)
    return count - count % part.world_size if part.remainder == "drop" else INFINITE


def _bound(chain: Chain, run: Run) -> Order:
    """This rank's part in this epoch; of a source without random access, of its draws."""
    source, cut = chain.plan.source, chain.plan.cut
    if isinstance(source, Visit):
        return bound_order(source, run)
    return Slice(Part(_draws(source), run.rank, run.world_size), *cut)


def _draws(source: object) -> Order:
    """The draws of a source without random access, by their numbers."""
    assert isinstance(source, Drawn), "a chain over whole chains has no positions"
    return Range(INFINITE if source.size is None else source.size)


def _there(*row: tuple[int, int, int]) -> Progressions:
    return tuple(one for one in row if one[0] < one[1])
