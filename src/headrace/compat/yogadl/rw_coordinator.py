"""YogaDL's server of locks, which headrace does without: its builders hold leases."""

from __future__ import annotations

from typing import Any, NoReturn

from headrace.contracts.errors import ArgumentError

# Any, in this file: whatever YogaDL's own classes take.


class RwCoordinatorServer:
    """Is not needed: processes that build one dataset keep apart by leases in its storage.

    Raises:
        ArgumentError: always; the message says what to do.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("RwCoordinatorServer")


class RwCoordinatorClient:
    """Is not needed: `storage.cacheable` holds a lease while it builds.

    Raises:
        ArgumentError: always; the message says what to do.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("RwCoordinatorClient")


def _refuse(name: str) -> NoReturn:
    raise ArgumentError(
        f"{name} was called, and headrace has no server of locks: builders hold leases in the "
        "storage itself. Leave the server out; the url of a configuration may stay, and "
        "storage.cacheable(...) keeps processes and machines apart."
    )
