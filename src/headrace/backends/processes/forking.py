"""The pool's side of a fork server."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress

from headrace.backends.processes.deaths import cause_of
from headrace.backends.processes.launch import Ended, interpreter
from headrace.backends.processes.messages import PROCESS, Channel, Frame, Kind
from headrace.backends.processes.setup import Recipe

# Ending takes it a millisecond; only a stopped one takes longer.
END_SECONDS = 1.0

logger = logging.getLogger("headrace")


class ForkServer:
    """Starts workers by one interpreter that forks; another one takes over when it dies.

    Workers outlive their server. How they end is then not known any more.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        ended: Ended,
        *,
        broken: Callable[[bytes], None],
        recipe: Recipe,
    ) -> None:
        self._selector = selector
        self._ended = ended
        self._broken = broken
        self._recipe = recipe
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._is_ready = False
        self._is_wanted = True
        # By the numbers of their starts: sockets on the way, and processes that are there.
        self._ends: dict[int, socket.socket] = {}
        self._descriptors: dict[int, int] = {}

    def begin(self, number: int, end: socket.socket) -> None:
        if self._channel is None:
            self._start()
        assert self._channel is not None
        # Open until it has arrived, whenever it goes.
        self._ends[number] = end
        self._channel.send(Kind.FORK, number, descriptors=[end.fileno()])

    def lost(self, number: int) -> None:
        self.kill(number, signal.SIGKILL)

    def kill(self, number: int, sign: signal.Signals) -> None:
        if number in self._descriptors:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptors[number], sign)
        elif number in self._ends and self._process is not None and not self._is_ready:
            self._is_wanted = False
            self._process.kill()

    def close(self) -> None:
        for number, descriptor in self._descriptors.items():
            self.kill(number, signal.SIGKILL)
            os.close(descriptor)
        self._descriptors.clear()
        if self._process is None or self._channel is None:
            return
        self._channel.send(Kind.END)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._gone()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours, takes_descriptors=True)
        self._is_ready = False
        self._process = interpreter("server", theirs, self._recipe)
        self._selector.register(ours, selectors.EVENT_READ, lambda _: self._heard())

    def _heard(self) -> None:
        assert self._channel is not None
        for frame in self._channel.receive():
            self._take(self._channel, frame)
        if self._channel.has_ended:
            assert self._process is not None
            code = self._gone()
            if self._is_wanted:
                logger.warning(
                    "the fork server ended by %s; another one takes over", cause_of(code)
                )

    def _take(self, channel: Channel, frame: Frame) -> None:
        kind, number, body = frame
        if kind == Kind.READY:
            self._is_ready = True
        elif kind == Kind.BROKEN:
            self._broken(body)
        elif kind == Kind.FORKED:
            self._ends.pop(number).close()
            self._descriptors[number] = channel.descriptors.popleft()
        elif kind == Kind.ENDED:
            os.close(self._descriptors.pop(number))
            self._ended(number, *PROCESS.unpack(body))

    def _gone(self) -> int:
        """Takes note that the server is no more; says how it ended."""
        assert self._process is not None
        assert self._channel is not None
        process, channel = self._process, self._channel
        self._process = self._channel = None
        self._selector.unregister(channel.end)
        channel.close()
        code = process.wait()
        for number in list(self._ends):
            self._ends.pop(number).close()
            self._ended(number, code)
        for number, descriptor in self._descriptors.items():
            self._watch(number, descriptor)
        return code

    def _watch(self, number: int, descriptor: int) -> None:
        """Waits for the end of a worker whose server cannot tell."""

        def ended(_: int) -> None:
            self._selector.unregister(descriptor)
            os.close(self._descriptors.pop(number))
            self._ended(number, None)

        self._selector.register(descriptor, selectors.EVENT_READ, ended)
