"""The server of files with which the benchmarks measure, begun as the tests' servers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import PROGRAM, FileServer
from tests.servers.serving import server_process


@contextmanager
def file_server(folder: Path, *, latency_s: float = 0.0) -> Iterator[FileServer]:
    """A server of the files in a folder that ends with the block."""
    with server_process(*PROGRAM, str(folder.absolute()), str(latency_s)) as port:
        yield FileServer(f"http://127.0.0.1:{port}")
