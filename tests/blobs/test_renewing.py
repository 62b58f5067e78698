"""Renewed locks: one holder at a time, kept by renewals alone, taken over from the silent."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore
from tests.servers.faults import Hang
from tests.servers.proxy import Proxy

from headrace.blobs import Lease, LocalBlobs, LockingBlobs, ObjectBlobs, idle, open_blobs
from headrace.blobs.leases.file_slots import FileGrip, FileSlot
from headrace.blobs.leases.holder import FREE, holder_in
from headrace.blobs.leases.keeper import clock_s, keeper
from headrace.blobs.leases.renewing import RenewedLock
from headrace.blobs.leases.slots import StoreGrip, StoreSlot
from headrace.blobs.stores.options import options_of
from headrace.contracts.blobs import Bytes
from headrace.contracts.errors import ArgumentError, LeaseLost, StorageError

# Any, in this file: a store that is only in part one.

LEASE_S = 0.6
KEY = "digits/leases/1.0"
# Far above what any of these waits takes.
PATIENCE_S = 20
View = Callable[..., LockingBlobs]

EXITS_WITH_A_LOCK = """
import sys
from pathlib import Path
from headrace.blobs import LocalBlobs
print(LocalBlobs(Path(sys.argv[1]), lease_s=60).try_lock("a") is not None)
"""


@pytest.fixture(params=["memory", "files"])
def view(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    """Makes blobs that share a store and nothing else, as those of two machines do."""
    monkeypatch.setattr(fcntl, "flock", _refused)
    if request.param == "files":
        return lambda lease_s=LEASE_S: LocalBlobs(tmp_path, lease_s=lease_s)
    store = MemoryStore()
    return lambda lease_s=LEASE_S: ObjectBlobs(store, url="memory://", lease_s=lease_s)


def _refused(*_: object) -> None:
    raise OSError("no locks available")


def taken(blobs: LockingBlobs, key: str = KEY) -> RenewedLock:
    """The lock, as soon as it can be had."""
    deadline = time.monotonic() + PATIENCE_S
    while (lock := blobs.try_lock(key)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert isinstance(lock, RenewedLock)
    return lock


def beat_in(blobs: LockingBlobs) -> int:
    """Which renewal of the lock it is."""
    holder = holder_in(blobs.get(f"{KEY}.json"))
    return -1 if holder is None else holder.beat


def silenced(blobs: LockingBlobs, key: str = KEY) -> RenewedLock:
    """A lock whose holder is stopped, as far as others can see."""
    lock = taken(blobs, key)
    keeper().drop(lock)
    return lock


def test_a_lock_has_one_holder_and_is_free_when_it_is_given_back(view: View) -> None:
    here, there = view(), view()
    lock = taken(here)
    assert there.try_lock(KEY) is None
    assert here.try_lock(KEY) is None
    lock()
    second = taken(there)
    assert not second.is_inherited
    # Given back twice, it is no longer ours to free.
    lock()
    assert second.is_held()
    assert here.try_lock(KEY) is None
    second()


def test_of_many_who_race_for_a_lock_one_at_a_time_has_it(view: View) -> None:
    inside: list[int] = []
    most: list[int] = []
    is_held: list[bool] = []

    def race(number: int) -> None:
        blobs = view(lease_s=5)
        for _ in range(3):
            lock = taken(blobs)
            inside.append(number)
            is_held.append(lock.is_held())
            most.append(len(inside))
            inside.remove(number)
            lock()

    racers = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert most == [1] * 24
    assert all(is_held)


def test_a_silent_holder_is_replaced_once_its_lease_is_over_and_knows_it(view: View) -> None:
    lock, there = silenced(view()), view()
    began = time.monotonic()
    assert there.try_lock(KEY) is None
    second = taken(there)
    assert time.monotonic() - began >= LEASE_S
    assert second.is_inherited
    assert not lock.is_held()
    assert lock.is_lost
    # Nor does it free what is another's.
    lock()
    assert second.is_held()
    second()


@pytest.mark.slow
def test_of_many_who_wait_for_a_silent_holder_one_replaces_it(view: View) -> None:
    silenced(view())
    locks: list[RenewedLock] = []
    is_over = threading.Event()

    def wait() -> None:
        blobs = view(lease_s=3)
        while not is_over.wait(0.002):
            if (lock := blobs.try_lock(KEY)) is not None:
                assert isinstance(lock, RenewedLock)
                locks.append(lock)

    waiting = [threading.Thread(target=wait) for _ in range(6)]
    for one in waiting:
        one.start()
    deadline = time.monotonic() + PATIENCE_S
    while not locks:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # A whole lease more: nobody takes it from the living.
    while beat_in(view()) < 7:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    is_over.set()
    for one in waiting:
        one.join()
    assert len(locks) == 1
    assert locks[0].is_held()
    locks[0]()


def test_how_long_to_wait_is_what_the_holder_says(view: View) -> None:
    lock, hasty = silenced(view(lease_s=60)), view(lease_s=0.01)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        assert hasty.try_lock(KEY) is None
    lock()


def test_whoever_waits_asks_the_store_thirty_times_a_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []
    look = FileSlot.look

    def counted(slot: FileSlot) -> tuple[bytes, str] | None:
        looks.append(slot.path)
        return look(slot)

    lock = taken(LocalBlobs(tmp_path, lease_s=60))
    monkeypatch.setattr(FileSlot, "look", counted)
    there = LocalBlobs(tmp_path, lease_s=60)
    for _ in range(1000):
        assert there.try_lock(KEY) is None
    assert len(looks) == 1
    lock()


def test_the_thread_lives_while_a_lock_is_held(view: View) -> None:
    lock = taken(view())
    names = [thread.name for thread in threading.enumerate() if thread.daemon]
    assert "headrace-leases" in names
    lock()
    deadline = time.monotonic() + PATIENCE_S
    while "headrace-leases" in [thread.name for thread in threading.enumerate()]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_held_lock_keeps_no_process_alive(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EXITS_WITH_A_LOCK, str(tmp_path)]
    assert subprocess.check_output(command, timeout=PATIENCE_S) == b"True\n"


def test_a_forked_child_neither_renews_nor_frees(tmp_path: Path) -> None:
    lock = taken(LocalBlobs(tmp_path, lease_s=LEASE_S))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        lock()
        told = (lock.is_held(), threading.active_count(), keeper().kept)
        os.write(writer, repr(told).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "(False, 1, [])"
    assert lock.is_held()
    assert LocalBlobs(tmp_path).get(f"{KEY}.json").rstrip() != FREE
    lock()


def test_the_lock_says_who_holds_it(view: View) -> None:
    blobs = view()
    with Lease(blobs, "digits", "1.0") as lease:
        holder = lease.holder()
        assert holder is not None
        assert (holder.pid, holder.lease_s) == (os.getpid(), LEASE_S)
        assert len(holder.name) == 32
    assert lease.holder() is None
    assert blobs.get(f"{KEY}.json").rstrip() == FREE
    assert [*blobs.locks("digits/leases")] == [KEY]


def test_a_lost_lease_says_who_has_it_and_publishes_nothing(view: View) -> None:
    here, there = view(), view()
    with Lease(here, "digits", "1.0") as lease:
        keeper().drop(lease._release)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        second = taken(there)
        assert second.is_inherited
        with pytest.raises(LeaseLost, match=rf"'digits' '1.0' in .* lost to process {os.getpid()}"):
            lease.publish("digits/versions/1.0.json", b"{}")
        with pytest.raises(LeaseLost, match=r"for over 0.6 s this process was stopped, kept"):
            lease.check_known()
        with pytest.raises(LeaseLost, match="Fetch the version of the other builder, or submit"):
            lease.delete("digits/versions/1.0.json")
    assert here.stat("digits/versions/1.0.json") is None
    assert second.is_held()
    second()


def test_idle_sees_living_builders_and_breaks_the_leases_of_the_dead(view: View) -> None:
    there, lease_s = view(), 6
    with Lease(view(lease_s=lease_s), "digits", "2.0"):
        began = time.monotonic()
        with idle(there, "digits") as is_idle:
            assert not is_idle
        # A beat of the living is enough to know.
        assert time.monotonic() - began < lease_s
    dead = silenced(view())
    with idle(there, "digits") as is_idle:
        assert is_idle
        is_idle.check()
        # It may not publish while its shards are removed.
        assert not dead.is_held()
    with idle(there, "digits") as is_idle:
        assert is_idle


def test_whoever_removes_stops_when_the_gate_is_lost(view: View) -> None:
    with idle(view(), "digits") as is_idle:
        keeper().drop(is_idle.gate)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        second = taken(view(), "digits/leases/~gate")
        with pytest.raises(LeaseLost, match="removed as long as nobody builds.*prune again"):
            is_idle.check()
    second()


def test_a_builder_waits_for_who_may_remove_what_is_there(
    view: View, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="headrace")
    begun = threading.Event()

    def build() -> None:
        with Lease(view(), "digits", "1.0"):
            begun.set()

    with idle(view(lease_s=6), "digits"):
        building = threading.Thread(target=build)
        building.start()
        deadline = time.monotonic() + PATIENCE_S
        while not caplog.messages:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # It is seen by whoever comes next.
        assert view().try_lock(KEY) is None
        assert not begun.is_set()
    assert begun.wait(PATIENCE_S)
    building.join()
    assert f"waiting until digits is pruned by process {os.getpid()} on" in caplog.messages[0]
    # And not for ever for one who died while it removed.
    silenced(view(), "digits/leases/~gate")
    with Lease(view(), "digits", "1.0"):
        pass


def test_a_lock_that_hangs_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, goes_on = threading.Event(), threading.Event()
    renew = FileGrip.renew

    def hanging(grip: FileGrip, content: bytes) -> bool:
        holder = holder_in(content)
        if grip.slot.path.name == "hangs.json" and holder is not None and holder.beat:
            hangs.set()
            goes_on.wait(PATIENCE_S)
        return renew(grip, content)

    monkeypatch.setattr(FileGrip, "renew", hanging)
    blobs = LocalBlobs(tmp_path, lease_s=LEASE_S)
    first, second = taken(blobs, "hangs"), taken(blobs)
    assert hangs.wait(PATIENCE_S)
    seen, deadline = beat_in(blobs), time.monotonic() + PATIENCE_S
    while beat_in(blobs) < seen + 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    goes_on.set()
    first()
    second()


def test_a_machine_that_slept_asks_before_it_relies_on_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = silenced(LocalBlobs(tmp_path, lease_s=LEASE_S))
    second = taken(LocalBlobs(tmp_path, lease_s=LEASE_S))
    # Python's monotonic clock stood still meanwhile.
    assert lock.is_held(within_s=3600)
    slept_s = clock_s() + 7200
    monkeypatch.setattr("headrace.blobs.leases.renewing.clock_s", lambda: slept_s)
    assert not lock.is_held(within_s=3600)
    second()


def test_blobs_with_leases_pickle_with_how_long_they_last(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path, lease_s=7)
    lock = taken(blobs)
    lock()
    assert pickle.loads(pickle.dumps(blobs)).lease_s == 7
    options = (("region", "us-east-1"),)
    store = ObjectBlobs.at("s3://bucket", options, lease_s=7)
    again = pickle.loads(pickle.dumps(store))
    assert again._leases.lease_s == 7


def test_locks_and_leases_do_not_mix(tmp_path: Path) -> None:
    with Lease(LocalBlobs(tmp_path, lease_s=LEASE_S), "digits", "1.0"):
        pass
    locking = LocalBlobs(tmp_path)
    for asked in (
        lambda: Lease(locking, "digits", "1.0").__enter__(),
        lambda: idle(locking, "digits").__enter__(),
    ):
        with pytest.raises(StorageError, match="'digits' in .* are renewed .* locks='leases'"):
            asked()
    # And nothing stays locked.
    assert locking.try_lock(KEY) is not None


def test_unknown_locks_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"locks must be one of 'flock', 'leases', got 'nfs'"):
        open_blobs("/tmp/x", locks="nfs")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# -- files ----------------------------------------------------------------------------------------


def test_a_file_taken_by_mistake_goes_back_to_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = FileSlot(tmp_path / "1.0.json")
    grip = slot.take(b"first", tag=None)
    assert grip is not None
    seen = slot.look()
    assert seen is not None
    assert grip.renew(b"second")
    # It was renewed between the look and the rename.
    with monkeypatch.context() as patch:
        patch.setattr(FileSlot, "look", lambda _: seen)
        assert slot.take(b"thief", tag=seen[1]) is None
    assert grip.renew(b"third")
    assert [path.name for path in tmp_path.iterdir()] == ["1.0.json"]
    grip.close()


def test_a_holder_that_goes_on_writes_over_nobody(tmp_path: Path) -> None:
    slot = FileSlot(tmp_path / "1.0.json")
    first = slot.take(b"first", tag=None)
    seen = slot.look()
    assert first is not None
    assert seen is not None
    second = slot.take(b"second", tag=seen[1])
    assert second is not None
    assert not first.renew(b"first again")
    first.free()
    found = slot.look()
    assert found is not None
    assert found[0] == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["1.0.json"]
    first.close()
    second.close()


def test_a_file_that_cannot_be_written_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.pwrite", full)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StorageError, match=r"1\.0\.json: the disk is full after 0 bytes"):
        FileSlot(tmp_path / "1.0.json").take(b"first", tag=None)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("content", [b"", b"not JSON", b'{"pid":1,"host":"a","since":"b"}'])
def test_a_lease_that_cannot_be_read_is_taken_over_too(tmp_path: Path, content: bytes) -> None:
    blobs = LocalBlobs(tmp_path, lease_s=0.2)
    blobs.put(f"{KEY}.json", content)
    assert blobs.try_lock(KEY) is None
    taken(blobs)()


def test_an_empty_lease_does_not_stop_idle_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As one of a builder that was killed while it made the file.
    monkeypatch.setattr("headrace.blobs.leases.gate.LEASE_S", 0.2)
    blobs = LocalBlobs(tmp_path, lease_s=0.2)
    blobs.put(f"{KEY}.json", b"")
    with idle(blobs, "digits") as is_idle:
        assert is_idle


# -- stores ---------------------------------------------------------------------------------------


@dataclass
class Unanswered:
    """Blobs whose writes may come through without an answer."""

    inner: ObjectBlobs
    # What becomes of the next writes: "lost" on the way there, or "mute" on the way back, or
    # "refused" though nobody was first.
    fates: list[str] = field(default_factory=list)

    def tagged(self, key: str) -> tuple[bytes, str] | None:
        return self.inner.tagged(key)

    def swap(self, key: str, payload: Bytes, *, tag: str | None) -> str | None:
        fate = self.fates.pop(0) if self.fates else "answered"
        if fate == "lost":
            raise StorageError("no answer")
        if fate == "refused":
            return None
        new = self.inner.swap(key, payload, tag=tag)
        if fate == "mute":
            raise StorageError("no answer")
        return new


@pytest.mark.parametrize("fates", [["mute"], ["lost"], ["lost", "mute"], ["mute", "lost"]])
def test_a_renewal_without_an_answer_is_no_loss(fates: list[str]) -> None:
    blobs = Unanswered(ObjectBlobs.in_memory())
    store: Any = blobs
    slot = StoreSlot(store, store, "lock")
    grip = slot.take(b"0", tag=None)
    assert isinstance(grip, StoreGrip)
    blobs.fates += fates
    for number in range(len(fates)):
        with pytest.raises(StorageError):
            grip.renew(b"%d" % (number + 1))
    assert grip.renew(b"renewed")
    found = blobs.tagged("lock")
    assert found is not None
    assert found[0] == b"renewed"
    # Another's write is a loss, whatever was not answered before.
    blobs.fates.append("lost")
    with pytest.raises(StorageError):
        grip.renew(b"more")
    assert blobs.swap("lock", b"another's", tag=found[1])
    assert not grip.renew(b"even more")


def test_a_renewal_that_meets_one_of_its_own_is_no_loss() -> None:
    blobs = Unanswered(ObjectBlobs.in_memory())
    store: Any = blobs
    grip = StoreSlot(store, store, "lock").take(b"0", tag=None)
    assert grip is not None
    blobs.fates += ["refused", "refused"]
    assert grip.renew(b"1")
    found = blobs.tagged("lock")
    assert found is not None
    assert found[0] == b"1"


def test_a_store_that_fails_for_a_while_is_asked_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = ObjectBlobs(MemoryStore(), url="memory://", lease_s=LEASE_S)
    lock = taken(blobs)
    fates = ["lost"] * 3
    swap = blobs.swap

    def failing(key: str, payload: Bytes, *, tag: str | None) -> str | None:
        if fates:
            raise StorageError(fates.pop())
        return swap(key, payload, tag=tag)

    monkeypatch.setattr(blobs, "swap", failing)
    deadline = time.monotonic() + PATIENCE_S
    while fates or not beat_in(blobs):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert "a lease was not renewed, and will be tried again: lost" in caplog.messages
    assert lock.is_held()
    fates.append("away")
    lock()
    assert "is free in 0.6 s: giving it back failed: away" in caplog.messages[-1]


@pytest.mark.slow
def test_a_renewal_that_is_never_answered_is_tried_again_in_time(proxy: Proxy) -> None:
    options = options_of(proxy.storage_options)
    blobs = ObjectBlobs.at(proxy.new_bucket(), options, lease_s=6)
    lock = taken(blobs)
    proxy.fail(Hang(), method="PUT", path="leases", times=1)
    began = time.monotonic()
    while not beat_in(blobs):
        assert time.monotonic() - began < 6
        time.sleep(0.01)
    # Made, not answered, answered.
    assert proxy.count("PUT", "leases") >= 3
    assert lock.is_held()
    lock()
