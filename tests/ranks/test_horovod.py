"""Horovod, which cannot be installed here: a module that stands in its place."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

import pytest

import headrace as hr

# Any, in this file: what ranks say.


class StandIn(ModuleType):
    """`horovod.torch` as rank 1 of 2 sees it; rank 0 says what `other` makes of our own text."""

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__("horovod.torch")
        self._hangs = hangs
        self.ended = threading.Event()

    def is_initialized(self) -> bool:
        return True

    def rank(self) -> int:
        return 1

    def size(self) -> int:
        return 2

    def local_rank(self) -> int:
        return 1

    def allgather_object(self, value: Any) -> list[Any]:
        if self._hangs:
            self.ended.wait()
        return [value, value]


@pytest.fixture
def hvd(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    module = StandIn()
    monkeypatch.setitem(sys.modules, "horovod.torch", module)
    return module


def test_detect_finds_horovod(hvd: StandIn) -> None:
    ranks = hr.Ranks.detect()
    assert (ranks.rank, ranks.world_size, ranks.local_rank) == (1, 2, 1)
    assert ranks.source == "horovod.torch"


def test_ranks_of_horovod_meet_by_its_collectives(hvd: StandIn) -> None:
    assert hr.Ranks.detect().all_gather({"a": 1}) == [{"a": 1}, {"a": 1}]


def test_a_collective_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    module = StandIn(hangs=True)
    monkeypatch.setitem(sys.modules, "horovod.torch", module)
    with pytest.raises(hr.errors.RankError, match="one or more of rank 0 did not come"):
        hr.Ranks.detect(timeout_s=0.1).barrier()
    module.ended.set()


def test_the_stream_of_the_document_is_sharded_by_horovod(hvd: StandIn) -> None:
    dataref = hr.DataRef.from_sequence(range(7))
    stream = dataref.stream(shard_rank=hvd.rank(), num_shards=hvd.size())
    assert list(hr.DataLoader(stream)) == [1, 3, 5]


def test_a_loader_under_horovod_shards_by_itself(hvd: StandIn) -> None:
    assert list(hr.DataLoader(hr.stream(range(6)))) == [1, 3, 5]


def test_a_loader_that_was_made_before_there_were_ranks_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early, meant = (hr.DataLoader(hr.stream(range(6)), ranks=one) for one in (None, hr.Ranks(0, 1)))
    monkeypatch.setitem(sys.modules, "horovod.torch", StandIn())
    with pytest.raises(hr.errors.RankError, match=r"made for rank 0 of 1 \(alone\).*Make the load"):
        next(iter(early))
    assert list(meant) == [0, 1, 2, 3, 4, 5]
