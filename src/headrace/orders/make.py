"""The common order in one call: a whole dataset, shuffled or not, shared out to ranks."""

from __future__ import annotations

from typing import Literal, TypeAlias

from headrace.contracts.errors import ArgumentError, near, seed_value
from headrace.contracts.order import Order
from headrace.contracts.stage import Remainder
from headrace.orders.blocks import Blocks
from headrace.orders.nearby import Nearby
from headrace.orders.part import Part
from headrace.orders.range import Range
from headrace.orders.shuffled import Shuffled

Shuffle: TypeAlias = Literal["global", "nearby", "blocks"]
SHUFFLES: tuple[Shuffle, ...] = ("global", "nearby", "blocks")

# Stored datasets are gathered ahead within blocks of at most this many records.
BLOCK_RECORDS = 1_024
# Records of this many blocks mix: a batch of 64 then draws from nearly all of 16 blocks.
WINDOW_BLOCKS = 16
# As far as an index moves in a shuffle of 16 blocks, so that both read the same amount ahead.
WINDOW_PLACES = WINDOW_BLOCKS * BLOCK_RECORDS


def order(
    size: int,
    *,
    seed: int | None = None,
    shuffle: Shuffle | None = None,
    window: int | None = None,
    rank: int = 0,
    world_size: int = 1,
    remainder: Remainder = "keep",
) -> Part:
    """The order of `size` records, shuffled if asked, for one rank of many.

    `window` is for "nearby" how far an index may move (16,384 if not given), for "blocks" how
    many blocks of 1,024 records mix (16 if not given).

    **Raises**: ArgumentError for an unknown shuffle, a shuffle without a seed, a window without
    a shuffle that has one, and whatever the orders refuse.

    >>> order(10, seed=7, shuffle="global", rank=1, world_size=4).indices(0, 0, 2).tolist()
    [4, 8]
    """
    if seed is not None:
        seed = seed_value(seed)
    if shuffle is not None and seed is None:
        raise ArgumentError(
            f"shuffle={shuffle!r} was asked without a seed. A whole number was expected. "
            "Give `seed=7`, say: the same seed gives the same order again."
        )
    return Part(shuffled_by(Range(size), shuffle, seed, window), rank, world_size, remainder)


def shuffled_by(
    order: Order,
    shuffle: Shuffle | None,
    seed: int | None,
    window: int | None,
    *,
    block: int | None = None,
) -> Order:
    """`order` shuffled in one of the kinds; a seed of None is left open.

    **Raises**: ArgumentError for an unknown shuffle, or a window or block without a shuffle that
    has one.
    """
    if shuffle is not None and shuffle not in SHUFFLES:
        raise ArgumentError(
            f"shuffle {shuffle!r} is unknown. One of {', '.join(SHUFFLES)} was expected. "
            f"{near(str(shuffle), SHUFFLES)}"
        )
    if window is not None and shuffle in (None, "global"):
        raise ArgumentError(
            f"a window of {window} was given with shuffle={shuffle!r}, which has none. "
            'A window belongs to shuffle="nearby" or "blocks". Leave it out, or take one of these.'
        )
    if block is not None and shuffle != "blocks":
        raise ArgumentError(
            f"a block of {block} was given with shuffle={shuffle!r}, which has none. "
            'A block belongs to shuffle="blocks". Leave it out, or take that one.'
        )
    match shuffle:
        case None:
            return order
        case "global":
            return Shuffled(order, seed)
        case "nearby":
            return Nearby(order, WINDOW_PLACES if window is None else window, seed)
        case "blocks":
            records = BLOCK_RECORDS if block is None else block
            return Blocks(order, records, WINDOW_BLOCKS if window is None else window, seed)
