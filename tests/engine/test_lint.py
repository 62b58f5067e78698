"""Chains that are likely a mistake, and chains that are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError

# Any, in this file: records of every type.


def ref(size: int = 100) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(size))


def odd(x: int) -> bool:
    return x % 2 == 1


def noisy(x: int, rng: np.random.Generator) -> float:
    return x + float(rng.random())


Chain = Callable[[], hr.Stream[Any]]
WRONG: dict[str, tuple[str, str, Chain]] = {
    "shuffled part": (
        "shuffle-after-shard",
        "shuffles within the part of one rank, which has the same records in each epoch",
        lambda: ref().shard(0, 2).shuffle(seed=1).stream(),
    ),
    "shuffled part behind a filter": (
        "shuffle-after-shard",
        "shuffles within the part of one rank",
        lambda: ref().shard(0, 2).stream().filter(odd).shuffle(10, seed=1),
    ),
    "late shard": (
        "late-shard",
        "stands where each of 2 ranks has made all records, and drops those of the others",
        lambda: ref().stream().map(abs).filter(odd).shard(0, 2),
    ),
    "late shard of a joined chain": (
        "late-shard",
        "stands where each of 2 ranks has made all records",
        lambda: ref().stream().zip(ref().stream().filter(odd).shard(0, 2)),
    ),
    "huge prefetch": (
        "unbounded-look-ahead",
        "may hold 1,000,000 records that are not used yet",
        lambda: ref().stream().prefetch(1_000_000),
    ),
    "function behind a late batch": (
        "function-beside-the-consumer",
        "runs in the consumer, after batch(4, drop_last=False, collate=stack)",
        lambda: ref().stream().filter(odd).batch(4).map(np.sum),
    ),
    "frozen augmentation": (
        "frozen-randomness",
        "draws at random, and cache keeps what it drew first for all epochs",
        lambda: ref().stream().map(noisy, seeded=True, seed=1).cache(),
    ),
    "take of a part": (
        "per-rank-count",
        "counts the records of each rank: the number of ranks decides which they are",
        lambda: ref().shard(0, 2).stream().filter(odd).take(5),
    ),
}


@pytest.mark.parametrize(("code", "message", "chain"), WRONG.values(), ids=WRONG)
def test_a_likely_mistake_is_named_with_its_stage_and_a_remedy(
    code: str, message: str, chain: Chain
) -> None:
    found = chain().lint()
    assert [one.code for one in found] == [code]
    assert found[0].message.startswith(message)
    assert found[0].remedy.endswith(".")
    assert str(found[0]) == f"{found[0].stage} {found[0].message}. {found[0].remedy}"
    assert f"warning   {found[0].stage} {found[0].message}" in chain().explain()


RIGHT: dict[str, Chain] = {
    "all": lambda: ref().shuffle(seed=1).shard(0, 2).stream().map(abs).batch(4),
    # On a stream a shuffle of positions comes before the shard, in whatever order they stand.
    "shuffled positions": lambda: ref().stream().shard(0, 2).shuffle(10, seed=1),
    "windows over a global shuffle": lambda: (
        ref().shuffle(seed=1).shard(0, 2).stream().filter(odd).shuffle(10, seed=1)
    ),
    "windows on one rank": lambda: ref().stream().filter(odd).shuffle(10, seed=1),
    "shard as arithmetic": lambda: ref().stream().map(abs).shard(0, 2),
    "batch behind a filter": lambda: ref().stream().map(abs).filter(odd).batch(4),
    "refreshed cache": lambda: (
        ref().stream().map(noisy, seeded=True, seed=1).cache(refresh_every=2)
    ),
    "augmented cache": lambda: ref().stream().cache().map(noisy, seeded=True, seed=1),
    "take of one process": lambda: ref().stream().filter(odd).take(5),
    "take of positions": lambda: ref().stream().shard(0, 2).take(5),
    "drawn": lambda: hr.stream(lambda: iter(range(4))).prefetch(100),
}


@pytest.mark.parametrize("chain", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_left_alone(chain: Chain) -> None:
    assert chain().lint() == []
    assert "warning" not in chain().explain()


def test_ranks_make_mistakes_of_what_is_right_in_one_process() -> None:
    drawn = hr.stream(lambda: iter(range(4)))
    assert [one.code for one in drawn.lint(world_size=2)] == ["drawn-by-every-rank"]
    taken = ref().stream().filter(odd).take(5)
    assert [one.code for one in taken.lint(world_size=2)] == ["per-rank-count"]
    windows = ref().stream().filter(odd).shuffle(10, seed=1)
    assert [one.code for one in windows.lint(world_size=2)] == ["shuffle-after-shard"]
    message = "world_size must be a whole number of at least 1, got 0. 1 is a single process"
    with pytest.raises(ArgumentError, match=message):
        drawn.lint(world_size=0)


def test_a_loader_logs_each_once(caplog: pytest.LogCaptureFixture) -> None:
    stream = ref().stream().filter(odd).batch(4).map(np.sum)
    with caplog.at_level(logging.WARNING, logger="headrace"), hr.DataLoader(stream) as loader:
        for _ in range(2):
            assert len(list(loader)) == 13
    assert [record.getMessage() for record in caplog.records] == [str(stream.lint()[0])]
