"""Leases: one builder at a time, freed by death, and named while one waits."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headrace.blobs import Lease, LocalBlobs, LockingBlobs, flock, idle, open_blobs
from headrace.blobs.flock import try_flock
from headrace.contracts.errors import StorageError

HOLDS_A_LEASE = """
import sys, time
from headrace.blobs import Lease, open_blobs
with Lease(open_blobs(sys.argv[1]), "digits", "1.0") as lease:
    lease.blobs.put("digits/shards/aaaaaaaa.arrow", b"1")
    print("holding", flush=True)
    sys.stdin.read()
"""

FORKS_WHILE_IT_HOLDS = """
import os, sys
from headrace.blobs import Lease, open_blobs
with Lease(open_blobs(sys.argv[1]), "digits", "1.0"):
    if os.fork() == 0:
        print("holding", flush=True)
        sys.stdin.read()
        os._exit(0)
    os.wait()
"""


@pytest.fixture(params=["local", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> LockingBlobs:
    return open_blobs(tmp_path if request.param == "local" else "memory://")


def test_a_lease_has_one_holder(blobs: LockingBlobs) -> None:
    inside: list[int] = []
    most: list[int] = []

    def build(number: int) -> None:
        with Lease(blobs, "digits", "1.0"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_versions_are_built_side_by_side(blobs: LockingBlobs) -> None:
    with Lease(blobs, "digits", "1.0"), Lease(blobs, "digits", "2.0", timeout_s=5):
        pass


def test_a_lease_leaves_no_note(blobs: LockingBlobs) -> None:
    with Lease(blobs, "digits", "1.0") as lease:
        holder = lease.holder()
        assert holder is not None
        assert holder.pid == os.getpid()
    assert lease.holder() is None
    with Lease(blobs, "digits", "1.0") as again:
        assert not again.is_inherited


def test_a_timeout_names_the_holder(blobs: LockingBlobs) -> None:
    with (
        Lease(blobs, "digits", "1.0"),
        pytest.raises(StorageError, match=rf"digits 1.0, which process {os.getpid()} on .*enough"),
        Lease(blobs, "digits", "1.0", timeout_s=0.1),
    ):
        pass


def test_y_b18_a_long_wait_is_told_by_log(
    blobs: LockingBlobs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="headrace")
    with Lease(blobs, "digits", "1.0"), pytest.raises(StorageError):
        Lease(blobs, "digits", "1.0", timeout_s=0.3, say_every_s=0.1).__enter__()
    levels = [record.levelno for record in caplog.records]
    assert levels[:2] == [logging.INFO, logging.WARNING]
    assert f"which process {os.getpid()} on" in caplog.messages[0]


def test_idle_says_whether_anything_is_built(blobs: LockingBlobs) -> None:
    with idle(blobs, "digits") as is_idle:
        assert is_idle
    with Lease(blobs, "digits", "1.0"):
        with idle(blobs, "digits") as is_idle:
            assert not is_idle
        with idle(blobs, "digits", besides="1.0") as is_idle:
            assert is_idle
        with idle(blobs, "other") as is_idle:
            assert is_idle


def test_nobody_begins_to_build_while_idle_is_held(blobs: LockingBlobs) -> None:
    entered = threading.Event()

    def build() -> None:
        with Lease(blobs, "digits", "1.0"):
            entered.set()

    builder = threading.Thread(target=build)
    with idle(blobs, "digits") as is_idle:
        assert is_idle
        builder.start()
        assert not entered.wait(0.2)
    assert entered.wait(10)
    builder.join()


def test_a_killed_holder_frees_its_lease_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS_A_LEASE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == b"holding\n"
        with idle(open_blobs(tmp_path), "digits") as is_idle:
            assert not is_idle
        builder.kill()
    with Lease(open_blobs(tmp_path), "digits", "1.0", timeout_s=2) as lease:
        assert lease.is_inherited


def test_a_killed_holder_frees_its_lease_though_its_child_lives(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKS_WHILE_IT_HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == b"holding\n"
        builder.kill()
        # The child reads our end of the pipe until this block is left.
        with Lease(open_blobs(tmp_path), "digits", "1.0", timeout_s=2) as lease:
            assert lease.is_inherited


def test_a_forked_child_neither_frees_nor_keeps_the_lease(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    stay, leave = os.pipe()
    with Lease(blobs, "digits", "1.0"):
        child = os.fork()
        if child == 0:
            os.close(leave)
            os.read(stay, 1)
            os._exit(0)
        with idle(blobs, "digits") as is_idle:
            assert not is_idle
    # The child of the builder lives on, as a worker process of its source may.
    with Lease(blobs, "digits", "1.0", timeout_s=2):
        pass
    os.close(leave)
    os.close(stay)
    os.waitpid(child, 0)


def test_a_lease_inside_a_forked_child_does_not_free_its_parents(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    with Lease(blobs, "digits", "1.0") as lease:
        child = os.fork()
        if child == 0:
            # As when an error unwinds the child out of the parent's with block.
            lease._release()  # type: ignore[misc]
            os._exit(0)
        os.waitpid(child, 0)
        with idle(blobs, "digits") as is_idle:
            assert not is_idle


def test_leases_leave_no_descriptor_open(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with Lease(blobs, "digits", "1.0"), idle(blobs, "digits"):
            pass
        with Lease(blobs, "digits", "2.0"), pytest.raises(StorageError):
            Lease(blobs, "digits", "2.0", timeout_s=0).__enter__()
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_error_is_not_hidden_by_one_of_its_leases_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(blobs: LocalBlobs, key: str) -> None:
        raise StorageError(f"{key} stays")

    blobs = open_blobs(tmp_path)
    monkeypatch.setattr(LocalBlobs, "delete", refuse)
    with pytest.raises(ZeroDivisionError) as caught, Lease(blobs, "digits", "1.0"):
        raise ZeroDivisionError
    assert caught.value.__notes__ == [
        "What says who builds could not be removed, `prune` will: digits/leases/1.0.json stays"
    ]
    with pytest.raises(StorageError, match="stays"), Lease(blobs, "digits", "1.0"):
        pass
    assert blobs.try_lock("digits/leases/1.0") is not None


def test_a_version_called_none_counts_as_built(blobs: LockingBlobs) -> None:
    with Lease(blobs, "digits", "None"), idle(blobs, "digits") as is_idle:
        assert not is_idle


def test_a_copy_that_a_fork_took_unseen_does_not_keep_a_released_lock(tmp_path: Path) -> None:
    release = try_flock(tmp_path / "a.lock")
    assert release is not None
    # As in a child that was forked just before the descriptor was noted.
    noted = flock._held().descriptors  # pyright: ignore[reportPrivateUsage]
    copies = [os.dup(descriptor) for descriptor in noted]
    release()
    again = try_flock(tmp_path / "a.lock")
    for copy in copies:
        os.close(copy)

    assert again is not None
    again()
