"""What is likely a mistake in a chain, found from its description alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.contracts import Drawn, Groups, Order, Pointwise, Run, Stage, Visit, look_ahead_of
from headrace.engine.chain import Chain
from headrace.orders import Blocks, Draws, Nearby, Part, Shuffled, Windowed
from headrace.stages import Cache, Shard, Shuffle, Skip, Take

# More records ahead than any consumer needs: of 4 KiB each they are 400 MB.
LARGEST_LOOK_AHEAD = 100_000
SHUFFLING = (Shuffled, Nearby, Blocks, Windowed, Draws)


@dataclass(frozen=True)
class Lint:
    """A likely mistake in a chain: its code, the stage, what that does, a remedy.

    Example:
        >>> import headrace as hr
        >>> lint = hr.stream(range(9)).filter(bool).batch(4).map(len).lint()[0]
        >>> lint.code, lint.stage
        ('function-beside-the-consumer', 'map(len)')
        >>> print(lint)
        map(len) runs in the consumer, after batch(4, drop_last=False, collate=stack). Put it \
before the batch, record by record, or use async_map.
    """

    code: str
    stage: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.stage} {self.message}. {self.remedy}"


def lint(chain: Chain, run: Run | None = None) -> list[Lint]:
    """What is likely a mistake in a chain, and in those that it joins."""
    used = Run() if run is None else run
    found = [one for check in RANK_CHECKS for one in check(chain, used)]
    found += [one for check in CHECKS for one in check(chain)]
    beside = [one for stage in chain.stages for one in getattr(stage, "others", ())]
    found += [one for other in beside if isinstance(other, Chain) for one in lint(other, used)]
    return list(dict.fromkeys(found))


def title_of(stage: Stage) -> str:
    """The stage as a person reads it, with the name of its function."""
    return (
        stage.kernel.name if isinstance(stage, Pointwise) else str(getattr(stage, "title", stage))
    )


def _shuffle_after_shard(chain: Chain, run: Run) -> Iterator[Lint]:
    source = chain.plan.source
    if not isinstance(source, Visit):
        return
    orders = list(_orders(source.order))
    shuffles = [isinstance(order, SHUFFLING) for order in orders]
    parts = [isinstance(order, Part) for order in orders]
    # Outermost first: of a part behind which nothing shuffles, each epoch has the same records.
    if True in parts and True in shuffles[: parts.index(True)]:
        is_mixed = True in shuffles[parts.index(True) :]
        late = [] if is_mixed else [str(source.order)]
    else:
        is_sharded = run.world_size > 1 or source.part is not None
        places = zip(chain.stages, chain.plan.wheres, strict=True)
        within = [title_of(one) for one, where in places if _shuffles_late(one, where)]
        late = within if is_sharded and True not in shuffles else []
    for title in late:
        yield Lint(
            "shuffle-after-shard",
            title,
            "shuffles within the part of one rank, which has the same records in each epoch",
            "Shuffle the DataRef, and shard after that.",
        )


def _shuffles_late(stage: Stage, where: str) -> bool:
    # Where it is arithmetic on positions it comes before the shard, whatever was written first.
    return isinstance(stage, Shuffle) and where != "order"


def _orders(order: Order) -> Iterator[Order]:
    """An order and those inside it, outermost first."""
    inner: Order | None = order
    while inner is not None:
        yield inner
        inner = getattr(inner, "order", None)


def _late_shard(chain: Chain) -> Iterator[Lint]:
    for number, stage in enumerate(chain.stages):
        if isinstance(stage, Shard) and chain.plan.wheres[number] != "order":
            yield Lint(
                "late-shard",
                title_of(stage),
                f"stands where each of {stage.world_size} ranks has made all records, and drops "
                "those of the others",
                "Shard before the first stage that changes the number of records.",
            )


def _unbounded_look_ahead(chain: Chain) -> Iterator[Lint]:
    for stage in chain.stages:
        ahead = look_ahead_of(stage)
        if ahead > LARGEST_LOOK_AHEAD:
            yield Lint(
                "unbounded-look-ahead",
                title_of(stage),
                f"may hold {ahead:,} records that are not used yet",
                "Take as many as cover the slowest record, such as 100.",
            )


def _function_after_batch(chain: Chain) -> Iterator[Lint]:
    late = [
        stage
        for stage, where in zip(chain.stages, chain.plan.wheres, strict=True)
        if where == "consumer"
    ]
    for number, stage in enumerate(late):
        if not isinstance(stage, Groups):
            continue
        functions = [title_of(one) for one in late[number + 1 :] if isinstance(one, Pointwise)]
        if functions:
            yield Lint(
                "function-beside-the-consumer",
                ", ".join(functions),
                f"runs in the consumer, after {stage}",
                "Put it before the batch, record by record, or use async_map.",
            )
        return


def _frozen_randomness(chain: Chain) -> Iterator[Lint]:
    for number, stage in enumerate(chain.stages):
        if not isinstance(stage, Cache) or stage.refresh_every is not None:
            continue
        for before in chain.stages[:number]:
            if isinstance(before, Pointwise) and before.kernel.wants == "key":
                yield Lint(
                    "frozen-randomness",
                    title_of(before),
                    f"draws at random, and {stage} keeps what it drew first for all epochs",
                    "Put the cache before it, or make it anew with refresh_every.",
                )


def _per_rank_take(chain: Chain, run: Run) -> Iterator[Lint]:
    if run.world_size == 1 and chain.world is None:
        return
    for number, stage in enumerate(chain.stages):
        if isinstance(stage, Take | Skip) and chain.plan.wheres[number] == "consumer":
            yield Lint(
                "per-rank-count",
                title_of(stage),
                "counts the records of each rank: the number of ranks decides which they are",
                "Cut the DataRef by a slice, before the filter.",
            )


def _drawn_by_every_rank(chain: Chain, run: Run) -> Iterator[Lint]:
    if run.world_size > 1 and isinstance(chain.source, Drawn):
        yield Lint(
            "drawn-by-every-rank",
            "the source",
            f"has no random access: each of {run.world_size} ranks draws all and keeps its part",
            "Store it first (storage.submit), or give each rank a source of its own.",
        )


RANK_CHECKS = (_shuffle_after_shard, _per_rank_take, _drawn_by_every_rank)
CHECKS = (_late_shard, _unbounded_look_ahead, _function_after_batch, _frozen_randomness)
