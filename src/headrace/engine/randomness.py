"""Keys for seeded stages and windows: pure functions of seed, stage, epoch and place."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import xxhash

from headrace.contracts import Kernel, Place
from headrace.contracts.errors import ArgumentError


@dataclass(frozen=True)
class Keys:
    """Makes the keys of one epoch. `seed` None is an error when a key is wanted."""

    seed: int | None
    epoch: int
    # Where positions are this rank's own (after a cut), ranks must not share keys.
    rank: int = 0

    def of(self, kernel: Kernel, place: Place) -> bytes:
        """16 bytes for one call of a seeded function."""
        return self.at(kernel.seed, kernel.name, kernel.number, place)

    def at(self, seed: int | None, name: str, number: int, place: Place) -> bytes:
        """16 bytes for what the stage of this number does at `place`.

        `seed` is the stage's own, if it has one; `name` is for the error alone: a function that
        is renamed keeps its randomness.
        """
        used = self.seed if seed is None else seed
        if used is None:
            raise ArgumentError(
                f"{name} draws random numbers, and there is no seed to draw them from. "
                "Give one to the stage (seed=7), to ref.shuffle(seed=7) or to the DataLoader."
            )
        places = place if isinstance(place, tuple) else (place,)
        fields = (used % 2**64, self.epoch, self.rank, number, *places)
        return xxhash.xxh3_128_digest(struct.pack(f"<Q{len(fields) - 1}q", *fields))
