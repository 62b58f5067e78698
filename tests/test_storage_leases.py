"""One builder among many machines, on stores and on folders without locks that hold."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.faults.builders import SHARD_BYTES, records, seed_of
from tests.faults.killing import context
from tests.leases import VERSION, Builder, Root, build, build_once, race
from tests.servers.proxy import Proxy

import headrace as hr
from headrace.blobs import idle
from headrace.blobs.leases.holder import Holder, holder_in
from headrace.blobs.leases.keeper import keeper
from headrace.contracts.errors import LeaseLost

# Any, in this file: options of a store.

Start = Callable[..., Builder]
# A user who owns nothing.
NOBODY = 65534

READS_ONLY = """
import os, sys, tempfile
import headrace as hr
# Python itself may lie where nobody else may look: all that is needed is imported before.
with tempfile.TemporaryDirectory() as folder:
    print(hr.Storage(folder, locks="leases").submit([1], "a", "1")[0])
    try:
        hr.Storage(folder).submit([1], "a", "2")
    except OSError as error:
        print(error)
if os.geteuid() == 0:
    os.seteuid(int(sys.argv[2]))
for locks in ("flock", "leases"):
    storage = hr.Storage(sys.argv[1], locks=locks)

    @storage.cacheable("digits", "1.0")
    def digits():
        raise AssertionError("it is stored")

    print(storage.fetch("digits")[1], digits()[2], len(storage.versions("digits")))
try:
    storage.submit([1], "digits", "2.0")
except OSError as error:
    print(error)
"""


@pytest.fixture(params=["s3", "folder"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """A new place that machines share, with short leases."""
    if request.param == "folder":
        return Root(str(tmp_path / "root"))
    server = request.getfixturevalue("s3")
    return Root(server.new_bucket() + "/team a", server.storage_options)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts builders, which end with the test."""
    started: list[Builder] = []

    def begin(target: Callable[..., None], *arguments: Any) -> Builder:
        started.append(Builder(target, *arguments))
        return started[-1]

    yield begin
    for builder in started:
        builder.close()


def holder(root: Root) -> Holder | None:
    """Who holds the lease of the version."""
    return holder_in(root.blobs().get(f"digits/leases/{VERSION}.json"))


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_of_eight_processes_on_each_of_two_machines_one_builds(
    root: Root, start: Start, tmp_path: Path
) -> None:
    calls, barrier = tmp_path / "calls", context().Barrier(16)
    # Nobody dies here, and sixteen processes on a busy machine may wait long for their turns.
    root = replace(root, lease_s=20)
    machines = [tmp_path / "machine 1", tmp_path / "machine 2"]
    for machine in machines:
        machine.mkdir()
    racers = [start(race, root, machines[n % 2], calls, barrier) for n in range(16)]
    assert [racer.result() for racer in racers] == [1] * 16
    assert len(calls.read_text().splitlines()) == 1
    # What one process of a machine fetched is there for the others, and for no other machine.
    fetched = [sorted((machine / "cache").rglob("*.arrow")) for machine in machines]
    assert len(fetched[0]) == len(fetched[1]) == (0 if root.options is None else 1)


@pytest.mark.slow
def test_a_killed_builder_is_replaced_after_its_lease(root: Root, start: Start) -> None:
    first = start(build, root, 1, False, "pipe")
    first.wait_for("begun")
    second = start(build_once, root, 2)
    second.wait_for("waiting for")
    began = time.monotonic()
    first.signal(signal.SIGKILL)
    assert second.result() == 2
    # It had been renewed a sixth of a lease before, at most.
    assert time.monotonic() - began > root.lease_s / 2
    assert seed_of(root.storage().fetch("digits")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("replace", [False, True])
def test_a_builder_stopped_beyond_its_lease_publishes_over_nobody(
    root: Root, start: Start, replace: bool
) -> None:
    storage = root.storage()
    if replace:
        storage.submit(records(7), "digits", VERSION, shard_bytes=SHARD_BYTES)
    first = start(build, root, 1, replace, "pipe")
    first.wait_for("begun")
    first.signal(signal.SIGSTOP)
    second = start(build, root, 2, replace, "nothing")
    second.wait_for("published")
    first.pipe.send("go on")
    first.signal(signal.SIGCONT)
    first.wait_for("LeaseLost: the lease of 'digits' '1.0'")
    assert seed_of(storage.fetch("digits")) == 2
    storage.verify("digits")


@pytest.mark.slow
def test_a_builder_stopped_beyond_its_lease_goes_on_where_nobody_took_it(
    root: Root, start: Start
) -> None:
    first = start(build, root, 1, False, "pipe")
    first.wait_for("begun")
    first.signal(signal.SIGSTOP)
    beats, since = {holder(root)}, time.monotonic()
    while time.monotonic() - since < 1.2 * root.lease_s:
        if (beat := holder(root)) not in beats:
            # Sent before it was stopped, and done after.
            beats.add(beat)
            since = time.monotonic()
    assert len(beats) <= 2
    first.pipe.send("go on")
    first.signal(signal.SIGCONT)
    first.wait_for("published")
    assert seed_of(root.storage().fetch("digits")) == 1


@pytest.mark.slow
def test_a_function_that_keeps_the_interpreter_for_longer_than_the_lease_publishes_over_nobody(
    root: Root, start: Start
) -> None:
    first = start(build, root, 1, False, "gil")
    first.wait_for("begun")
    second = start(build_once, root, 2)
    second.wait_for("waiting for")
    first.pipe.send("go on")
    assert second.result() == 2
    first.wait_for("LeaseLost: the lease of 'digits' '1.0'")
    assert seed_of(root.storage().fetch("digits")) == 2


@pytest.mark.slow
def test_y_b2_a_build_longer_than_the_lease_keeps_it(root: Root, start: Start) -> None:
    second = []

    def source() -> Iterator[dict[str, Any]]:
        yield from records(1)
        second.append(start(build_once, root, 2))
        second[0].wait_for("waiting for")
        begin = holder(root)
        assert begin is not None
        # Two leases more.
        wait_until(lambda: (now := holder(root)) is not None and now.beat > begin.beat + 12)

    assert seed_of(root.storage().submit(source, "digits", VERSION)) == 1
    # The other, which has waited all the time, finds it built.
    assert second[0].result() == 1


@pytest.mark.slow
def test_y_b14_of_two_that_wait_one_dies_and_the_other_goes_on(root: Root, start: Start) -> None:
    first = start(build, root, 1, False, "pipe")
    first.wait_for("begun")
    waiting = [start(build_once, root, seed) for seed in (2, 3)]
    for one in waiting:
        one.wait_for("waiting for")
    waiting[0].signal(signal.SIGKILL)
    waiting[0].process.join()
    first.signal(signal.SIGKILL)
    assert waiting[1].result() == 3
    # Nothing of those who waited or died stays in the way of the next one.
    storage = root.storage()
    storage.submit(records(4), "digits", VERSION, replace=True)
    assert seed_of(storage.fetch("digits")) == 4


def test_y_b15_names_keep_their_signs_in_leases_and_are_quoted_in_errors(root: Root) -> None:
    storage, (dataset, version) = root.storage(), ("a+b", "1.0+cu121")
    storage.submit(records(1), dataset, version)
    assert [*root.blobs().locks("a+b/leases")] == ["a+b/leases/1.0+cu121"]

    def source() -> Iterator[dict[str, Any]]:
        yield from records(2)
        taken = holder_in(root.blobs().get("a+b/leases/1.0+cu121.json"))
        assert taken is not None
        root.blobs().put("a+b/leases/1.0+cu121.json", b"another's", replace=True)

    with pytest.raises(LeaseLost, match=r"the lease of 'a\+b' '1\.0\+cu121' in .* was lost to"):
        storage.submit(source, dataset, version, replace=True)
    assert seed_of(storage.fetch(dataset)) == 1


def test_replacing_is_refused_where_another_replaced_meanwhile(bucket: str, s3: Any) -> None:
    # As if the lease had been lost after it was checked.
    root = Root(bucket, s3.storage_options, lease_s=30)
    storage = root.storage()
    storage.submit(records(1), "digits", VERSION)
    manifest = root.blobs().get(f"digits/versions/{VERSION}.json")

    def source() -> Iterator[dict[str, Any]]:
        yield from records(2)
        root.blobs().put(f"digits/versions/{VERSION}.json", manifest + b" ", replace=True)

    with pytest.raises(LeaseLost, match="'digits' '1.0' in .* was replaced by another since this"):
        storage.submit(source, "digits", VERSION, replace=True)
    assert seed_of(storage.fetch("digits")) == 1


def test_a_submit_asks_four_times_about_leases_once_for_a_shard_and_a_hit_never(
    proxy: Proxy,
) -> None:
    storage = Root(proxy.new_bucket(), proxy.storage_options, lease_s=30).storage()
    storage.submit(range(10), "digits", "1.0")
    # Taken, a look whether nobody prunes, renewed, given back.
    assert [one.method for one in proxy.matching(path="leases")] == ["PUT", "GET", "PUT", "PUT"]
    assert [one.method for one in proxy.matching(path="shards")] == ["PUT"]

    @storage.cacheable("digits", "2.0")
    def digits() -> range:
        return range(5)

    digits()
    proxy.forget()
    assert len(digits()) == 5
    assert proxy.count() <= 2
    assert proxy.count(path="leases") == 0


@pytest.mark.slow
def test_prune_leaves_a_living_builder_alone_and_breaks_a_stopped_one(
    root: Root, start: Start
) -> None:
    storage = root.storage()
    first = start(build, root, 1, False, "pipe")
    first.wait_for("begun")
    assert storage.prune(grace_s=0).busy == ("digits",)
    shards = {found.key for found in root.blobs().list("digits/shards")}
    first.signal(signal.SIGSTOP)
    # Younger than an hour by the store's own times.
    assert storage.prune().keys == ()
    assert set(storage.prune(grace_s=0).keys) == shards != set()
    first.pipe.send("go on")
    first.signal(signal.SIGCONT)
    first.wait_for("LeaseLost")
    assert storage.datasets() == []


def test_a_failed_build_leaves_its_shards_to_prune(root: Root) -> None:
    storage = root.storage()

    def source() -> Iterator[dict[str, Any]]:
        yield from records(1)
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        storage.submit(source, "digits", VERSION, shard_bytes=SHARD_BYTES)
    assert list(root.blobs().list("digits/shards"))
    storage.prune(grace_s=0)
    # Only what tells who builds stays, and says that nobody does.
    assert {found.key.split("/")[1] for found in root.blobs().list("digits")} == {"leases"}


def test_what_a_prune_is_about_to_remove_is_written_after_it(root: Root) -> None:
    storage = root.storage()
    storage.submit(records(1), "digits", VERSION)
    storage.delete("digits", VERSION)
    with idle(root.blobs(), "digits") as is_idle:
        # It has listed the shard, and has not seen the builder that will need it.
        assert is_idle
        building = threading.Thread(target=lambda: storage.submit(records(1), "digits", VERSION))
        building.start()
        building.join(0.5)
        assert building.is_alive()
        for found in root.blobs().list("digits/shards"):
            is_idle.check()
            root.blobs().delete(found.key)
    building.join()
    storage.verify("digits")
    assert seed_of(storage.fetch("digits")) == 1


def test_workers_write_under_a_lease_and_leave_nothing(tmp_path: Path) -> None:
    root = Root(str(tmp_path / "root"))
    storage = root.storage()
    stream = hr.stream(hr.stream(range(4000)).collect()).map(lambda number: {"n": number})
    ref = storage.submit(stream, "digits", VERSION, shard_bytes=4000, backend=hr.Threads(2))
    assert [ref[n]["n"] for n in range(0, 4000, 99)] == list(range(0, 4000, 99))
    assert [found.key for found in root.blobs().list("digits/leases")] == [
        f"digits/leases/{VERSION}.json"
    ]


@pytest.mark.slow
def test_reading_needs_no_write_permission_and_no_lease() -> None:
    # Not under tmp_path, which others may not enter.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = Path(folder) / "root"
        hr.Storage(root).submit([5, 6, 7], "digits", "1.0")
        below = [root, *root.rglob("*")]
        for path in below:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = {path: path.stat().st_mtime_ns for path in below}
        command = [sys.executable, "-c", READS_ONLY, str(root), str(NOBODY)]
        said = subprocess.check_output(command, text=True, cwd=folder).splitlines()
        assert said[2:4] == ["6 7 1"] * 2
        assert "Choose a folder that this user may write to" in said[4]
        assert {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]} == before
        for path in below:
            path.chmod(stat.S_IRWXU)


def test_no_thread_is_left_of_a_build(root: Root) -> None:
    root.storage().submit(range(3), "digits", VERSION)
    assert keeper().kept == []
