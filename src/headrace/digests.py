"""By which digest content is named: one for accidents, or one that withstands adversaries."""

from __future__ import annotations

import hashlib
from typing import Literal, Protocol, get_args

import xxhash

from headrace.contracts.blobs import Mapped
from headrace.contracts.errors import ArgumentError, near

# xxh3-128 is as fast as memory, and whoever wants to can make other bytes with the same digest.
Trust = Literal["xxh3", "sha256"]
TRUSTS: tuple[Trust, ...] = get_args(Trust)
SHA256_DIGITS = 64


class Digest(Protocol):
    """A digest that is told its bytes piece by piece."""

    def update(self, piece: memoryview, /) -> None:
        """Takes in more bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""
        ...


def checked_trust(trust: object) -> Trust:
    """`trust`, where it is a known one. Raises ArgumentError."""
    for known in TRUSTS:
        if trust == known:
            return known
    raise ArgumentError(
        f"trust must be 'xxh3' or 'sha256', got {trust!r}. {near(str(trust), TRUSTS)}"
    )


def new_digest(trust: Trust) -> Digest:
    """The digest by which shards are named, of nothing yet."""
    return hashlib.sha256() if trust == "sha256" else xxhash.xxh3_128()


def is_named(payload: Mapped, name: str) -> bool:
    """Whether `name` is the digest of the bytes, by the algorithm that gives so many digits."""
    digest = new_digest("sha256" if len(name) == SHA256_DIGITS else "xxh3")
    digest.update(payload.data)
    return digest.hexdigest() == name
