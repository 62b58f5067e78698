"""A DataRef of your own: records are made in another process and come over a socket.

`RemoteRecords` has `__len__` and `read(indices)`, and that is all that shuffling, sharding and
exact resume need. Nothing is pickled: positions travel as .npy bytes, records as .npz bytes.
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import headrace as hr

# Any, in this file: arrays of several dtypes.

COUNT = 1000
POINTS = 256
LOOPBACK = "127.0.0.1"
LENGTH = struct.Struct(">Q")  # goes before each message: how many bytes follow


class RemoteRecords:
    """Records behind a socket. Threads may read at once, so one asks at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._count = int.from_bytes(receive(connection), "big")

    def __len__(self) -> int:
        return self._count

    def read(self, indices: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
        """The records at `indices`, in that order: one question, one answer."""
        question = io.BytesIO()
        np.save(question, indices, allow_pickle=False)
        with self._lock:
            send(self._connection, question.getvalue())
            answer = receive(self._connection)
        with np.load(io.BytesIO(answer), allow_pickle=False) as columns:
            arrays = dict(columns)
        return [{name: array[i] for name, array in arrays.items()} for i in range(len(indices))]


def serve() -> None:
    """The other process: makes records until whoever connected goes away."""
    with socket.create_server((LOOPBACK, 0)) as server:  # port 0: any that is free
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    with connection, contextlib.suppress(ConnectionError):
        send(connection, COUNT.to_bytes(8, "big"))
        while True:
            indices = np.load(io.BytesIO(receive(connection)), allow_pickle=False)
            answer = io.BytesIO()
            np.savez(answer, **waves(indices))
            send(connection, answer.getvalue())


def waves(indices: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The records at `indices`, as columns: a wave of its own frequency for each."""
    time = np.linspace(0, 2 * np.pi, POINTS, dtype=np.float32)
    return {"id": indices, "wave": np.sin(indices[:, None] * time)}


def send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket) -> bytes:
    (length,) = LENGTH.unpack(receive_exactly(connection, LENGTH.size))
    return receive_exactly(connection, length)


def receive_exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise ConnectionError("the other side has closed the connection")
        parts += part
    return bytes(parts)


@contextlib.contextmanager
def remote_records() -> Iterator[RemoteRecords]:
    """Starts the process that makes records, and ends it."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with socket.create_connection((LOOPBACK, port)) as connection:
                yield RemoteRecords(connection)
            code = process.wait(timeout=10)  # it ends by itself when the connection is closed
            print(f"server    process {process.pid} ended with {code}")
        finally:
            process.kill()


def batches(records: RemoteRecords) -> hr.Stream[Any]:
    """What each rank reads: this is rank 0 of 2."""
    return hr.DataRef(records).shuffle(seed=7).shard(0, 2).stream().batch(64)


def main() -> None:
    with remote_records() as records:
        ref = hr.DataRef(records)
        print(f"records   {len(ref)}, record 7 is a wave of {ref[7]['wave'].shape}")
        ranks = [ref.shuffle(seed=7).shard(rank, 2).stream().collect() for rank in range(2)]
        ids = sorted(int(record["id"]) for part in ranks for record in part)
        print(
            f"shards    {len(ranks[0])} + {len(ranks[1])}, each once: {ids == list(range(COUNT))}"
        )
        whole = batches(records).collect()
        with hr.DataLoader(batches(records)) as loader:
            iterator = iter(loader)
            first = [next(iterator) for _ in range(3)]
            state = loader.state_dict()
        print(f"stopped   after {len(first)} batches of {len(whole)}")

    # Another server process, another connection, threads: the same batches go on.
    with (
        remote_records() as records,
        hr.DataLoader(batches(records), backend=hr.Threads(2)) as loader,
    ):
        loader.load_state_dict(state)
        rest = list(loader)
    pairs = zip(first + rest, whole, strict=True)
    same = all(np.array_equal(a[name], b[name]) for a, b in pairs for name in ("id", "wave"))
    print(f"resumed   {len(rest)} more batches, all {len(whole)} as without the stop: {same}")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
