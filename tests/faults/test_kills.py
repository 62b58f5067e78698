"""Y-B3: whatever is killed, whenever: the old state or the new one."""

from __future__ import annotations

import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from tests.faults.builders import build_or_raise, call_cacheable, hang_in_the_middle, seed_of
from tests.faults.killing import context, kill_builders

from headrace.storage import Storage


def calls_in(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.slow
def test_y_b3_fifty_killed_builders_leave_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    kill_builders(tmp_path / "root", kills=50, seed=3)


@pytest.mark.slow
def test_y_b18_eight_racing_processes_call_the_function_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    barrier = context().Barrier(8)
    racers: list[BaseProcess] = []
    answers = []
    for _ in range(8):
        reader, writer = context().Pipe(duplex=False)
        arguments = (str(tmp_path / "root"), calls, barrier, writer)
        racers.append(context().Process(target=call_cacheable, args=arguments, daemon=True))
        racers[-1].start()
        writer.close()
        answers.append(reader)
    assert [reader.recv() for reader in answers] == [1] * 8
    for racer in racers:
        racer.join()
    assert calls_in(calls) == 1


@pytest.mark.slow
def test_y_b3_another_takes_over_from_a_killed_builder_within_seconds(tmp_path: Path) -> None:
    root, calls = tmp_path / "root", tmp_path / "calls"
    reports, report = context().Pipe(duplex=False)
    builder = context().Process(
        target=hang_in_the_middle, args=(str(root), calls, report), daemon=True
    )
    builder.start()
    while reports.recv() != "write":
        pass
    # The second one waits for the lease while the first one writes.
    reader, writer = context().Pipe(duplex=False)
    alone = context().Barrier(1)
    second = context().Process(
        target=call_cacheable, args=(str(root), calls, alone, writer), daemon=True
    )
    second.start()
    writer.close()
    assert not reader.poll(0.5)
    builder.kill()
    killed_at = time.monotonic()
    assert reader.recv() == 1
    assert time.monotonic() - killed_at < 5
    second.join()
    builder.join()
    assert calls_in(calls) == 2
    # What the first one had written went when the second one began.
    listed = Storage(root).verify("digits").shard_count
    assert len(list(root.rglob("*.arrow"))) == listed
    assert [path for path in root.rglob("*~*") if path.suffix != ".lock"] == []


@pytest.mark.slow
def test_another_takes_over_from_a_builder_that_raises(tmp_path: Path) -> None:
    root, calls = tmp_path / "root", tmp_path / "calls"
    ours, theirs = context().Pipe()
    builder = context().Process(target=build_or_raise, args=(str(root), calls, theirs), daemon=True)
    builder.start()
    assert ours.recv() == "begun"
    reader, writer = context().Pipe(duplex=False)
    alone = context().Barrier(1)
    second = context().Process(
        target=call_cacheable, args=(str(root), calls, alone, writer), daemon=True
    )
    second.start()
    writer.close()
    ours.send("raise now")
    assert ours.recv() == "no network"
    assert reader.recv() == 1
    builder.join()
    second.join()
    assert calls_in(calls) == 2
    assert seed_of(Storage(root).fetch("digits")) == 1
