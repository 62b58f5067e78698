"""Random chains of stages beside the same chains as plain Python generators."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import headrace as hr
from headrace.sources import ArrayRecords, SequenceRecords
from headrace.testing import CountingSequence

# Any, in this file: records are ints, or lists and tuples of them as the stages make them.
Plain = Callable[[Iterator[Any]], Iterator[Any]]


def total(record: Any) -> int:
    """A number that tells records apart, whatever their depth."""
    if isinstance(record, list | tuple):
        return sum(3 * total(part) + 1 for part in record)
    return int(record)


def changed(record: Any, add: int) -> Any:
    """The record with a number added to each int in it."""
    if isinstance(record, list | tuple):
        return type(record)(changed(part, add) for part in record)
    return int(record) + add


def noisy(record: Any, rng: np.random.Generator) -> Any:
    """The record with a random number added."""
    return changed(record, int(rng.integers(1000)) * 1000)


def tokens_of(record: Any) -> list[int]:
    """A short list of integers: none of them, up to three."""
    number = total(record)
    return [number % 100] * (number % 4)


def row_of(row: dict[str, Any]) -> list[int]:
    """A packed row as one list."""
    return [*row["tokens"].tolist(), *row["segment_ids"].tolist(), *row["positions"].tolist()]


def refusing(record: Any, divisor: int) -> Any:
    """The record; a filter would drop those that fail here."""
    if total(record) % divisor == 0:
        raise ValueError(f"{record!r} is refused")
    return record


def unchanged(records: Iterator[Any]) -> Iterator[Any]:
    """What `through` is given."""
    yield from records


@dataclass
class Calls:
    """How often each user function was called; a stage's number is its name."""

    count: Counter[int] = field(default_factory=Counter)

    def of(self, number: int, fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`fn`, counted."""

        def counted(record: Any) -> Any:
            self.count[number] += 1
            return fn(record)

        return counted


@dataclass(frozen=True)
class Step:
    """One stage: its verb and its numbers."""

    verb: str
    a: int = 0
    b: int = 0

    def __repr__(self) -> str:
        return f"{self.verb}({self.a}, {self.b})"


OTHER = [101, 102, 103]


def added(stream: Any, step: Step, calls: Calls, number: int) -> Any:
    """The stream with one more stage."""
    a, b = step.a, step.b
    verbs: dict[str, Callable[[], Any]] = {
        "map": lambda: stream.map(calls.of(number, lambda record: changed(record, a))),
        "filter": lambda: stream.filter(calls.of(number, lambda record: total(record) % a != 0)),
        "flat_map": lambda: stream.flat_map(calls.of(number, lambda x: [x] * (total(x) % a))),
        "tap": lambda: stream.tap(calls.of(number, total)),
        "seeded": lambda: stream.map(noisy, seeded=True, seed=a),
        "batch": lambda: stream.batch(a, drop_last=bool(b), collate="list"),
        "rebatch": lambda: stream.rebatch(a, drop_last=bool(b), collate="list"),
        "collate": lambda: stream.collate("list"),
        "unbatch": lambda: stream.unbatch(),
        "take": lambda: stream.take(a),
        "skip": lambda: stream.skip(a),
        "shard": lambda: stream.shard(a, b),
        "repeat": lambda: stream.repeat(a),
        "endless": lambda: stream.repeat().take(a),
        "enumerate": lambda: stream.enumerate(a),
        "shuffle": lambda: stream.shuffle(a, seed=b),
        "concat": lambda: stream.concat(hr.stream(OTHER)),
        "zip": lambda: stream.zip(hr.stream(OTHER * 20)),
        "mix": lambda: stream.mix(hr.stream(OTHER), weights=[a, 2], seed=b, stop="all"),
        "interleave": lambda: stream.interleave(hr.stream(OTHER), stop="all"),
        "window": lambda: stream.window(a, b, partial=a % 2 == 0),
        "bucket": lambda: stream.bucket(a, window=b, key=total, collate="list"),
        "group_by": lambda: stream.group_by(lambda x: total(x) % 3, window=b, size=a),
        "pack": lambda: stream.map(tokens_of).pack(a, window=b).map(row_of),
        "join": lambda: stream.map(tokens_of).pack(a, mode="split", separator=b).map(row_of),
    }
    return (verbs.get(step.verb) or flowing(stream, step, calls, number))()


def flowing(stream: Any, step: Step, calls: Calls, number: int) -> Callable[[], Any]:
    """The same for stages that leave the records as they are, or their number."""
    a, b = step.a, step.b
    failing = calls.of(number, lambda record: refusing(record, a))
    verbs: dict[str, Callable[[], Any]] = {
        "skip_errors": lambda: stream.map(failing).on_error("skip"),
        "substitute": lambda: stream.map(failing).on_error("substitute", value=b),
        "async_map": lambda: stream.async_map(
            calls.of(number, lambda record: changed(record, a)), buffer=b, max_workers=2
        ),
        "prefetch": lambda: stream.prefetch(a),
        "through": lambda: stream.through(unchanged),
        "cycle": lambda: stream.cycle(a),
        "cache": lambda: stream.cache(),
        "rotate": lambda: stream.rotate(a, window=b, seed=a),
        "fork": lambda: forked(stream),
        "monitor": lambda: stream.monitor(lambda report: None),
        "progress": lambda: stream.progress(),
    }
    return verbs[step.verb]


def forked(stream: Any) -> Any:
    """A stream beside itself."""
    first, second = stream.fork(2)
    return first.zip(second)


def batched(records: Iterator[Any], size: int, drop_last: int) -> Iterator[list[Any]]:
    """What `batch(collate="list")` gives."""
    while batch := list(itertools.islice(records, size)):
        if len(batch) == size or not drop_last:
            yield batch


def several_of(records: Iterator[Any], fn: Callable[[Any], list[Any]]) -> Iterator[Any]:
    """What `flat_map` gives."""
    for record in records:
        yield from fn(record)


def tapped(records: Iterator[Any], fn: Callable[[Any], object]) -> Iterator[Any]:
    """What `tap` gives."""
    for record in records:
        fn(record)
        yield record


def windows(records: Iterator[Any], size: int, stride: int) -> Iterator[list[Any]]:
    """What `window` gives, in whole windows where the size is odd."""
    held: list[Any] = []
    while True:
        held += itertools.islice(records, size - len(held))
        if not held or (size % 2 and len(held) < size):
            return
        yield list(held)
        for _ in itertools.islice(records, max(0, stride - len(held))):
            pass
        held = held[stride:]


def joined(records: Iterator[Any], length: int, separator: int) -> Iterator[list[int]]:
    """What `pack(mode="split")` gives."""
    places = (
        (token, number, place)
        for number, record in enumerate(records)
        for place, token in enumerate(tokens_of(record) and [*tokens_of(record), separator])
    )
    while row := list(itertools.islice(places, length)):
        numbers = sorted({number for _, number, _ in row})
        segments = [numbers.index(number) + 1 for _, number, _ in row]
        # What goes on from the row before begins anew.
        positions = [
            place - next(first for _, other, first in row if other == number)
            for _, number, place in row
        ]
        missing = [0] * (length - len(row))
        parts = [token for token, _, _ in row], segments, positions
        yield [value for part in parts for value in (*part, *missing)]


def in_turn(*sources: Iterator[Any]) -> Iterator[Any]:
    """What `interleave(stop="all")` gives."""
    left = list(sources)
    while left:
        for source in list(left):
            try:
                yield next(source)
            except StopIteration:
                left.remove(source)


def kept(records: Iterator[Any], fn: Callable[[Any], Any]) -> Iterator[Any]:
    """What is left of the records whose function fails on some."""
    for record in records:
        with contextlib.suppress(ValueError):
            yield fn(record)


def substituted(records: Iterator[Any], fn: Callable[[Any], Any], value: int) -> Iterator[Any]:
    """The same, with a value in the place of those that fail."""
    for record in records:
        try:
            made = fn(record)
        except ValueError:
            made = value
        yield made


def plain_step(records: Iterator[Any], step: Step, calls: Calls, number: int) -> Iterator[Any]:
    """The same stage over plain generators, as lazy as Python has it."""
    a, b = step.a, step.b
    verbs: dict[str, Callable[[], Any]] = {
        "map": lambda: map(calls.of(number, lambda record: changed(record, a)), records),
        "filter": lambda: filter(calls.of(number, lambda record: total(record) % a != 0), records),
        "flat_map": lambda: several_of(records, calls.of(number, lambda x: [x] * (total(x) % a))),
        "tap": lambda: tapped(records, calls.of(number, total)),
        "batch": lambda: batched(records, a, b),
        "rebatch": lambda: batched((record for batch in records for record in batch), a, b),
        "collate": lambda: records,
        "unbatch": lambda: (record for batch in records for record in batch),
        "take": lambda: itertools.islice(records, a),
        "skip": lambda: itertools.islice(records, a, None),
        "shard": lambda: itertools.islice(records, a, None, b),
        "enumerate": lambda: enumerate(records, a),
        "concat": lambda: itertools.chain(records, OTHER),
        "zip": lambda: zip(records, OTHER * 20, strict=False),
        "interleave": lambda: in_turn(records, iter(OTHER)),
        "window": lambda: windows(records, a, b),
        "join": lambda: joined(records, a, b),
        "fork": lambda: ((record, record) for record in records),
        "async_map": lambda: map(calls.of(number, lambda record: changed(record, a)), records),
        "skip_errors": lambda: kept(records, failing),
        "substitute": lambda: substituted(records, failing, b),
    }
    failing = calls.of(number, lambda record: refusing(record, a))
    given: Iterator[Any] = records if step.verb in SAME else verbs[step.verb]()
    return given


# What a stage gives to choose from, in a strategy of its own numbers.
ANYWHERE = st.one_of(
    st.builds(Step, st.just("map"), st.integers(0, 9)),
    st.builds(Step, st.just("filter"), st.sampled_from([1, 2, 3, 7])),
    st.builds(Step, st.just("flat_map"), st.integers(2, 4)),
    st.builds(Step, st.just("tap")),
    st.builds(Step, st.just("seeded"), st.integers(0, 3)),
    st.builds(Step, st.just("batch"), st.integers(1, 7), st.integers(0, 1)),
    st.builds(Step, st.just("take"), st.integers(0, 40)),
    st.builds(Step, st.just("skip"), st.integers(0, 20)),
    st.sampled_from([Step("shard", 0, 2), Step("shard", 1, 2), Step("shard", 2, 3)]),
    st.builds(Step, st.just("repeat"), st.integers(1, 3)),
    st.builds(Step, st.just("endless"), st.integers(0, 50)),
    st.builds(Step, st.just("enumerate"), st.integers(0, 5)),
    st.builds(Step, st.just("shuffle"), st.integers(1, 9), st.integers(0, 9)),
    st.builds(Step, st.just("concat")),
    st.builds(Step, st.just("zip")),
    st.builds(Step, st.just("mix"), st.integers(1, 3), st.integers(0, 9)),
    st.builds(Step, st.just("interleave")),
    st.builds(Step, st.just("window"), st.integers(1, 5), st.integers(1, 7)),
    st.builds(Step, st.just("bucket"), st.integers(1, 4), st.integers(1, 12)),
    st.builds(Step, st.just("group_by"), st.integers(1, 4), st.integers(1, 12)),
    st.builds(Step, st.just("pack"), st.integers(3, 6), st.integers(1, 12)),
    st.builds(Step, st.just("join"), st.integers(1, 6), st.integers(0, 9)),
    st.builds(Step, st.just("skip_errors"), st.sampled_from([1, 2, 3, 7])),
    st.builds(Step, st.just("substitute"), st.sampled_from([1, 2, 3, 7]), st.integers(0, 9)),
    st.builds(Step, st.just("async_map"), st.integers(0, 9), st.integers(1, 9)),
    st.builds(Step, st.just("prefetch"), st.integers(1, 9)),
    st.builds(Step, st.just("cycle"), st.integers(1, 3)),
    st.builds(Step, st.just("rotate"), st.integers(1, 3), st.integers(1, 9)),
    st.sampled_from([Step(verb) for verb in ("through", "cache", "fork", "monitor", "progress")]),
)
ON_BATCHES = st.one_of(
    st.builds(Step, st.just("unbatch")),
    st.builds(Step, st.just("rebatch"), st.integers(1, 7), st.integers(0, 1)),
    st.builds(Step, st.just("collate")),
)
# Stages after which a record is a list of records, and after which it is none any more.
BATCHES = ("batch", "rebatch", "window", "bucket", "group_by", "pack", "join")
MIXES = ("concat", "zip", "enumerate", "unbatch", "mix", "interleave", "substitute", "fork")
# Stages that give what they are given.
SAME = ("prefetch", "through", "cache", "monitor", "progress")
# Stages of which plain Python does not know what comes out, or in which order.
UNKNOWN = {
    *("seeded", "shuffle", "repeat", "endless", "cycle"),
    *("rotate", "mix", "bucket", "group_by", "pack"),
}
# Stages that draw more than they are asked for.
AHEAD = {"async_map", "prefetch", "cache"}


@st.composite
def steps(draw: st.DrawFn, most: int = 6) -> list[Step]:
    """Up to `most` stages, each of which can take what the one before it gives."""
    chosen: list[Step] = []
    are_batches = False
    for _ in range(draw(st.integers(0, most))):
        step = draw(ON_BATCHES | ANYWHERE if are_batches else ANYWHERE)
        if step.verb == "endless" and step.verb in [before.verb for before in chosen]:
            continue  # Endless repeats of endless repeats of nothing end, but late.
        chosen.append(step)
        if step.verb in BATCHES:
            are_batches = True
        elif step.verb in MIXES:
            are_batches = False
    return chosen


@dataclass(frozen=True)
class Origin:
    """Where the records of a chain come from."""

    kind: str
    size: int
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    offset: int = 0

    def stream(self, reads: list[int] | None = None) -> Any:
        """The stream over this source; `reads` counts what is drawn of the user's own."""
        numbers = range(self.size)
        if self.kind == "generator":
            return hr.stream(lambda: watched(numbers, reads))
        records: Any = list(numbers)
        if self.kind == "user":
            records = CountingSequence(numbers, [] if reads is None else reads)
        elif self.kind == "arrays":
            records = np.arange(self.size)
        array = isinstance(records, np.ndarray)
        ref = hr.DataRef(ArrayRecords(records) if array else SequenceRecords(records))
        if self.kind in ("global", "nearby", "blocks"):
            ref = ref.shuffle(self.seed, self.kind, None if self.kind == "global" else 5)  # type: ignore[arg-type]
        return ref.stream(
            start_offset=self.offset, shard_rank=self.rank, num_shards=self.world_size
        )

    @property
    def has_fixed_order(self) -> bool:
        """Whether plain Python knows the order of the records."""
        return self.kind in ("sequence", "user", "generator", "arrays")

    def plain(self, reads: list[int] | None = None) -> Iterator[Any]:
        """The records of the first epoch as a plain iterator."""
        mine = range(self.rank, self.size, self.world_size)
        start = self.offset % len(mine) if len(mine) else 0
        records = watched(mine[start:], reads)
        return map(np.int64, records) if self.kind == "arrays" else records


def watched(records: Iterable[int], reads: list[int] | None) -> Iterator[int]:
    """The records, noting each that is drawn."""
    for record in records:
        if reads is not None:
            reads.append(record)
        yield record


ADDRESSED = ("sequence", "user", "arrays", "global", "nearby", "blocks")


@st.composite
def origins(draw: st.DrawFn) -> Origin:
    """A source of 0 to 60 records: random access in an order on a part, or a generator."""
    size = draw(st.integers(0, 60))
    if draw(st.integers(0, 4)) == 0:
        return Origin("generator", size)
    world_size = draw(st.sampled_from([1, 1, 2, 3]))
    return Origin(
        draw(st.sampled_from(ADDRESSED)),
        size,
        seed=draw(st.integers(0, 99)),
        rank=draw(st.integers(0, world_size - 1)),
        world_size=world_size,
        offset=draw(st.sampled_from([0, 0, 1, 17, 70])),
    )


def chained(origin: Origin, chain: list[Step], calls: Calls, reads: list[int] | None = None) -> Any:
    """The stream of a source and stages."""
    stream = origin.stream(reads)
    for number, step in enumerate(chain):
        # A cache holds whole epochs and refuses the rest of one.
        if step.verb != "cache" or not origin.offset:
            stream = added(stream, step, calls, number)
    return stream


def is_plain(origin: Origin, chain: list[Step]) -> bool:
    """Whether `plain` can say what comes out, in its order."""
    verbs = {step.verb for step in chain}
    # Windows are made of what was there before the shard.
    is_sharded = origin.world_size > 1 or "shard" in verbs
    return origin.has_fixed_order and not verbs & UNKNOWN and not (is_sharded and "window" in verbs)


def is_lazy(origin: Origin, chain: list[Step]) -> bool:
    """Whether nothing is drawn that the records asked for do not need."""
    verbs = {step.verb for step in chain}
    # By position, each read of windows reads their records.
    return not verbs & AHEAD and not (origin.kind == "user" and "window" in verbs)


def plain(
    origin: Origin, chain: list[Step], calls: Calls, reads: list[int] | None = None
) -> Iterator[Any]:
    """The same chain of plain generators."""
    records: Iterator[Any] = origin.plain(reads)
    for number, step in enumerate(chain):
        records = plain_step(records, step, calls, number)
    return records
