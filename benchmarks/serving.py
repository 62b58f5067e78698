"""A server of files by ranges, with a latency: what a store costs without what it computes.

It reads as `http://` and, with the folders under it as buckets, as `s3://`; it lists nothing.
`python -m benchmarks.serving FOLDER LATENCY_S` prints its port and serves until its input ends.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = (sys.executable, "-m", "benchmarks.serving")
COUNTS = "/~counts"
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# What clients sign with; nothing is checked.
KEY, SECRET, REGION = "a", "b", "us-east-1"
# Connections that come at once; one that was not accepted is tried again after a second.
MOST_WAITING = 256


@dataclass(frozen=True)
class FileServer:
    """A running server of a folder."""

    url: str

    @property
    def storage_options(self) -> dict[str, Any]:  # Any: options are those that obstore knows
        """What makes `s3://folder/file` read from here."""
        keys = {"access_key_id": KEY, "secret_access_key": SECRET, "region": REGION}
        return {**keys, "endpoint": self.url, "client_options": {"allow_http": True}}

    @property
    def environment(self) -> dict[str, str]:
        """The same for those who look into the environment."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ENDPOINT_URL": self.url,
            "S3_ENDPOINT_URL": self.url,
        }

    def counts(self) -> dict[str, int]:
        """The requests and the bytes sent since this was asked last."""
        with urlopen(self.url + COUNTS, timeout=30) as answer:
            found: dict[str, int] = json.load(answer)
        return found


@contextmanager
def file_server(folder: Path, *, latency_s: float = 0.0) -> Iterator[FileServer]:
    """A server of the files in a folder, a process of its own that ends with the block."""
    process = subprocess.Popen(
        [*PROGRAM, str(folder.absolute()), str(latency_s)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield FileServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


class Counts:
    """What was sent, by all threads together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._sent_bytes = 0

    def add(self, sent_bytes: int) -> None:
        """Counts a request."""
        with self._lock:
            self._requests += 1
            self._sent_bytes += sent_bytes

    def taken(self) -> dict[str, int]:
        """All since this was called last."""
        with self._lock:
            found = {"requests": self._requests, "sent_bytes": self._sent_bytes}
            self._requests = self._sent_bytes = 0
        return found


class Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = MOST_WAITING


class Handler(BaseHTTPRequestHandler):
    """Sends files out of the page cache, past Python."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, folder: Path, latency_s: float, counts: Counts, *given: Any) -> None:
        self.folder, self.latency_s, self.counts = folder, latency_s, counts
        super().__init__(*given)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Sends a file, or a range of one."""
        if self.path == COUNTS:
            self._say(200, json.dumps(self.counts.taken()).encode())
            return
        time.sleep(self.latency_s)
        path = self.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            self.counts.add(0)
            self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        with path.open("rb") as file:
            self._send(file.fileno(), self.command == "GET")

    do_HEAD = do_GET  # noqa: N815 - the server's names

    def _send(self, file: int, with_body: bool) -> None:
        stat = os.fstat(file)
        asked = RANGE.fullmatch(self.headers.get("Range", ""))
        start, stop = wanted(asked, stat.st_size)
        if start >= stop and asked:
            self.counts.add(0)
            self._say(416, b"<Error><Code>InvalidRange</Code></Error>")
            return
        self.counts.add(stop - start if with_body else 0)
        self.send_response_only(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{stat.st_size}")
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
        self.send_header("Last-Modified", self.date_time_string(int(stat.st_mtime)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        while with_body and start < stop:
            start += os.sendfile(self.connection.fileno(), file, start, stop - start)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def wanted(asked: re.Match[str] | None, size: int) -> tuple[int, int]:
    """From where to where a range goes in a file of this size; all of it where none is asked."""
    if asked is None:
        return 0, size
    first, last = asked[1], asked[2]
    if not first:
        return max(0, size - int(last or 0)), size
    return int(first), min(size, int(last) + 1) if last else size


def main(folder: str, latency_s: str) -> None:
    """Serves until the input ends."""
    server = Server(("127.0.0.1", 0), partial(Handler, Path(folder), float(latency_s), Counts()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
