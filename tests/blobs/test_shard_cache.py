"""The shard cache: fetched once, verified, bounded, never taken from under a reader."""

from __future__ import annotations

import errno
import gc
import hashlib
import logging
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from tests.blobs.far import FarBlobs

from headrace.blobs import LocalBlobs, open_blobs
from headrace.blobs.cache.ahead import MOST_AT_ONCE, THREAD
from headrace.blobs.cache.cached import CachedBlobs, namespace, with_cache
from headrace.blobs.cache.listing import Chosen, cleared
from headrace.contracts.blobs import BlobStat
from headrace.contracts.errors import ArgumentError, IntegrityError, NotFound, StorageError
from headrace.testing import check_blobs

SHARD_BYTES = 10_000
# The note beside the shards is counted when all files are.
NOTE_BYTES = 100


def contents(seed: int, size_bytes: int = SHARD_BYTES) -> bytes:
    return np.random.default_rng(seed).bytes(size_bytes)


def key_of(payload: bytes, dataset: str = "digits") -> str:
    return f"{dataset}/shards/{xxhash.xxh3_128_hexdigest(payload)}.arrow"


def filled(root: Path, count: int) -> list[str]:
    """The keys of shards in a folder, shard n with contents(n)."""
    blobs = LocalBlobs(root, durable=False)
    keys = []
    for seed in range(count):
        keys.append(key_of(contents(seed)))
        blobs.put(keys[-1], contents(seed))
    return keys


def sizes(keys: Iterable[str]) -> dict[str, int]:
    """What is told of shards that come, in their order."""
    return dict.fromkeys(keys, SHARD_BYTES)


def cached(tmp_path: Path, far: FarBlobs | None = None, *, shards: int = 100) -> CachedBlobs:
    """The blobs of `tmp_path / "far"` with a cache for that many shards."""
    found = far or FarBlobs(LocalBlobs(tmp_path / "far"), log=tmp_path / "log")
    blobs = with_cache(found, cache_dir=tmp_path / "cache", cache_bytes=shards * SHARD_BYTES + 999)
    assert isinstance(blobs, CachedBlobs)
    return blobs


def fetches(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def files(tmp_path: Path) -> set[str]:
    """The keys of the shards in the cache."""
    found = (tmp_path / "cache").rglob("*.arrow")
    return {"/".join(path.parts[-3:]) for path in found}


def cached_bytes(tmp_path: Path) -> int:
    return sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_cached_blobs_keep_the_contract_of_blobs(tmp_path: Path) -> None:
    check_blobs(cached(tmp_path))


def test_a_shard_is_fetched_once_and_read_from_its_file(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 2)
    blobs = cached(tmp_path)

    assert blobs.map(keys[1]).tobytes() == contents(1)
    assert blobs.map(keys[1]).tobytes() == contents(1)
    assert fetches(tmp_path) == [keys[1]]
    assert files(tmp_path) == {keys[1]}
    assert not blobs.map(keys[1]).flags.writeable


def test_what_is_no_shard_is_never_kept(tmp_path: Path) -> None:
    blobs = cached(tmp_path)
    blobs.put("digits/versions/1.0.json", b"1")
    assert blobs.map("digits/versions/1.0.json").tobytes() == b"1"
    blobs.put("digits/versions/1.0.json", b"2", replace=True)

    assert blobs.map("digits/versions/1.0.json").tobytes() == b"2"
    assert not (tmp_path / "cache").exists()


def test_y_b11_reading_alone_makes_the_folders_of_the_cache(tmp_path: Path) -> None:
    (key,) = filled(tmp_path / "far", 1)
    blobs = with_cache(FarBlobs(LocalBlobs(tmp_path / "far")), cache_dir=tmp_path / "not" / "yet")

    assert blobs.map(key).tobytes() == contents(0)


def test_y_b12_two_buckets_never_share_a_file(tmp_path: Path) -> None:
    (key,) = filled(tmp_path / "far", 1)
    for url in ("s3://one/data", "s3://two/data", "gs://one/data", "s3://one/data/"):
        assert cached(tmp_path, FarBlobs(LocalBlobs(tmp_path / "far"), url)).map(key)[0] >= 0

    found = sorted((tmp_path / "cache").rglob("*.arrow"))
    assert len(found) == 4
    assert len({path.stat().st_ino for path in found}) == 4
    notes = [path.read_text() for path in (tmp_path / "cache").rglob("url.json")]
    assert sorted(notes)[0] == '{"url":"gs://one/data"}'


def test_y_b12_a_file_is_fresh_by_its_content_and_not_by_a_time(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    blobs = cached(tmp_path)
    blobs.map(keys[0])
    LocalBlobs(tmp_path / "far").put(keys[0], contents(0), replace=True)

    assert blobs.map(keys[0]).tobytes() == contents(0)
    assert fetches(tmp_path) == keys


def test_y_b13_a_mapped_shard_stays_what_it_is_when_its_file_is_fetched_again(
    tmp_path: Path,
) -> None:
    keys = filled(tmp_path / "far", 1)
    blobs = cached(tmp_path)
    mapped = blobs.map(keys[0])
    (path,) = (tmp_path / "cache").rglob("*.arrow")
    path.unlink()

    assert blobs.map(keys[0]).tobytes() == contents(0)
    assert len(fetches(tmp_path)) == 2
    assert mapped.tobytes() == contents(0)


def test_nothing_is_seen_of_a_shard_before_all_of_it_is_there(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    seen: list[set[str]] = []

    def look(key: str, path: Path) -> None:
        seen.append(files(tmp_path))
        assert path.name.startswith("~")

    far = FarBlobs(LocalBlobs(tmp_path / "far"), before=look)
    cached(tmp_path, far).map(keys[0])
    assert seen == [set()]
    assert [path.name for path in (tmp_path / "cache").rglob("~*")] == ["~locks"]


def test_threads_that_want_one_shard_fetch_it_once(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    gate = threading.Barrier(8)
    far = FarBlobs(LocalBlobs(tmp_path / "far"), log=tmp_path / "log")
    blobs = cached(tmp_path, far)
    found: list[bytes] = []

    def read() -> None:
        gate.wait()
        found.append(blobs.map(keys[0]).tobytes())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [contents(0)] * 8
    assert fetches(tmp_path) == keys


def test_a_shard_that_is_damaged_on_its_way_is_fetched_again(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    tries: list[str] = []

    def damage_the_first(key: str, path: Path) -> None:
        tries.append(key)
        payload = contents(0) if len(tries) > 1 else contents(9)
        LocalBlobs(tmp_path / "far").put(key, payload, replace=True)

    far = FarBlobs(LocalBlobs(tmp_path / "far"), before=damage_the_first)
    assert cached(tmp_path, far).map(keys[0]).tobytes() == contents(0)
    assert len(tries) == 2


def test_a_shard_that_is_damaged_twice_says_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    LocalBlobs(tmp_path / "far").put(keys[0], contents(9), replace=True)
    blobs = cached(tmp_path)

    with pytest.raises(IntegrityError, match=r"came twice, and is not what .* storage\.verify"):
        blobs.map(keys[0])
    assert len(fetches(tmp_path)) == 2
    assert files(tmp_path) == set()
    assert cached_bytes(tmp_path) < 100
    LocalBlobs(tmp_path / "far").put(keys[0], contents(0), replace=True)
    assert blobs.map(keys[0]).tobytes() == contents(0)


def test_sixty_four_digits_are_those_of_sha_256(tmp_path: Path) -> None:
    key = f"digits/shards/{hashlib.sha256(contents(0)).hexdigest()}.arrow"
    LocalBlobs(tmp_path / "far").put(key, contents(0))
    assert cached(tmp_path).map(key).tobytes() == contents(0)

    LocalBlobs(tmp_path / "far").put(key.replace("digits", "other"), contents(1))
    with pytest.raises(IntegrityError, match="is not what was written"):
        cached(tmp_path).map(key.replace("digits", "other"))


def test_a_file_from_before_the_machine_started_is_verified_once(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    blobs = cached(tmp_path)
    blobs.map(keys[0])
    (path,) = (tmp_path / "cache").rglob("*.arrow")
    # A power cut has left zeros; 1 s after the epoch is before any machine started.
    path.write_bytes(bytes(SHARD_BYTES))
    os.utime(path, (1, 1))

    assert blobs.map(keys[0]).tobytes() == contents(0)
    assert len(fetches(tmp_path)) == 2


def test_a_shard_that_is_nowhere_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    with pytest.raises(NotFound, match="It was deleted or never written"):
        cached(tmp_path).map(key_of(b"nothing"))


def test_the_cache_stays_within_its_bound_and_the_least_recently_used_goes(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 6)
    blobs = cached(tmp_path, shards=3)
    for key in (*keys[:3], keys[0], keys[3]):
        blobs.map(key)
        assert cached_bytes(tmp_path) <= 3 * SHARD_BYTES + 999

    assert files(tmp_path) == {keys[0], keys[2], keys[3]}


def test_what_is_looked_at_never_goes_however_small_a_part_of_it(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 6)
    blobs = cached(tmp_path, shards=3)
    ten = blobs.map(keys[0])[10:20]
    for key in keys[1:]:
        blobs.map(key)
    assert keys[0] in files(tmp_path)

    del ten
    for key in keys[1:4]:
        blobs.map(key)
    assert keys[0] not in files(tmp_path)


def test_where_all_is_in_use_the_bound_is_passed_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.blobs.cache.fetching.ROOM_WAIT_S", 0.1)
    *keys, last = filled(tmp_path / "far", 7)
    blobs = cached(tmp_path, shards=3)
    with caplog.at_level(logging.WARNING, "headrace"):
        held = [blobs.map(key) for key in keys]

    assert [bytes(one) for one in held] == [contents(seed) for seed in range(6)]
    assert [record.message[:15] for record in caplog.records] == ["the shard cache"]
    assert "passes its bound of 30,999 bytes, as all in it is in use" in caplog.text
    held.clear()
    blobs.map(last)
    assert cached_bytes(tmp_path) <= 3 * SHARD_BYTES + 999


def test_a_fetch_waits_for_room_that_another_thread_gives_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.blobs.cache.fetching.ROOM_WAIT_S", 20)
    keys = filled(tmp_path / "far", 3)
    blobs = cached(tmp_path, shards=2)
    held = [blobs.map(key) for key in keys[:2]]
    timer = threading.Timer(0.3, held.clear)
    timer.start()

    blobs.map(keys[2])
    timer.join()
    assert cached_bytes(tmp_path) <= 2 * SHARD_BYTES + 999


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["map", "hold", "let go", "plan"]), st.integers(0, 9)),
        max_size=30,
    )
)
def test_whatever_is_read_held_and_planned_the_bound_holds(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bound")
    # Of 1 to 10 kB; three fit always.
    parts = [contents(n, 1000 * (n + 1)) for n in range(10)]
    far = LocalBlobs(folder / "far", durable=False)
    for part in parts:
        far.put(key_of(part), part)
    keys = [key_of(part) for part in parts]
    blobs = cached(folder, FarBlobs(far), shards=3)
    held: list[Any] = []
    plan = blobs.ahead({})
    for step, number in steps:
        if step == "plan":
            order = [*range(number, 10), *range(number)]
            plan, old = blobs.ahead({keys[n]: len(parts[n]) for n in order}), plan
            old.close()
        elif step == "let go":
            held.clear()
        else:
            mapped = blobs.map(keys[number])
            assert mapped.tobytes() == parts[number]
            if step == "hold":
                held = [*held[-1:], mapped]
            del mapped
        # While files come and go, no sum of them is that of one moment.
        until(lambda: not fetching_threads())
        assert cached_bytes(folder) <= 3 * SHARD_BYTES + 999 + NOTE_BYTES
    plan.close()


def until(is_so: Callable[[], bool]) -> None:
    """Looks until it is so; the time limit of the test ends what never is."""
    while not is_so():
        time.sleep(0.005)


def test_shards_are_fetched_along_the_order_before_they_are_wanted(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 10)
    blobs = cached(tmp_path, shards=8)
    plan = blobs.ahead(sizes([*keys, "digits/versions/1.0.json"]))
    # Half of the bound: four of the eight shards.
    until(lambda: len(files(tmp_path)) == 4)
    assert files(tmp_path) == set(keys[:4])

    for seed, key in enumerate(keys):
        until(lambda: key in files(tmp_path))  # noqa: B023 - called here
        assert blobs.map(key).tobytes() == contents(seed)
        assert cached_bytes(tmp_path) <= 8 * SHARD_BYTES + 999
    assert sorted(fetches(tmp_path)) == sorted(keys)
    plan.close()


@pytest.mark.parametrize(("at_once", "enough_bytes"), [(4, SHARD_BYTES), (16, 10**9)])
def test_at_most_four_shards_are_fetched_at_once_or_sixteen_small_ones(
    at_once: int, enough_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.blobs.cache.ahead.AT_ONCE_BYTES", enough_bytes)
    keys = filled(tmp_path / "far", 32)
    running: list[int] = []
    most: list[int] = []
    all_of_them = threading.Barrier(at_once)

    def count(key: str, path: Path) -> None:
        running.append(1)
        most.append(len(running))
        all_of_them.wait()
        running.pop()

    blobs = cached(tmp_path, FarBlobs(LocalBlobs(tmp_path / "far"), before=count))
    plan = blobs.ahead(sizes(keys))
    until(lambda: len(files(tmp_path)) == 32)
    assert max(most) == at_once
    plan.close()


def test_a_shard_whose_size_is_known_is_not_asked_for_it(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 3)
    asked: list[str] = []

    class Unsized(FarBlobs):
        def stat(self, key: str) -> BlobStat | None:
            asked.append(key)
            return super().stat(key)

    blobs = cached(tmp_path, Unsized(LocalBlobs(tmp_path / "far")))
    plan = blobs.ahead(sizes(keys[:2]))
    for key in keys:
        blobs.map(key)
    assert asked == keys[2:]
    plan.close()


def test_what_the_order_wants_last_goes_first(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 7)
    blobs = cached(tmp_path, shards=4)
    for key in keys[:4]:
        blobs.map(key)
    # By the time of its last use the first would go; the order wants it soon, and the third last.
    plan = blobs.ahead(sizes([keys[6], keys[0], keys[1], keys[3], keys[2]]))
    held = blobs.map(keys[6])
    until(lambda: not fetching_threads())

    assert files(tmp_path) == {keys[6], keys[0], keys[1], keys[3]}
    assert held.tobytes() == contents(6)
    plan.close()


def test_nothing_that_is_wanted_sooner_goes_for_what_is_fetched_ahead(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 6)
    blobs = cached(tmp_path, shards=3)
    for key in keys[:3]:
        blobs.map(key)
    plan = blobs.ahead(sizes([*keys[:3], keys[4]]))
    until(lambda: not fetching_threads())
    assert files(tmp_path) == set(keys[:3])

    # Once the first has been used and the second is, nobody wants the first.
    blobs.map(keys[0])
    blobs.map(keys[1])
    until(lambda: not fetching_threads())
    assert files(tmp_path) == {keys[1], keys[2], keys[4]}
    plan.close()


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_plan_that_is_dropped_or_closed_fetches_no_more(tmp_path: Path, end: str) -> None:
    *keys, other = filled(tmp_path / "far", 40)
    begun: list[str] = []
    is_ended = threading.Event()

    def wait(key: str, path: Path) -> None:
        begun.append(key)
        is_ended.wait()

    far = FarBlobs(LocalBlobs(tmp_path / "far"), before=wait)
    plan = cached(tmp_path, far).ahead(sizes(keys))
    until(lambda: len(begun) == MOST_AT_ONCE)
    if end == "close":
        plan.close()
    del plan
    gc.collect()
    is_ended.set()
    until(lambda: not fetching_threads())
    assert sorted(begun) == sorted(keys[:MOST_AT_ONCE])
    # Nothing that it kept is kept any more: any of it goes for one that is fetched ahead.
    plan = cached(tmp_path, far, shards=1).ahead(sizes([other]))
    until(lambda: not fetching_threads())
    assert files(tmp_path) == {other}
    plan.close()


def fetching_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == THREAD]


def test_what_fails_ahead_is_fetched_again_when_it_is_wanted_and_raises_then(
    tmp_path: Path,
) -> None:
    keys = filled(tmp_path / "far", 3)
    tries: list[str] = []

    def fail(key: str, path: Path) -> None:
        tries.append(key)
        if key == keys[1] and tries.count(key) < 3:
            raise StorageError("the bucket is on fire")

    blobs = cached(tmp_path, FarBlobs(LocalBlobs(tmp_path / "far"), before=fail))
    plan = blobs.ahead(sizes(keys))
    until(lambda: files(tmp_path) == {keys[0], keys[2]} and not fetching_threads())
    assert tries.count(keys[1]) == 1
    blobs.map(keys[0])
    with pytest.raises(StorageError, match="on fire"):
        blobs.map(keys[1])
    assert blobs.map(keys[1]).tobytes() == contents(1)
    plan.close()


def test_what_was_fetched_ahead_makes_room_for_what_is_wanted_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = filled(tmp_path / "far", 6)
    blobs = cached(tmp_path, shards=2)
    plan = blobs.ahead(sizes(keys[:4]))
    until(lambda: bool(files(tmp_path)) and not fetching_threads())
    held = blobs.map(keys[5])
    monkeypatch.setattr("headrace.blobs.cache.fetching.ROOM_WAIT_S", 600)
    assert blobs.map(keys[4]).tobytes() == contents(4)
    assert files(tmp_path) == {keys[5], keys[4]}
    assert held.tobytes() == contents(5)
    plan.close()


def test_a_full_disk_is_told_with_the_folder_after_all_made_room(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 3)
    room_for = [2]

    def fill_up(key: str, path: Path) -> None:
        if key == keys[2] and len(files(tmp_path)) >= room_for[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    blobs = cached(tmp_path, FarBlobs(LocalBlobs(tmp_path / "far"), before=fill_up))
    for key in keys[:2]:
        blobs.map(key)
    assert blobs.map(keys[2]).tobytes() == contents(2)
    assert files(tmp_path) == {keys[1], keys[2]}

    gc.collect()
    assert cleared(tmp_path / "cache", Chosen())[1] == []
    room_for[0] = 0
    told = r"the disk of the shard cache .*/cache is full.* Free some space, .* cache_dir"
    with pytest.raises(StorageError, match=told):
        blobs.map(keys[2])
    assert cached_bytes(tmp_path) < 100


def test_on_a_full_disk_nothing_goes_for_what_is_only_wanted_later(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 3)

    def fill_up(key: str, path: Path) -> None:
        if key == keys[2]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    blobs = cached(tmp_path, FarBlobs(LocalBlobs(tmp_path / "far"), before=fill_up))
    for key in keys[:2]:
        blobs.map(key)
    plan = blobs.ahead(sizes(keys[2:]))
    until(lambda: not fetching_threads())
    assert files(tmp_path) == set(keys[:2])
    plan.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "far", 1)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match=r"shard cache .*/cache cannot be kept.*cache_dir"):
        cached(tmp_path).map(key_of(contents(0)))


def test_what_a_dead_process_left_goes_when_the_cache_is_opened(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    digest = keys[0].rpartition("/")[2].removesuffix(".arrow")
    folder = tmp_path / "cache" / namespace("s3://bucket/data") / "digits" / "shards"
    folder.mkdir(parents=True)
    (folder / f"~{digest}.10000.00112233aabbccdd").write_bytes(b"half")
    (tmp_path / "cache" / "~mine").write_text("of somebody else")

    cached(tmp_path).map(keys[0])
    assert [path.name for path in folder.iterdir()] == [f"{digest}.arrow"]
    assert (tmp_path / "cache" / "~mine").exists()


def test_it_pickles_and_takes_the_folder_of_the_process_where_none_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = filled(tmp_path / "far", 1)
    blobs = with_cache(FarBlobs(LocalBlobs(tmp_path / "far")))
    monkeypatch.setenv("HEADRACE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HEADRACE_CACHE_BYTES", "1.5 MiB")
    again = pickle.loads(pickle.dumps(blobs))

    assert again == blobs
    assert again.map(keys[0]).tobytes() == contents(0)
    assert files(tmp_path) == set(keys)


def test_a_bound_that_is_none_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = FarBlobs(LocalBlobs(tmp_path))
    with pytest.raises(ArgumentError, match=r"cache_bytes must be a whole .* got 0\. .*50GB"):
        with_cache(far, cache_bytes=0)
    monkeypatch.setenv("HEADRACE_CACHE_BYTES", "half of it")
    with pytest.raises(ArgumentError, match="CACHE_BYTES must be .* got 'half of it'.*50GB"):
        with_cache(far)


@pytest.mark.parametrize("place", ["folder", "file://", "memory://"])
def test_storages_of_this_machine_have_no_cache(place: str, tmp_path: Path) -> None:
    url = {"folder": str(tmp_path), "file://": tmp_path.as_uri()}.get(place, place)
    blobs = open_blobs(url)
    assert with_cache(blobs, cache_dir=tmp_path / "cache") is blobs


def test_who_removes_the_folder_loses_nothing(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 3)
    blobs = cached(tmp_path, shards=2)
    held = blobs.map(keys[0])
    plan = blobs.ahead(sizes(keys))
    until(lambda: not fetching_threads())
    shutil.rmtree(tmp_path / "cache")

    for seed, key in enumerate(keys):
        assert blobs.map(key).tobytes() == contents(seed)
    plan.close()
    assert held.tobytes() == contents(0)
    assert cached_bytes(tmp_path) <= 2 * SHARD_BYTES + 999


def test_a_shard_larger_than_the_bound_is_read_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = filled(tmp_path / "far", 2)
    blobs = with_cache(
        FarBlobs(LocalBlobs(tmp_path / "far")), cache_dir=tmp_path / "c", cache_bytes=7
    )
    monkeypatch.setattr("headrace.blobs.cache.fetching.ROOM_WAIT_S", 600)
    for seed, key in enumerate(keys):
        assert blobs.map(key).tobytes() == contents(seed)
    assert len(list((tmp_path / "c").rglob("*.arrow"))) == 1


def test_ranges_come_from_the_file_where_there_is_one(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 2)
    blobs = cached(tmp_path)
    blobs.map(keys[0])
    assert (blobs.has_file(keys[0]), blobs.has_file(keys[1])) == (True, False)

    LocalBlobs(tmp_path / "far").delete(keys[0])
    for seed, key in enumerate(keys):
        (piece,) = blobs.ranges(key, [5], [15])
        assert piece.tobytes() == contents(seed)[5:15]
    assert not blobs.has_file(keys[1])


def test_without_locks_of_the_file_system_shards_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = filled(tmp_path / "far", 4)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.lockf", refuse)
    blobs = cached(tmp_path, shards=3)
    plan = blobs.ahead(sizes(keys))
    for seed, key in enumerate(keys):
        assert blobs.map(key).tobytes() == contents(seed)
    plan.close()
    until(lambda: not fetching_threads())
    assert cached_bytes(tmp_path) <= 3 * SHARD_BYTES + 999
