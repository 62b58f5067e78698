"""What stands in a lease: who holds it, for messages, and what changes while it is held."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

import msgspec

# Names of hosts are shorter; what claims to be longer would not fit where leases are files.
HOST_LETTERS = 64
NAME_BYTES = 16
# A lease that nobody holds, where nothing frees it but a write.
FREE = b"{}"


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who holds a lease. Process, host and time are for messages: no clock of another's counts."""

    pid: int
    host: str
    since: str
    # Of a lease that its holder renews: the holder's random name, which renewal this is, and for
    # how long the others wait for the next one.
    name: str = ""
    beat: int = 0
    lease_s: float = 0.0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


def this_process(*, name: str = "", lease_s: float = 0.0) -> Holder:
    """A holder that is this process, from now on."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(os.getpid(), platform.node()[:HOST_LETTERS], since, name=name, lease_s=lease_s)


def new_name() -> str:
    """A name that no other holder ever has."""
    return os.urandom(NAME_BYTES).hex()


def holder_in(content: bytes) -> Holder | None:
    """Who holds the lease with this content; None where nobody does, or it cannot be read."""
    try:
        return msgspec.json.decode(content, type=Holder)
    except msgspec.DecodeError:
        return None
