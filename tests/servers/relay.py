"""A connection between a client and a proxy: each request is passed on, or fails as it shall."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterable
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from tests.servers.faults import Answer, Cut, Drop, Exchange, Fault, Hang, Slow, Wait

# What belongs to one connection is not passed on to the next.
OF_A_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
UPSTREAM_S = 30
# How often a hanging answer looks whether the client is still there.
LOOK_S = 0.05
SLOW_PIECES_PER_S = 20
# On close, tells the peer at once that the connection is gone.
RESET = struct.pack("ii", 1, 0)


class Behind(Protocol):
    """The proxy of a connection."""

    upstream: str

    def entered(self, connection: socket.socket) -> None:
        """Hears that this thread serves a connection."""
        ...

    def left(self) -> None:
        """Hears that it does so no longer."""
        ...

    def begun(self, exchange: Exchange, headers: Message) -> tuple[Fault | None, threading.Event]:
        """Hears of a request; says how it fails, and what is set when it need not any more."""
        ...


class Relay(BaseHTTPRequestHandler):
    """A connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, proxy: Behind, *given: Any) -> None:  # Any: what a server passes on
        self.proxy = proxy
        self.exchange = Exchange("", "", "", 0)
        self.healed = threading.Event()
        super().__init__(*given)

    def setup(self) -> None:
        super().setup()
        self.proxy.entered(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.proxy.left()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client ended it, or the proxy did

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing: `Proxy.log` has it."""

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked_range = self.headers.get("Range", "")
        self.exchange = Exchange(self.command, self.path, asked_range, len(body))
        fault, self.healed = self.proxy.begun(self.exchange, self.headers)
        self._act(fault, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay  # noqa: N815 - the server's names

    def _act(self, fault: Fault | None, body: bytes) -> None:
        match fault:
            case Answer():
                self._answer(fault.status, fault.headers, fault.body)
            case Drop() | Hang():
                if fault.after:
                    self._ask(body)
                if isinstance(fault, Hang):
                    self._hang()
                self._drop()
            case Wait():
                self.healed.wait(fault.delay_s)
                self._answer(*self._ask(body))
            case _:
                self._answer(*self._ask(body), fault)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        kept = ((name, text) for name, text in self.headers.items() if _passes(name))
        headers = {**dict(kept), "Content-Length": str(len(body))}
        connection = HTTPConnection(self.proxy.upstream, timeout=UPSTREAM_S)
        try:
            connection.request(self.command, self.path, body, headers)
            return _read(connection.getresponse(), self.command)
        finally:
            connection.close()

    def _answer(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        fault: Cut | Slow | None = None,
    ) -> None:
        self.exchange.status = status
        self.send_response_only(status)
        # Those of an answer to HEAD have the length of what is not sent.
        for name, text in {"Content-Length": str(len(body)), **dict(headers)}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(fault, Slow):
            self._trickle(body, fault.bytes_per_s)
            return
        self._send(body if fault is None else body[: fault.at])
        if fault is not None:
            self._drop()

    def _trickle(self, body: bytes, bytes_per_s: float) -> None:
        size = max(1, int(bytes_per_s / SLOW_PIECES_PER_S))
        for start in range(0, len(body), size):
            self._send(body[start : start + size])
            if self.healed.wait(1 / SLOW_PIECES_PER_S):
                self._drop()
                return

    def _send(self, piece: bytes) -> None:
        # First, so that whoever has the bytes finds them counted.
        self.exchange.sent_bytes += len(piece)
        self.wfile.write(piece)

    def _hang(self) -> None:
        while not self.healed.wait(LOOK_S):
            ready, _, _ = select.select([self.connection], [], [], 0)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _read(answer: HTTPResponse, method: str) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [(name, text) for name, text in answer.getheaders() if _passes(name)]
    if method == "HEAD":
        headers.append(("Content-Length", answer.getheader("Content-Length", "0")))
    return answer.status, headers, answer.read()


def _passes(name: str) -> bool:
    return name.lower() not in OF_A_CONNECTION
