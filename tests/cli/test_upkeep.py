"""`headrace verify`, `rm` and `prune`: damage is found, and nothing goes without a word."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.cli.conftest import Headrace


def damage(dataset: str, storage: Path) -> None:
    shard = next((storage / dataset / "shards").glob("*.arrow"))
    payload = bytearray(shard.read_bytes())
    payload[len(payload) // 2] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(payload)


def test_verify_passes_what_is_whole(headrace: Headrace, digits: str) -> None:
    headrace("submit", "made:numbers", "numbers", "1.0")

    lines = headrace("verify").out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["digits 1.0", "numbers 1.0"]
    assert all(line.endswith("all as they were written") for line in lines)
    assert headrace("verify", digits, "1.0").out.splitlines() == lines[:1]


def test_verify_finds_damage_and_looks_at_the_rest(
    headrace: Headrace, digits: str, tmp_path: Path
) -> None:
    headrace("submit", "made:numbers", "numbers", "1.0")
    damage(digits, tmp_path / "headrace-data")

    ended = headrace("verify")
    assert ended.code == 1
    assert ended.out.startswith("numbers 1.0: 1 shard, ")
    assert "1 of 1 shards of digits 1.0 are damaged" in ended.err
    assert "Submit the version again with --replace, or put the files back." in ended.err
    damaged, whole = headrace("verify", "--json").json
    assert damaged.keys() == whole.keys()
    assert (damaged["is_whole"], whole["is_whole"]) == (False, True)


def test_rm_asks_only_where_somebody_can_answer(
    headrace: Headrace, digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    refused = headrace("rm", digits, "1.0")

    assert refused.code == 2
    assert "rm asks before it deletes digits 1.0: 20 records, " in refused.err
    assert "there is no terminal to ask on. Add --yes." in refused.err
    assert headrace("rm", digits, "1.0", "--yes").out.startswith("digits 1.0 deleted")
    assert headrace("ls", "--json").json == []


def test_rm_of_an_unknown_version_lists_the_near_ones(headrace: Headrace, digits: str) -> None:
    ended = headrace("rm", digits, "1.1", "--yes")

    assert ended.code == 2
    assert "there is no version '1.1' of digits" in ended.err
    assert "Did you mean one of '1.0'?" in ended.err


def test_prune_frees_what_was_deleted_once_its_grace_is_over(
    headrace: Headrace, digits: str
) -> None:
    deleted = headrace("rm", digits, "1.0", "--yes", "--json").json
    assert deleted["deleted"]
    assert headrace("prune").out == "0 files removed, 0 bytes freed\n"
    told = headrace("prune", "--grace-s", "0", "--json").json
    assert told["files"] == len(told["keys"]) == 2
    assert told["size_bytes"] > 0
    assert told["busy"] == []
