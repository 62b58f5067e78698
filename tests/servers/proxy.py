"""A proxy in front of a store that fails on purpose: the network as it is on a bad day."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from email.message import Message
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.servers.faults import Asked, Exchange, Fault, Rule, Script
from tests.servers.relay import LOOK_S, Relay
from tests.servers.serving import Store

# All threads of a closed proxy have ended by then, or it is a bug.
CLOSE_S = 5


class Proxy:
    """Passes requests on to a store, unless its scripts say otherwise.

    The first script that names a fault decides. What was asked for, and answered so far, is in
    `log`; `store` is reached through the proxy, but for new buckets.
    """

    def __init__(self, behind: Store) -> None:
        self.upstream = urlsplit(behind.endpoint).netloc
        self.log: list[Exchange] = []
        self._number = 0
        self._scripts: list[Script] = []
        self._lock = threading.Lock()
        self._healed = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Relay, self))
        self._server.daemon_threads = True
        self.store = behind.reached_at(f"http://127.0.0.1:{self._server.server_port}")
        serve = partial(self._server.serve_forever, poll_interval=LOOK_S)
        self._thread = threading.Thread(target=serve, name="proxy", daemon=True)
        self._thread.start()

    @property
    def storage_options(self) -> dict[str, Any]:  # Any: options are those that obstore knows
        return self.store.storage_options

    def new_bucket(self) -> str:
        """The address of a new bucket."""
        return self.store.new_bucket()

    def script(self, script: Script) -> None:
        """Asks the script at each request, one at a time."""
        self._scripts.append(script)

    def fail(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str = "",
        skip: int = 0,
        times: int | None = None,
    ) -> None:
        """Adds a rule."""
        self.script(Rule(fault, method, path, skip, times))

    def heal(self) -> None:
        """Forgets all scripts, and drops what hangs."""
        with self._lock:
            self._scripts.clear()
            self._healed.set()
            self._healed = threading.Event()

    def count(self, method: str | None = None, path: str = "") -> int:
        """How many requests came."""
        return len(self.matching(method, path))

    def sent_bytes(self, method: str | None = None, path: str = "") -> int:
        """How many bytes of bodies went to clients."""
        return sum(one.sent_bytes for one in self.matching(method, path))

    def received_bytes(self, method: str | None = None, path: str = "") -> int:
        """How many bytes of bodies came from clients."""
        return sum(one.received_bytes for one in self.matching(method, path))

    def matching(self, method: str | None = None, path: str = "") -> list[Exchange]:
        """The requests of a method whose path, with its query, the pattern is found in."""
        named = [one for one in list(self.log) if method in (None, one.method)]
        return [one for one in named if re.search(path, one.path)]

    def forget(self) -> None:
        """Empties the log."""
        self.log.clear()

    def close(self) -> None:
        """Ends each connection and thread."""
        self._server.shutdown()
        self._server.server_close()
        self.heal()
        with self._lock:
            threads = [self._thread, *self._open]
            for connection in self._open.values():
                with suppress(OSError):  # it has ended already
                    connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + CLOSE_S
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a thread of the proxy goes on after its end"

    # -- what its connections call -------------------------------------------------------------

    def entered(self, connection: socket.socket) -> None:
        with self._lock:
            self._open[threading.current_thread()] = connection

    def left(self) -> None:
        with self._lock:
            self._open.pop(threading.current_thread(), None)

    def begun(self, exchange: Exchange, headers: Message) -> tuple[Fault | None, threading.Event]:
        with self._lock:
            self.log.append(exchange)
            asked = Asked(
                self._number, exchange.method, exchange.path, headers, exchange.received_bytes
            )
            self._number += 1
            faults = (script(asked) for script in self._scripts)
            return next((fault for fault in faults if fault), None), self._healed
