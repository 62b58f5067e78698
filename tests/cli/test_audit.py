"""`headrace audit`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Headrace

import headrace as hr

# Any, in this file: batches.


def loader(ledger: str = "ledger", rank: int = 0, world_size: int = 1) -> hr.DataLoader[Any]:
    ref = hr.DataRef.from_sequence(range(12)).shuffle(seed=7).shard(rank, world_size)
    return hr.DataLoader(ref.stream(), ledger=hr.Ledger(ledger))


def test_a_run_is_proven_epoch_by_epoch(headrace: Headrace) -> None:
    with loader() as run:
        list(run)
        list(islice(run, 5))
    ended = headrace("audit", "ledger")

    assert (ended.code, ended.err) == (0, "")
    assert [line.split() for line in ended.out.splitlines()] == [
        ["range[12]"],
        ["epoch", "positions", "delivered", "repeated", "lost", "doubled", "is"],
        ["0", "12", "12", "0", "0", "0", "proven"],
        ["1", "12", "5", "0", "0", "0", "not", "finished"],
    ]


def test_what_was_doubled_and_lost_is_listed_and_ends_with_one(headrace: Headrace) -> None:
    for rank in (0, 0):
        with loader(rank=rank, world_size=2) as run:
            doubled = list(run)
    lost = list(hr.DataRef.from_sequence(range(12)).shuffle(seed=7).shard(1, 2).stream())
    ended = headrace("audit", "ledger")

    assert ended.code == 1
    assert f"epoch 0: doubled 6 positions, of index {', '.join(map(str, doubled))}" in ended.out
    assert f"epoch 0: lost 6 positions, of index {', '.join(map(str, lost))}" in ended.out
    assert "epoch 0: no ledger of rank 1" in ended.out


def test_json_lists_all(headrace: Headrace) -> None:
    for folder, rank in (("a", 0), ("b", 1), ("c", 1)):
        with loader(folder, rank, 2) as run:
            given = list(run)
    ended = headrace("audit", "a", "b", "c", "--json")

    assert ended.code == 1
    assert ended.json["data"] == "range[12]"
    assert ended.json["is_proven"] is False
    (epoch,) = ended.json["epochs"]
    assert epoch["doubled"] == {"count": 6, "positions": [1, 3, 5, 7, 9, 11], "indices": given}
    empty = {"count": 0, "positions": [], "indices": []}
    assert epoch == {
        "epoch": 0,
        "is_proven": False,
        "has_finished": True,
        "positions": 12,
        "delivered": 12,
        "repeated": empty,
        "lost": empty,
        "doubled": epoch["doubled"],
        "padding": 0,
        "dropped": 0,
        "sessions": 3,
        "missing_ranks": [],
    }


@pytest.mark.parametrize("arguments", [[], ["nowhere"]])
def test_a_wrong_call_ends_with_two(headrace: Headrace, arguments: list[str]) -> None:
    ended = headrace("audit", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ("no ledger is in nowhere" in ended.err) or "Missing argument" in ended.err


def test_a_damaged_ledger_ends_with_one(headrace: Headrace) -> None:
    Path("ledger").mkdir()
    Path("ledger/rank-0.ledger").write_text("broken\n")
    ended = headrace("audit", "ledger")
    assert (ended.code, ended.out) == (1, "")
    assert "is damaged" in ended.err


def test_on_a_narrow_terminal_each_epoch_is_a_line(
    headrace: Headrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with loader() as run:
        list(run)
        list(islice(run, 5))
    assert headrace("audit", "ledger").out.splitlines() == [
        "range[12]",
        "epoch 0 proven: 12 positions, 12",
        "delivered",
        "epoch 1 not finished: 12 positions, 5",
        "delivered",
    ]
