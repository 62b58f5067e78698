"""Which index stands at which position: orders, how they compose, and the common ones."""

from __future__ import annotations

from headrace.contracts.stage import Remainder
from headrace.orders.blocks import Blocks
from headrace.orders.bounds import BLOCK_POSITIONS, INFINITE
from headrace.orders.concat import Concat
from headrace.orders.cursor import OrderCursor
from headrace.orders.every import Every
from headrace.orders.make import SHUFFLES, Shuffle, order, shuffled_by
from headrace.orders.nearby import Nearby
from headrace.orders.part import REMAINDERS, Part
from headrace.orders.permutation import Permutation
from headrace.orders.pinned import Pinned
from headrace.orders.range import Range
from headrace.orders.repeat import Repeat
from headrace.orders.seeds import first_seed, needs_seed, with_seed
from headrace.orders.select import Select
from headrace.orders.shuffled import Shuffled
from headrace.orders.slice import Slice
from headrace.orders.split import split
from headrace.orders.windowed import Windowed
from headrace.orders.zipped import Zipped

__all__ = [
    "BLOCK_POSITIONS",
    "Blocks",
    "Concat",
    "Every",
    "INFINITE",
    "Nearby",
    "OrderCursor",
    "Part",
    "Permutation",
    "Pinned",
    "REMAINDERS",
    "Range",
    "Remainder",
    "Repeat",
    "SHUFFLES",
    "Select",
    "Shuffle",
    "Shuffled",
    "Slice",
    "Windowed",
    "Zipped",
    "first_seed",
    "needs_seed",
    "order",
    "shuffled_by",
    "split",
    "with_seed",
]
