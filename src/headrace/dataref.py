"""The random-access layer: which record stands at which position."""

from __future__ import annotations

import html
import operator
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from headrace.contracts import (
    Block,
    Indices,
    Order,
    Records,
    Visit,
    identity_of,
    read_ahead_of,
    rows,
    structure_of,
)
from headrace.contracts.errors import ArgumentError, StreamError, seed_value, whole
from headrace.contracts.stage import Remainder
from headrace.engine import Chain
from headrace.orders import (
    INFINITE,
    Draws,
    Part,
    Pinned,
    Range,
    Repeat,
    Select,
    Shuffled,
    Slice,
    shuffled_by,
    split,
)
from headrace.orders import Shuffle as ShuffleKind
from headrace.sources import Indexable, SequenceRecords
from headrace.stages import concat_visits
from headrace.streams import Stream

# Any, in this file: records whose type the user's own classes do not say.
T = TypeVar("T")
U = TypeVar("U")


class DataRef(Generic[T]):
    """A dataset in an order: a length, `read(indices)`, and arithmetic on positions.

    Every method that reorders gives a new DataRef at no cost: nothing is read until records are
    asked for. It is a map-style dataset for torch (`__getitems__`) and a data source for Grain.
    Anything with `__len__` and `read(indices)` can be wrapped: `hr.DataRef(records)`.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence(range(100, 110))
        >>> len(ref), ref[3], ref[2:4].stream().collect()
        (10, 103, [102, 103])
        >>> shuffled = ref.shuffle(seed=7)
        >>> shuffled.shard(0, 2).stream().collect() == shuffled.stream().collect()[::2]
        True
    """

    __slots__ = ("_order", "_records")

    def __init__(self, records: Records[T], order: Order | None = None) -> None:
        if not isinstance(records, Records):
            raise ArgumentError(
                f"a DataRef needs an object with __len__ and read(indices), got "
                f"{type(records).__name__}. For anything with [index] use "
                "hr.DataRef.from_sequence(...)."
            )
        self._records = records
        self._order: Order = Range(len(records)) if order is None else order

    @staticmethod
    def from_sequence(sequence: Indexable[U]) -> DataRef[U]:
        """A DataRef over anything with `__len__` and `__getitem__`; nothing is copied.

        `__getitems__(indices)` is used where it is offered.

        Raises:
            ArgumentError: it has no length or no `[index]`.
        """
        return DataRef(SequenceRecords(sequence))

    # -- records -----------------------------------------------------------------------------

    def __len__(self) -> int:
        count = self._order.count(0)
        if count >= INFINITE:
            raise StreamError("this DataRef repeats without end. Slice it: ref[:n].")
        return count

    @overload
    def __getitem__(self, where: int) -> T: ...
    @overload
    def __getitem__(self, where: slice) -> DataRef[T]: ...
    def __getitem__(self, where: int | slice) -> T | DataRef[T]:
        if isinstance(where, slice):
            start, stop, step = where.indices(self._order.count(0))
            whole("the step of a slice", step, least=1, remedy="Use .select to turn the order.")
            return self._with(Slice(self._order, start, max(start, stop), step))
        return rows(self.read(np.array([operator.index(where)])))[0]

    def __getitems__(self, indices: Sequence[int]) -> list[T]:
        """Several records at once, as torch's fetcher asks for them."""
        return rows(self.read(np.asarray(indices, dtype=np.int64)))

    def read(self, indices: npt.ArrayLike) -> Block[T]:
        """The records at these positions of the order (epoch 0), in the order asked.

        Stored arrays come column-wise as `Columns`; negative positions count from the end.

        Raises:
            ArgumentError: they are no run of whole numbers.
            IndexError: a position is outside.
        """
        positions = _inside(indices, self._order.count(0))
        if isinstance(self._order, Range):
            return self._records.read(positions)
        return self._records.read(self._order.at(0, positions))

    @property
    def records(self) -> Records[T]:
        """The records that the order is over."""
        return self._records

    @property
    def order(self) -> Order:
        """Which index stands at which position."""
        return self._order

    @property
    def visit(self) -> Visit:
        """What a Stream over these records begins with: `hr.stream(ref)` is `ref.stream()`."""
        order = self._order
        if not isinstance(order, Part):
            return Visit(self._records, order)
        part = (order.rank, order.world_size, order.remainder)
        return Visit(self._records, order.order, part)

    @property
    def schema(self) -> Any:
        """The structure of the records: what storage wrote down, or the first record's."""
        stored = getattr(self._records, "schema", None)
        if stored is not None or not len(self._records):
            return stored
        return structure_of(rows(self._records.read(np.array([0])))[0])

    @property
    def identity(self) -> str:
        """The name of the data in saved states."""
        plain = isinstance(self._order, Range)
        return identity_of(self._records) + ("" if plain else f" [{self._order}]")

    @property
    def digest(self) -> str:
        """What a stored version is known by for ever: `sha256:` and the SHA-256 of its manifest.

        Noted, and given to `storage.fetch(..., digest=...)`, it opens this version or none. In a
        storage with `trust="sha256"` it stands for each byte of the records.

        Raises:
            StreamError: the records are not those of one stored version.

        Example:
            >>> import headrace as hr
            >>> storage = hr.Storage("memory://")
            >>> noted = storage.submit(range(3), "digits", "1.0").digest
            >>> len(storage.fetch("digits", "1.0", digest=noted))
            3
        """
        found: str | None = getattr(self._records, "digest", None)
        if found is None:
            raise StreamError(
                f"the digest of {self!r} was asked for, and only a stored version has one. "
                "Submit the records first."
            )
        return found

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        return read_ahead_of(self._records)

    def views(self) -> DataRef[T]:
        """The same records with bytes as memoryviews of the stored file: nothing is copied.

        Raises:
            StreamError: these records are not stored ones.
        """
        views = getattr(self._records, "views", None)
        if views is None:
            raise StreamError(
                f"{self._records!r} has no stored bytes to view. Submit it to a Storage first."
            )
        return DataRef(views(), self._order)

    # -- orders ------------------------------------------------------------------------------

    def shuffle(
        self,
        seed: int | None,
        kind: ShuffleKind = "global",
        window: int | None = None,
        *,
        block: int | None = None,
    ) -> DataRef[T]:
        """The records in a random order, another one each epoch; exact, not windowed.

        "global" permutes everything; "nearby" moves a record at most `window` places; "blocks"
        permutes blocks of `block` consecutive records, then inside windows of `window` blocks: both
        read nearly sequentially, and have a wide window where none is given. A block has 1,024
        records; over a network, give those of a shard. `seed` None takes the loader's.

        **Source**: a Feistel network with cycle walking (`headrace.orders.permutation`).

        Raises:
            ArgumentError: `seed` is no integer, `kind` unknown, or `window` or `block` below 1 or
                without a kind that has one.
        """
        if seed is not None:
            seed_value(seed)
        return self._with(shuffled_by(self._order, kind, seed, window, block=block))

    def shard(self, rank: int, world_size: int, remainder: Remainder = "keep") -> DataRef[T]:
        """The part of one rank: positions rank, rank + world_size, ... of the order so far.

        Shuffle first, shard after: every rank then sees every record over the epochs.
        "drop" leaves out what cannot be shared out evenly, "pad" repeats the first records.

        Raises:
            ArgumentError: `rank` is not below `world_size`, or "drop" would leave a rank empty.
        """
        return self._with(Part(self._order, rank, world_size, remainder))

    def repeat(self, times: int | None) -> DataRef[T]:
        """`times` epochs as one, each with its own shuffle; without end for None.

        Raises:
            ArgumentError: `times` is below 1.
        """
        return self._with(Repeat(self._order, times))

    def select(self, indices: Iterable[int]) -> DataRef[T]:
        """The records at these positions, in this order; repeats are allowed.

        Raises:
            IndexError: a position is outside.
        """
        return self._with(Select(self._order, _inside(list(indices), len(self))))

    def sample(self, weights: npt.ArrayLike, n: int, seed: int | None) -> DataRef[T]:
        """`n` draws by weight, with replacement; other draws each epoch.

        Each draw depends on its position alone, so that they shard and resume like any order.
        `weights` has one number for each record and need not sum to 1. `seed` None takes the
        loader's. **Cost**: O(log records) a draw, 16 bytes a record.

        Raises:
            ArgumentError: weights are negative, no finite numbers, all 0 or not one a record,
                `n` is negative, or `seed` is no integer.

        Example:
            >>> import headrace as hr
            >>> rare = hr.DataRef.from_sequence(list("aaaz")).sample([1, 1, 1, 3], n=6, seed=4)
            >>> "".join(rare.stream())
            'aazzaa'
        """
        return self._with(Draws(self._order, weights, n, seed))

    def split(self, fractions: Sequence[float], seed: int) -> tuple[DataRef[T], ...]:
        """Disjoint random parts, the same in every epoch.

        Raises:
            ArgumentError: fractions are negative or sum to more than 1, or `seed` is no integer.

        Example:
            >>> import headrace as hr
            >>> train, test = hr.DataRef.from_sequence(range(10)).split([0.8, 0.2], seed=1)
            >>> len(train), len(test), len(set(train.stream()) | set(test.stream()))
            (8, 2, 10)
        """
        base: Records[T] = self._records if isinstance(self._order, Range) else self
        return tuple(DataRef(base, part) for part in split(len(self), fractions, seed))

    def stream(
        self,
        start_offset: int = 0,
        shuffle: bool = False,
        shuffle_seed: int | None = None,
        skip_shuffle_at_epoch_end: bool = False,
        shard_rank: int = 0,
        num_shards: int = 1,
        drop_shard_remainder: bool = False,
    ) -> Stream[T]:
        """The sequential layer over these records.

        `start_offset` counts records of this rank, may exceed an epoch, and applies once.
        `shuffle` is global and reshuffles each epoch, unless `skip_shuffle_at_epoch_end`; it
        comes before the shard.

        Raises:
            ArgumentError: a shuffle without a seed, a seed without a shuffle, a negative offset,
                or a rank outside the world.
        """
        whole("start_offset", start_offset, least=0, remedy="It counts records from the start.")
        ref = self
        if shuffle:
            ref = ref._shuffled(shuffle_seed, is_pinned=skip_shuffle_at_epoch_end)
        elif shuffle_seed is not None:
            raise ArgumentError(
                f"shuffle_seed={shuffle_seed!r} was given without shuffle=True. "
                "Say shuffle=True, or leave the seed out."
            )
        if num_shards != 1 or shard_rank != 0:
            ref = ref.shard(shard_rank, num_shards, "drop" if drop_shard_remainder else "keep")
        return Stream(Chain(replace(ref.visit, offset=start_offset)))

    def _shuffled(self, seed: int | None, *, is_pinned: bool) -> DataRef[T]:
        if seed is None:
            raise ArgumentError(
                "shuffle=True was given without shuffle_seed, and an order without a seed cannot "
                "be repeated. Say shuffle_seed=7, or any other whole number."
            )
        shuffled: Order = Shuffled(self._order, seed_value(seed))
        return self._with(Pinned(shuffled) if is_pinned else shuffled)

    def _with(self, order: Order) -> DataRef[T]:
        return DataRef(self._records, order)

    def __reduce__(self) -> tuple[Any, ...]:
        return DataRef, (self._records, self._order)

    def __repr__(self) -> str:
        # A schema that is not written down would have to be read.
        stored = getattr(self._records, "schema", None)
        described = self._number() if stored is None else f"{self._number()} of {stored}"
        return f"DataRef({identity_of(self._records)}, {self._order}, {described})"

    def _repr_html_(self) -> str:
        order = f"{identity_of(self._records)}, {self._order}"
        text = f"DataRef({order})\n{self._number()} of {self.schema}"
        return f"<pre>{html.escape(text)}</pre>"

    def _number(self) -> str:
        count = self._order.count(0)
        return "endless records" if count >= INFINITE else f"{count:,} records"


def _inside(indices: npt.ArrayLike, count: int) -> Indices:
    """`indices` counted from the beginning, all of them below `count`."""
    asked = np.asarray(indices)
    if asked.ndim != 1 or (asked.size and asked.dtype.kind not in "iu"):
        raise ArgumentError(
            f"positions must be a run of whole numbers, got {asked.dtype} of shape {asked.shape}. "
            "For a mask pass np.flatnonzero(mask); for one record use ref[i]."
        )
    outside = asked[(asked < -count) | (asked >= count)]
    if outside.size:
        raise IndexError(
            f"record {outside[0]} was asked of a DataRef of {count} records. Ask for one from 0 to "
            "its length, without it; negative ones count from the end."
        )
    positions = asked.astype(np.int64)
    return np.where(positions < 0, positions + count, positions)


def concat(refs: Sequence[DataRef[T]]) -> DataRef[T]:
    """The records of several DataRefs, one after the other.

    Raises:
        ArgumentError: there is none.

    Example:
        >>> import headrace as hr
        >>> refs = [hr.DataRef.from_sequence([1, 2]), hr.DataRef.from_sequence([3])]
        >>> hr.concat(refs).shuffle(seed=1).stream().collect()
        [2, 1, 3]
    """
    visit = concat_visits([Visit(ref.records, ref.order) for ref in refs])
    return DataRef(visit.records, visit.order)
