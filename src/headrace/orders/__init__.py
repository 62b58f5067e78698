"""Which index stands at which position: orders, how they compose, and the common ones."""

from __future__ import annotations

from headrace.contracts.stage import Remainder
from headrace.orders.blocks import Blocks
from headrace.orders.bounds import BLOCK_POSITIONS, INFINITE
from headrace.orders.chosen import Chosen
from headrace.orders.concat import Concat
from headrace.orders.cursor import OrderCursor
from headrace.orders.draws import Draws
from headrace.orders.every import Every
from headrace.orders.limits import Stop, check_stop, limits_of
from headrace.orders.make import SHUFFLES, Shuffle, order, shuffled_by
from headrace.orders.mix import Mix, pass_epoch
from headrace.orders.nearby import Nearby
from headrace.orders.part import REMAINDERS, Part
from headrace.orders.pattern import InTurn, Pattern, Stretch, Weighted
from headrace.orders.permutation import Permutation
from headrace.orders.pinned import Pinned
from headrace.orders.progressions import (
    between,
    evened,
    is_endless,
    left_of,
    lowest_first,
    rising,
    shared,
    size_of,
    used,
)
from headrace.orders.range import Range
from headrace.orders.repeat import Repeat
from headrace.orders.seeds import first_seed, needs_seed, with_seed
from headrace.orders.select import Select
from headrace.orders.shuffled import Shuffled
from headrace.orders.slice import Slice
from headrace.orders.sliding import NOTHING, Sliding, windows_of
from headrace.orders.split import split
from headrace.orders.turns import Turns
from headrace.orders.weights import Weights, counts_of
from headrace.orders.windowed import Windowed
from headrace.orders.zipped import Zipped

__all__ = [
    "BLOCK_POSITIONS",
    "Blocks",
    "Chosen",
    "Concat",
    "Draws",
    "Every",
    "INFINITE",
    "InTurn",
    "Mix",
    "NOTHING",
    "Nearby",
    "OrderCursor",
    "Part",
    "Pattern",
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
    "Sliding",
    "Stop",
    "Stretch",
    "Turns",
    "Weighted",
    "Weights",
    "Windowed",
    "Zipped",
    "between",
    "check_stop",
    "counts_of",
    "evened",
    "first_seed",
    "is_endless",
    "left_of",
    "limits_of",
    "lowest_first",
    "needs_seed",
    "order",
    "pass_epoch",
    "rising",
    "shared",
    "shuffled_by",
    "size_of",
    "split",
    "used",
    "windows_of",
    "with_seed",
]
