"""Ranks given by hand."""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

import headrace as hr
from headrace.ranks import ranks as module
from headrace.ranks.channel import BoardChannel, Met

# Any, in this file: arguments of every type.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"rank": 2, "world_size": 2}, "rank 2 of a world of 2", id="outside"),
        pytest.param({"rank": -1, "world_size": 2}, "rank must be a whole number", id="negative"),
        pytest.param({"rank": 0, "world_size": 0}, "world_size must be", id="empty world"),
        pytest.param({"rank": 0, "world_size": True}, "world_size must be", id="bool"),
        pytest.param({"rank": 0, "world_size": 1, "local_rank": -1}, "local_rank", id="local"),
        pytest.param({"rank": 0, "world_size": 1, "timeout_s": 0}, "timeout_s must", id="time"),
        pytest.param({"rank": 0, "world_size": 1, "timeout_s": "5"}, "timeout_s must", id="text"),
    ],
)
def test_what_is_no_rank_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(hr.errors.ArgumentError, match=said):
        hr.Ranks(**arguments)


def test_one_rank_alone_talks_to_itself() -> None:
    ranks = hr.Ranks(0, 1)
    assert ranks.broadcast({"a": 1}) == {"a": 1}
    assert ranks.all_gather([1]) == [[1]]
    ranks.barrier()


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(hr.errors.ArgumentError, match="small values of JSON.*arrays go by"):
        hr.Ranks(0, 1).broadcast(object())


def test_ranks_pickle_and_print() -> None:
    ranks = hr.Ranks(1, 3, local_rank=0)
    assert pickle.loads(pickle.dumps(ranks)) == ranks
    assert str(ranks) == "rank 1 of 3 (given)"


@dataclass(frozen=True)
class Kept:
    """A board in this process."""

    texts: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, text: str) -> None:
        self.texts[key] = text

    def get(self, key: str) -> str | None:
        return self.texts.get(key)

    def drop(self, key: str) -> None:
        self.texts.pop(key, None)


def test_a_rank_that_comes_too_late_hears_who_has_waited() -> None:
    board = Kept()
    first, late = (
        hr.Ranks(rank, 2, timeout_s=0.1, channel=BoardChannel(board, rank, 2)) for rank in range(2)
    )
    with pytest.raises(hr.errors.RankError, match=r"barrier: rank 1 did not come to rank 0 within"):
        first.barrier()
    with pytest.raises(hr.errors.RankError, match="rank 0 waited for rank 1 in vain and went on"):
        late.barrier()


@dataclass(frozen=True)
class Silent:
    """A way to ranks whose machine is gone, so that what is asked of it never returns."""

    ended: threading.Event

    def meet(self, text: str, *, topic: str, timeout_s: float) -> Met:
        self.ended.wait()
        return Met(0, [])


def test_a_way_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    ended = threading.Event()
    ranks = hr.Ranks(1, 2, timeout_s=0.01, channel=Silent(ended))
    with pytest.raises(hr.errors.RankError, match=r"is broken: no answer within .*cannot be reach"):
        ranks.barrier()
    ended.set()
