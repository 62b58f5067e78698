"""Versions named by SHA-256, and manifests that are noted: what somebody forges is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.serving import Store

import headrace as hr
from headrace.blobs import open_blobs
from headrace.contracts.errors import ArgumentError, IntegrityError, StreamError
from headrace.formats.shards import shard_file

# Any, in this file: records of every structure.

RECORDS = [{"number": number, "text": "ab" * number} for number in range(100)]


def trusted(root: Path) -> hr.Storage:
    return hr.Storage(root, trust="sha256")


def shards(root: Path) -> list[Path]:
    return sorted((root / "digits" / "shards").iterdir())


def test_shards_are_named_by_the_sha256_of_their_bytes(tmp_path: Path) -> None:
    ref = trusted(tmp_path).submit(RECORDS, "digits", "1.0", shard_bytes=2000)
    assert ref.stream().collect() == RECORDS
    assert len(shards(tmp_path)) > 2
    for path in shards(tmp_path):
        assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()
    report = trusted(tmp_path).verify("digits")
    assert report.shard_count == len(shards(tmp_path))


@pytest.mark.parametrize("backend", [None, hr.Threads(2)], ids=repr)
def test_every_way_to_write_names_by_it(tmp_path: Path, backend: Any) -> None:
    storage = trusted(tmp_path)
    storage.submit(RECORDS, "digits", "1.0", shard_bytes=500, backend=backend)
    storage.submit(RECORDS[:3], "digits", "1.1", parent="1.0", mode="append")
    storage.cacheable("digits", "2.0")(lambda: RECORDS[5:])()
    assert {len(path.stem) for path in shards(tmp_path)} == {64}


def test_a_shard_that_was_changed_is_refused_before_its_first_record(tmp_path: Path) -> None:
    trusted(tmp_path).submit(RECORDS, "digits", "1.0")
    (path,) = shards(tmp_path)
    payload = path.read_bytes()
    at = payload.index(np.int64(7).tobytes() + np.int64(8).tobytes())
    path.write_bytes(payload[:at] + np.int64(66).tobytes() + payload[at + 8 :])
    # Nothing but the digest tells, and xxh3 is compared by verify alone.
    assert hr.Storage(tmp_path).fetch("digits")[7]["number"] == 66
    with pytest.raises(IntegrityError, match=f"shard {path.stem} .* its SHA-256 is not its name"):
        trusted(tmp_path).fetch("digits")[3]
    with pytest.raises(IntegrityError, match="checksum differs"):
        hr.Storage(tmp_path).verify("digits")


def test_each_shard_is_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = trusted(tmp_path).submit(RECORDS, "digits", "1.0", shard_bytes=2000)
    compared = []
    sha256 = hashlib.sha256

    def counted(*args: Any) -> Any:
        compared.append(1)
        return sha256(*args)

    monkeypatch.setattr(hashlib, "sha256", counted)
    for _ in range(3):
        assert len(list(ref.stream())) == 100
    assert len(compared) == len(shards(tmp_path))


def test_readers_in_other_processes_compare_too(tmp_path: Path) -> None:
    ref = trusted(tmp_path).submit(RECORDS, "digits", "1.0")
    again = pickle.loads(pickle.dumps(ref))
    assert again[7] == RECORDS[7]
    (path,) = shards(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="its SHA-256 is not its name"):
        pickle.loads(pickle.dumps(ref))[7]


def test_names_that_anyone_can_forge_are_refused(tmp_path: Path) -> None:
    plain, storage = hr.Storage(tmp_path), trusted(tmp_path)
    plain.submit(RECORDS, "digits", "1.0")
    refusal = r"digits 1.0 in .* by xxh3, .* trust='sha256'. .* trusted.submit\(Storage\(...\)"
    with pytest.raises(IntegrityError, match=refusal):
        storage.fetch("digits")
    with pytest.raises(IntegrityError, match=refusal):
        storage.submit([RECORDS[0]], "digits", "1.1", parent="1.0", mode="append")
    with pytest.raises(IntegrityError, match=refusal):
        plain.copy("digits", "1.0", to=trusted(tmp_path / "other"))
    # What the message says to do.
    ref = storage.submit(plain.fetch("digits", "1.0"), "digits", "1.1")
    assert ref.stream().collect() == RECORDS
    # And what still goes: looking after it.
    assert storage.versions("digits") == ["1.0", "1.1"]
    assert storage.verify("digits", "1.0").shard_count == 1
    storage.delete("digits", "1.0")


def test_a_version_by_sha256_is_read_and_copied_by_all(tmp_path: Path) -> None:
    ref = trusted(tmp_path / "a").submit(RECORDS, "digits", "1.0")
    plain = hr.Storage(tmp_path / "a")
    assert plain.fetch("digits").digest == ref.digest
    for other in (hr.Storage(tmp_path / "b"), trusted(tmp_path / "c")):
        assert plain.copy("digits", "1.0", to=other)[7] == RECORDS[7]


def test_an_unknown_trust_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="trust must be 'xxh3' or 'sha256', got 'md5'"):
        hr.Storage(tmp_path, trust="md5")  # type: ignore[arg-type]


def test_a_digest_is_that_of_the_manifest_file(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    ref = storage.submit(RECORDS, "digits", "1.0", meta={"by": "Zoë"})
    payload = (tmp_path / "digits" / "versions" / "1.0.json").read_bytes()
    assert ref.digest == f"sha256:{hashlib.sha256(payload).hexdigest()}"
    assert storage.fetch("digits", "1.0", digest=ref.digest)[7] == RECORDS[7]
    assert storage.fetch("digits", digest=ref.digest).shuffle(seed=1).digest == ref.digest


def test_a_manifest_that_is_not_the_noted_one_is_refused(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    noted = storage.submit(RECORDS, "digits", "1.0").digest
    path = tmp_path / "digits" / "versions" / "1.0.json"
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps({**told, "meta": {"by": "mallory"}}))
    assert storage.fetch("digits")[7] == RECORDS[7]
    with pytest.raises(IntegrityError, match=f"has the digest sha256:.*, and {noted} was asked"):
        storage.fetch("digits", "1.0", digest=noted)


@pytest.mark.parametrize("digest", ["", "abc", "sha256:ABC", "xxh3:" + "0" * 64, 3])
def test_what_is_no_digest_is_refused(tmp_path: Path, digest: Any) -> None:
    storage = hr.Storage(tmp_path)
    storage.submit(RECORDS, "digits", "1.0")
    with pytest.raises(ArgumentError, match="a digest must be 'sha256:' and 64 hexadecimal digits"):
        storage.fetch("digits", digest=digest)


def test_records_that_are_not_stored_have_no_digest() -> None:
    with pytest.raises(StreamError, match="the digest of DataRef.* only a stored version has one"):
        assert hr.DataRef.from_sequence([1, 2]).digest


def test_a_forged_shard_is_never_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted(tmp_path).submit(RECORDS, "digits", "1.0")
    (path,) = shards(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    def parsed(mapped: Any) -> None:
        raise AssertionError("read before it was compared")

    monkeypatch.setattr(shard_file, "read", parsed)
    with pytest.raises(IntegrityError, match="its SHA-256 is not its name"):
        trusted(tmp_path).fetch("digits")[3]


def test_shards_of_a_bucket_are_compared_as_they_come(
    bucket: str, s3: Store, tmp_path: Path
) -> None:
    options = s3.storage_options
    storage = hr.Storage(bucket, storage_options=options, trust="sha256", cache_dir=tmp_path / "a")
    ref = storage.submit(RECORDS, "digits", "1.0")
    assert pickle.loads(pickle.dumps(ref))[7] == RECORDS[7]
    blobs = open_blobs(bucket, storage_options=options)
    (shard,) = blobs.list("digits/shards")
    forged = blobs.get(shard.key).replace(np.int64(7).tobytes(), np.int64(66).tobytes(), 1)
    blobs.put(shard.key, forged, replace=True)
    # One record too, which a range of the shard would hold; also where no shard stays.
    for cache_bytes in (None, 100):
        other = hr.Storage(
            bucket,
            storage_options=options,
            trust="sha256",
            cache_dir=tmp_path / "b",
            cache_bytes=cache_bytes,
        )
        with pytest.raises(IntegrityError, match=f"{shard.key} came twice, and is not what was"):
            other.fetch("digits", digest=ref.digest)[3]


def test_copies_that_are_compared_stay_within_their_bound(s3: Store, tmp_path: Path) -> None:
    records = [{"number": number, "bytes": bytes(10_000)} for number in range(60)]
    storage = hr.Storage(
        s3.new_bucket(),
        storage_options=s3.storage_options,
        trust="sha256",
        cache_dir=tmp_path,
        cache_bytes=300_000,
    )
    ref = storage.submit(records, "digits", "1.0", shard_bytes=50_000)
    assert "ranges" not in str(ref.stream().explain())
    for number in range(60):
        assert ref[number] == records[number]
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.arrow")) <= 300_000
