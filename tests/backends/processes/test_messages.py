"""Frames arrive whole, in order and with their descriptors, however full the socket is."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from headrace.backends.processes.kept import Kept
from headrace.backends.processes.messages import Channel, Frame, Kind, Line


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Line]]:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = Channel(ours, takes_descriptors=True)
        yield channel, Line(theirs)
        channel.close()


def test_frames_of_every_size_arrive_in_order(ends: tuple[Channel, Line]) -> None:
    channel, line = ends
    bodies = [bytes([number]) * size for number, size in enumerate((0, 1, 20_000, 3_000_000, 5))]
    for number, body in enumerate(bodies):
        channel.send(Kind.TASK, number, body)
    found: list[Frame | None] = []
    reader = threading.Thread(target=lambda: found.extend(line.receive() for _ in bodies))
    reader.start()
    rounds = 0
    while channel.has_waiting:
        channel.flush()
        rounds += 1
    reader.join()
    assert rounds, "a socket holds less than that"
    assert found == [(Kind.TASK, number, body) for number, body in enumerate(bodies)]


def test_the_pool_takes_frames_as_they_come(ends: tuple[Channel, Line]) -> None:
    channel, line = ends
    sent = [Frame(Kind.RESULT, number, bytes(number * 50_000)) for number in range(5)]
    found: list[Frame] = []

    def write() -> None:
        for kind, number, body in sent:
            line.send(Kind(kind), number, body)

    writer = threading.Thread(target=write)
    writer.start()
    while len(found) < len(sent):
        found += channel.receive()
    writer.join()
    line.end.close()
    assert found == sent
    assert channel.receive() == []
    assert channel.has_ended


def test_descriptors_come_with_their_frames_and_are_not_inherited(
    ends: tuple[Channel, Line],
) -> None:
    channel, line = ends
    read, write = os.pipe()
    channel.send(Kind.TASK, 1, b"before")
    channel.send(Kind.SLOT, 2, descriptors=[write])
    channel.send(Kind.TASK, 3, b"after")
    assert [line.receive(), line.descriptors] == [(Kind.TASK, 1, b"before"), []]
    assert line.receive() == (Kind.SLOT, 2, b"")
    [arrived] = line.descriptors
    assert [line.receive(), line.descriptors] == [(Kind.TASK, 3, b"after"), []]
    assert not os.get_inheritable(arrived)
    os.write(arrived, b"through")
    assert os.read(read, 7) == b"through"
    line.send(Kind.FORKED, 4, descriptors=[read])
    assert channel.receive() == [(Kind.FORKED, 4, b"")]
    assert len(channel.descriptors) == 1
    for descriptor in (read, write, arrived):
        os.close(descriptor)


def test_a_pool_that_has_ended_is_the_end_of_a_line(ends: tuple[Channel, Line]) -> None:
    channel, line = ends
    channel.end.send(b"half")
    channel.close()
    assert line.receive() is None


def test_what_was_used_longest_ago_is_forgotten() -> None:
    forgotten: list[int] = []
    kept = Kept(forgotten.append, most=2)
    one, two, three = object(), object(), object()
    assert [kept.number_of(thing) for thing in (one, two, one, three)] == [1, 2, 1, 3]
    assert forgotten == [2]
    assert kept.number_of(two) == 4
    assert forgotten == [2, 1]
