"""A shuffle for media that read whole blocks: blocks go anywhere, then records mix among a few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import seed_value, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import finite, visited
from headrace.orders.keys import key
from headrace.orders.permutation import Permutation
from headrace.orders.windows import Windows


@dataclass(frozen=True, slots=True)
class Blocks:
    """`order` cut into blocks of `block` positions: blocks shuffled, then mixed by `window`.

    Blocks are permuted globally; of each run of `window` permuted blocks the records are
    shuffled together. A reader that holds `window` blocks reads each block once.

    **Quality**: which blocks share a run is random each epoch; inside a run all orders are
    possible, so that a batch of 64 from a window of 16 blocks meets 15.7 of them on the average.
    Records of one block never stand more than a run apart; `window=1` keeps them together.
    **Length**: that of `order`; the last block may be short.
    **Cost**: 20 to 40 ns an index; any position in O(1), no table.
    **Raises**: ArgumentError for a block or window below 1 or a seed that is no whole number;
    StreamError where `order` has no end, and at first use where the seed is still None.
    """

    order: Order
    block: int
    window: int
    seed: int | None = None

    def __post_init__(self) -> None:
        remedy = "Give the records of a block, such as 1024."
        block = whole("the block of a block shuffle", self.block, least=1, remedy=remedy)
        remedy = "Give how many blocks to mix, such as 16."
        window = whole("the window of a block shuffle", self.window, least=1, remedy=remedy)
        object.__setattr__(self, "block", block)
        object.__setattr__(self, "window", window)
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))
        finite(self.order, "shuffle the blocks of")

    def __str__(self) -> str:
        return f"{self.order} > blocks({self.block}, window={self.window}, seed={self.seed})"

    def count(self, epoch: int) -> int:
        """That of the order before."""
        return self.order.count(epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        plan = self._plan(epoch)
        mixed = plan.runs(positions).forward(positions, self._key(epoch))
        return self.order.at(epoch, plan.unpermuted(mixed))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(self.order.locate(epoch, indices), lambda there: self._back(epoch, there))

    def _back(self, epoch: int, positions: Indices) -> Indices:
        plan = self._plan(epoch)
        mixed = plan.permuted(positions)
        return plan.runs(mixed).backward(mixed, self._key(epoch))

    def _plan(self, epoch: int) -> _Plan:
        count = self.order.count(epoch)
        # A block or run longer than all positions is all of them.
        block = max(min(self.block, count), 1)
        blocks = -(-count // block)
        permutation = Permutation(blocks, self.seed, epoch, "blocks")
        place = permutation.backward(np.array([blocks - 1])) if count else np.zeros(1, np.int64)
        run = block * max(min(self.window, blocks), 1)
        return _Plan(permutation, count, block, run, int(place[0]))

    def _key(self, epoch: int) -> int:
        return key("inside blocks", self.seed, epoch)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One epoch: the permuted blocks lie side by side, a short one among them at `short_place`.

    Padded positions are those that blocks would have if the short one were filled up: positions
    after it stand `gap` later there, and block and run are plain quotients.
    """

    permutation: Permutation
    count: int
    block: int
    run: int
    short_place: int

    @property
    def gap(self) -> int:
        return -self.count % self.block

    @property
    def short_end(self) -> int:
        return (self.short_place + 1) * self.block - self.gap

    def runs(self, positions: Indices) -> Windows:
        """The run of blocks that each position lies in."""
        padded_begins = self._padded(positions) // self.run * self.run
        begins = self._plain(padded_begins)
        ends = np.minimum(self._plain(padded_begins + self.run), self.count)
        return Windows(begins, ends - begins)

    def unpermuted(self, positions: Indices) -> Indices:
        """Where the blocks' positions were before the blocks were permuted."""
        place, offset = np.divmod(self._padded(positions), self.block)
        return self.permutation.forward(place) * self.block + offset

    def permuted(self, positions: Indices) -> Indices:
        """Where positions go when the blocks are permuted."""
        number, offset = np.divmod(positions, self.block)
        return self._plain(self.permutation.backward(number) * self.block + offset)

    def _padded(self, positions: Indices) -> Indices:
        return np.where(positions >= self.short_end, positions + self.gap, positions)

    def _plain(self, padded: Indices) -> Indices:
        """The inverse of `_padded`; padded positions in the gap itself do not occur."""
        return np.where(padded >= self.short_end + self.gap, padded - self.gap, padded)
