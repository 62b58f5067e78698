"""What a proxy is asked, and how it fails: values, and rules that say when."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import TypeAlias


@dataclass(frozen=True)
class Asked:
    """A request; `number` counts those of the proxy from 0, and the path has its query."""

    number: int
    method: str
    path: str
    headers: Message
    size_bytes: int


@dataclass
class Exchange:
    """A request and what became of it: the status is 0 until the client is given one."""

    method: str
    path: str
    range: str
    received_bytes: int
    sent_bytes: int = 0
    status: int = 0


@dataclass(frozen=True)
class Answer:
    """Answers itself."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Drop:
    """Ends the connection without an answer; `after=True`: what was asked for is done."""

    after: bool = False


@dataclass(frozen=True)
class Hang:
    """Never answers, until healed, closed or left; `after=True`: what was asked for is done."""

    after: bool = False


@dataclass(frozen=True)
class Cut:
    """Ends the connection after so many bytes of the body, of which the head promises all."""

    at: int


@dataclass(frozen=True)
class Slow:
    """Sends the body at this rate."""

    bytes_per_s: float


@dataclass(frozen=True)
class Wait:
    """Answers right, and late."""

    delay_s: float


Fault: TypeAlias = Answer | Drop | Hang | Cut | Slow | Wait
Script: TypeAlias = Callable[[Asked], Fault | None]


@dataclass
class Rule:
    """A fault for requests of a method whose path matches, after the first `skip` of them."""

    fault: Fault
    method: str | None = None
    path: str = ""
    skip: int = 0
    times: int | None = None
    seen: int = 0

    def __call__(self, asked: Asked) -> Fault | None:
        if self.method not in (None, asked.method) or not re.search(self.path, asked.path):
            return None
        self.seen += 1
        begun = self.skip < self.seen
        is_over = self.times is not None and self.seen > self.skip + self.times
        return self.fault if begun and not is_over else None
