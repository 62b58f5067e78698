"""Frames between a pool, its workers and their fork server, over stream sockets."""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

# Kind, number and size of the body.
HEADER = struct.Struct("<BQQ")
# Job and slot of a task; its arguments follow.
TASK = struct.Struct("<QQ")
# A process that was forked, and an exit code.
PROCESS = struct.Struct("<q")
# More than most results take that lie in shared memory.
CHUNK_BYTES = 1 << 16
# Larger bodies are sent by themselves: joining costs a copy.
JOINED_BYTES = 1 << 14
# So many descriptors arrive at once at most.
MOST_DESCRIPTORS = 64


class Kind(IntEnum):
    """What a frame says, and what its number counts."""

    # To a worker: all it needs to begin; a fixed part, a job, what of these is not used any more
    # (each by the pool's numbers); a slot of the arena; a task; the end.
    SETUP = 1
    FIXED = 2
    JOB = 3
    FORGET = 4
    SLOT = 5
    TASK = 6
    END = 7
    # From a worker: it has begun, or could not; the result of a task, or what it raised.
    READY = 8
    BROKEN = 9
    RESULT = 10
    FAILED = 11
    # To a fork server, and from it; a number is that of a start.
    FORK = 12
    FORKED = 13
    ENDED = 14


class Frame(NamedTuple):
    """One message."""

    kind: int
    number: int
    body: bytes


class Channel:
    """The pool's end of a socket, for one thread: it never blocks.

    What does not go at once waits here, and goes by `flush` when the socket has room. Descriptors
    that are sent stay the sender's; those that arrive are the receiver's, oldest first.
    """

    def __init__(self, end: socket.socket, *, takes_descriptors: bool = False) -> None:
        end.setblocking(False)
        self.end = end
        self.has_ended = False
        self.descriptors: deque[int] = deque()
        self._takes_descriptors = takes_descriptors
        self._waiting: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._arrived = bytearray()

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for room."""
        return bool(self._waiting)

    def send(
        self, kind: Kind, number: int = 0, body: bytes = b"", descriptors: Sequence[int] = ()
    ) -> None:
        """Sends a frame, now or when there is room."""
        for part in parts(kind, number, body):
            self._waiting.append((memoryview(part), descriptors))
            descriptors = ()
        self.flush()

    def flush(self) -> None:
        """Sends of what waits as much as there is room for."""
        while self._waiting:
            part, descriptors = self._waiting[0]
            try:
                sent = send(self.end, part, descriptors)
            except BlockingIOError:
                return
            except OSError:
                # The other side has ended, which its end tells better.
                self._waiting.clear()
                return
            if sent == len(part):
                self._waiting.popleft()
            else:
                self._waiting[0] = part[sent:], ()

    def receive(self) -> list[Frame]:
        """The frames that have arrived whole; `has_ended` says that no more will come."""
        while not self.has_ended:
            try:
                chunk = self._chunk()
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            self.has_ended = not chunk
            self._arrived += chunk
            if len(chunk) < CHUNK_BYTES:
                break
        return self._frames()

    def close(self) -> None:
        """Closes the socket, and what arrived by it."""
        self.end.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors.clear()

    def _chunk(self) -> bytes:
        if not self._takes_descriptors:
            return self.end.recv(CHUNK_BYTES)
        chunk, descriptors, _, _ = socket.recv_fds(self.end, CHUNK_BYTES, MOST_DESCRIPTORS)
        self.descriptors.extend(kept(descriptors))
        return chunk

    def _frames(self) -> list[Frame]:
        found: list[Frame] = []
        start, arrived = 0, self._arrived
        while len(arrived) - start >= HEADER.size:
            kind, number, size = HEADER.unpack_from(arrived, start)
            stop = start + HEADER.size + size
            if stop > len(arrived):
                break
            with memoryview(arrived) as view:
                found.append(Frame(kind, number, bytes(view[start + HEADER.size : stop])))
            start = stop
        del arrived[:start]
        return found


class Line:
    """The other end, in a worker or a fork server: it waits."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(True)
        self.end = end
        # Arrived with the newest frame; the receiver's.
        self.descriptors: list[int] = []

    def send(
        self, kind: Kind, number: int = 0, body: bytes = b"", descriptors: Sequence[int] = ()
    ) -> None:
        """Sends a frame. Raises OSError where the pool has ended."""
        for part in parts(kind, number, body):
            left = memoryview(part)
            while left:
                left = left[send(self.end, left, descriptors) :]
                descriptors = ()

    def receive(self) -> Frame | None:
        """The next frame; None where the pool has ended."""
        self.descriptors = []
        try:
            kind, number, size = HEADER.unpack(self._header())
            return Frame(kind, number, self._body(size))
        except (EOFError, ConnectionError):
            return None

    def _header(self) -> bytes:
        # Descriptors come with the first byte of a frame.
        found = b""
        while len(found) < HEADER.size:
            left = HEADER.size - len(found)
            if hasattr(socket, "recv_fds"):
                chunk, descriptors, _, _ = socket.recv_fds(self.end, left, MOST_DESCRIPTORS)
                self.descriptors += kept(descriptors)
            else:
                chunk = self.end.recv(left)
            if not chunk:
                raise EOFError
            found += chunk
        return found

    def _body(self, size: int) -> bytes:
        body = bytearray(size)
        left = memoryview(body)
        while left:
            count = self.end.recv_into(left)
            if not count:
                raise EOFError
            left = left[count:]
        return bytes(body)


def parts(kind: Kind, number: int, body: bytes) -> tuple[bytes, ...]:
    """The bytes of a frame, a large body by itself."""
    header = HEADER.pack(kind, number, len(body))
    return (header + body,) if len(body) <= JOINED_BYTES else (header, body)


def send(end: socket.socket, part: memoryview, descriptors: Sequence[int]) -> int:
    """Sends what there is room for, with the descriptors; says how much."""
    return socket.send_fds(end, [part], list(descriptors)) if descriptors else end.send(part)


def kept(descriptors: list[int]) -> list[int]:
    """Descriptors that have arrived, so that no program started from here inherits them."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return descriptors
