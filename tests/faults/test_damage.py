"""`verify` finds each damaged shard and says which, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.builders import SHARD_BYTES, records, seed_of

from headrace.contracts.errors import IntegrityError
from headrace.storage import Storage


def flip(shard: Path) -> None:
    payload = bytearray(shard.read_bytes())
    payload[len(payload) // 2] ^= 1
    shard.write_bytes(payload)


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-1])


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path / "root", durable=False)
    storage.submit(records(1), "digits", "1.0", shard_bytes=SHARD_BYTES)
    return storage


def shards_of(storage: Storage) -> list[Path]:
    return sorted(Path(storage.url).rglob("*.arrow"))


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink], ids=lambda f: str(f.__name__))
def test_a_damaged_shard_is_found_by_name(storage: Storage, damage: Callable[[Path], None]) -> None:
    shards = shards_of(storage)
    damage(shards[1])
    with pytest.raises(IntegrityError, match=f"1 of {len(shards)} shards of digits 1.0") as caught:
        storage.verify("digits", "1.0")
    assert shards[1].name in str(caught.value)
    assert shards[0].name not in str(caught.value)


def test_every_damaged_shard_is_listed(storage: Storage) -> None:
    shards = shards_of(storage)
    flip(shards[0])
    truncate(shards[1])
    shards[2].unlink()
    with pytest.raises(IntegrityError) as caught:
        storage.verify("digits")
    assert [shard.name in str(caught.value) for shard in shards[:4]] == [True, True, True, False]


def test_a_damaged_version_is_mended_by_submitting_it_again(storage: Storage) -> None:
    flip(shards_of(storage)[0])
    storage.submit(records(1), "digits", "1.0", shard_bytes=SHARD_BYTES, replace=True)
    assert storage.verify("digits").shard_count == len(shards_of(storage))
    assert seed_of(storage.fetch("digits")) == 1


def test_a_whole_version_gives_a_report(storage: Storage) -> None:
    report = storage.verify("digits", "1.0")
    assert report.shard_count == len(shards_of(storage))
    assert report.size_bytes == sum(shard.stat().st_size for shard in shards_of(storage))
    assert "all as they were written" in str(report)
