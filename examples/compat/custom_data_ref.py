"""A DataRef of one's own in YogaDL's names: records are made in another process.

`yogadl.shard_keys` and `yogadl.GeneratorFromKeys` give it shards, shuffles and offsets, and by
`stream.native` it is resumed exactly. Nothing is pickled: questions are numbers, answers JSON.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

import headrace as hr
import headrace.compat.yogadl as yogadl

# Any, in this file: records are what JSON holds.

COUNT = 100
LOOPBACK = "127.0.0.1"


class RemoteDataRef(yogadl.DataRef):
    """Squares that another process knows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count = int(connection.recv_bytes())

    def __len__(self) -> int:
        return self._count

    def stream(
        self,
        start_offset: int = 0,
        shuffle: bool = False,  # noqa: FBT001, FBT002
        skip_shuffle_at_epoch_end: bool = False,  # noqa: FBT001, FBT002
        shuffle_seed: int | None = None,
        shard_rank: int = 0,
        num_shards: int = 1,
        drop_shard_remainder: bool = False,  # noqa: FBT001, FBT002
    ) -> yogadl.Stream:
        keys = yogadl.shard_keys(
            range(len(self)), shard_rank, num_shards, drop_shard_remainder=drop_shard_remainder
        )
        generator = yogadl.GeneratorFromKeys(
            keys=keys,
            initial_offset=start_offset,
            read_val_from_key_fn=self._record,
            shuffle_at_start=shuffle,
            shuffle_after_epoch=shuffle and not skip_shuffle_at_epoch_end,
            shuffle_seed=shuffle_seed,
        )
        return yogadl.Stream(generator.instantiate_generator, len(keys))

    def _record(self, key: int) -> Any:
        self._connection.send_bytes(b"%d" % key)
        return json.loads(self._connection.recv_bytes())


def serve() -> None:
    """The other process: answers until whoever connected goes away."""
    with Listener((LOOPBACK, 0)) as listener:
        print(listener.address[1], flush=True)
        with listener.accept() as connection, contextlib.suppress(EOFError):
            connection.send_bytes(b"%d" % COUNT)
            while True:
                key = int(connection.recv_bytes())
                connection.send_bytes(json.dumps({"id": key, "square": key * key}).encode())


@contextlib.contextmanager
def remote_data_ref() -> Iterator[RemoteDataRef]:
    """Starts the process that makes records, and ends it."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with Client((LOOPBACK, int(process.stdout.readline()))) as connection:
                yield RemoteDataRef(connection)
        finally:
            process.kill()


def main() -> None:
    with remote_data_ref() as dataref:
        print(f"records   {len(dataref)}, the first {next(iter(dataref.stream()))}")
        ranks = [list(dataref.stream(shard_rank=rank, num_shards=2)) for rank in range(2)]
        ids = sorted(record["id"] for records in ranks for record in records)
        print(f"shards    each record once: {ids == list(range(COUNT))}")

        stream = dataref.stream(start_offset=40, shuffle=True, shuffle_seed=7)
        print(f"offset    {len(list(stream))} records, then {len(list(stream))}")

        # What the original could not: stop in mid-epoch, and go on with the next record.
        native = dataref.stream(shuffle=True, shuffle_seed=7).native.batch(8)
        whole = [batch["id"].tolist() for batch in native]
        with hr.DataLoader(native) as loader:
            iterator = iter(loader)
            begun = [next(iterator)["id"].tolist() for _ in range(5)]
            state = loader.state_dict()
        with hr.DataLoader(native) as loader:
            loader.load_state_dict(state)
            rest = [batch["id"].tolist() for batch in loader]
        print(f"resumed   {len(rest)} batches, as without a stop: {begun + rest == whole}")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else main()
