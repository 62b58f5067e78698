"""Single records of a version in a store, counted at the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.proxy import Proxy

import headrace as hr

# Any, in this file: records of every structure.

COUNT = 400
ROW_BYTES = 60_000
SHARD_BYTES = 6 * 2**20


def record(number: int) -> dict[str, Any]:
    return {"jpeg": bytes([number % 256]) * (ROW_BYTES + number), "label": number}


@pytest.fixture
def proxy_ref(proxy: Proxy, tmp_path: Path) -> hr.DataRef[Any]:
    """The records behind the proxy, whose log begins here."""
    url, options = proxy.new_bucket(), proxy.storage_options
    writer = hr.Storage(url, storage_options=options, cache_dir=tmp_path / "one")
    writer.submit(map(record, range(COUNT)), "photos", "1.0", shard_bytes=SHARD_BYTES)
    proxy.forget()
    reader = hr.Storage(url, storage_options=options, cache_dir=tmp_path / "two")
    return reader.fetch("photos", "1.0")


def test_a_record_is_its_bytes_and_no_footer(proxy: Proxy, proxy_ref: hr.DataRef[Any]) -> None:
    assert proxy.count("GET", "shards") == 0
    assert proxy_ref[7] == record(7)
    # The offsets, the label and the bytes: no shard is fetched, and no footer.
    assert proxy.count(path="shards") == 3
    assert proxy.sent_bytes("GET", "shards") < 2 * ROW_BYTES
    proxy.forget()
    assert proxy_ref[9] == record(9)
    assert proxy.count() == 2
    assert proxy.sent_bytes() < 1.1 * ROW_BYTES


def test_a_version_is_opened_by_one_request(proxy: Proxy, proxy_ref: hr.DataRef[Any]) -> None:
    assert len(proxy_ref) == COUNT
    assert [one.method for one in proxy.matching()] == ["GET"]


def test_a_sparse_slice_is_about_its_bytes(proxy: Proxy, proxy_ref: hr.DataRef[Any]) -> None:
    some = proxy_ref[::70]
    (reads,) = [line for line in some.stream().explain().splitlines() if "reads" in line]
    assert reads.startswith("reads     ranges of 58.8 KiB: 6 records of 4 shards")
    proxy.forget()
    assert some.stream().collect() == [record(number) for number in range(0, COUNT, 70)]
    offsets = 8 * (COUNT + 4)
    assert proxy.sent_bytes("GET", "shards") <= 2 * len(some) * (ROW_BYTES + COUNT) + offsets
    assert proxy.count() <= 2 * len(some) + 4


def test_an_epoch_fetches_each_shard_once(proxy: Proxy, proxy_ref: hr.DataRef[Any]) -> None:
    stream = proxy_ref.shuffle(seed=3).stream()
    first = stream.collect()
    assert sorted(row["label"] for row in first) == list(range(COUNT))
    assert np.isclose(proxy.sent_bytes("GET", "shards"), COUNT * ROW_BYTES, rtol=0.02)
    proxy.forget()
    assert stream.collect() == first
    assert proxy.count() == 0


def test_nothing_is_read_by_ranges_where_only_sha256_is_trusted(
    proxy: Proxy, tmp_path: Path
) -> None:
    url, options = proxy.new_bucket(), proxy.storage_options
    how: dict[str, Any] = {"storage_options": options, "trust": "sha256"}
    writer = hr.Storage(url, cache_dir=tmp_path / "one", **how)
    writer.submit(map(record, range(200)), "photos", "1.0", shard_bytes=SHARD_BYTES)
    proxy.forget()
    ref = hr.Storage(url, cache_dir=tmp_path / "two", **how).fetch("photos", "1.0")
    assert ref[7] == record(7)
    # One shard, all of it, is compared with its name first.
    assert proxy.sent_bytes("GET", "shards") > SHARD_BYTES
    assert len({one.path for one in proxy.matching("GET", "shards")}) == 1
