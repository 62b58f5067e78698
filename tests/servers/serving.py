"""Servers that the tests start: a process each, ready when it has said its port, or never."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

# Any, in this file: the options of a store are those that obstore knows.

ROOT = Path(__file__).resolve().parents[2]
# A page of a listing is as long, so that a test of several needs no thousand keys.
PAGES = {"MOTO_S3_DEFAULT_MAX_KEYS": "100"}
# Ten times what the slowest needs on two busy cores.
START_S = 60


@dataclass(frozen=True)
class Store:
    """An object store that runs: what `Storage(url, storage_options=...)` needs to reach it."""

    scheme: str
    endpoint: str
    # The name of the option that says where the server is, and what stands behind its address.
    endpoint_option: str
    options: Mapping[str, Any]
    make_bucket: Callable[[str], None]

    @property
    def storage_options(self) -> dict[str, Any]:
        return {
            **self.options,
            self.endpoint_option: self.endpoint,
            "client_options": {"allow_http": True},
        }

    def new_bucket(self) -> str:
        """The address of a bucket that nobody else has."""
        name = f"bucket-{uuid.uuid4().hex[:16]}"
        self.make_bucket(name)
        return f"{self.scheme}://{name}"

    def reached_at(self, url: str) -> Store:
        """The same store behind another address, such as that of a proxy.

        Buckets are made past it.
        """
        origin = "/".join(self.endpoint.split("/")[:3])
        return replace(self, endpoint=self.endpoint.replace(origin, url))


@dataclass(frozen=True)
class Place:
    """Where to store, as `Storage(place.url, storage_options=place.options)` takes it."""

    url: str
    options: dict[str, Any] | None


@contextmanager
def server_process(
    *command: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The port of a server that prints it when it listens.

    It ends with the block; where this process is killed, with its input.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield _port_in(process.stdout, " ".join(command))
    finally:
        # Nothing in it is worth an orderly end, for which some wait until clients have gone.
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def _port_in(output: IO[bytes], name: str) -> int:
    deadline = time.monotonic() + START_S
    said = b""
    while time.monotonic() < deadline:
        ready, _, _ = select.select([output], [], [], START_S)
        piece = os.read(output.fileno(), 4096) if ready else b""
        said += piece
        # The end of its last line, whole; azurite first says that it was told 0.
        if found := re.search(rb"\b([1-9]\d+)\n\Z", said):
            return int(found[1])
        if not piece:
            break
    raise RuntimeError(f"{name} did not say its port within {START_S} s, only {said!r}")
