"""`SeedGenerator`: seeds that all workers and ranks share, and seeds of each of them."""

from __future__ import annotations

import hashlib

from headrace.compat.torchdata.datapipes.drawing import fresh_seed
from headrace.contracts.errors import ArgumentError, whole

END_OF_SEEDS = 2**64


class SeedGenerator:
    """Makes seeds of one seed: shared ones, the same everywhere, and ones of this worker alone.

    Both are functions of the seed, the epoch, the worker and how many were made; it pickles.

    Raises:
        ArgumentError: the seed has more than 64 bits.

    Example:
        >>> one, other = SeedGenerator(5).spawn(0), SeedGenerator(5).spawn(1)
        >>> one.generate_shared_seed() == other.generate_shared_seed()
        True
        >>> one.generate_seed() == other.generate_seed()
        False
    """

    def __init__(self, seed: int | None = None, *, epoch: int = 0) -> None:
        self._epoch = epoch
        self.seed(seed)

    @property
    def given(self) -> int:
        """The seed that all others are made of."""
        return self._given

    def seed(self, seed: int | None = None) -> None:
        """Begins anew with a seed; without one, with one drawn from torch or `random`.

        Raises:
            ArgumentError: it has more than 64 bits.
        """
        self._given = fresh_seed() if seed is None else checked(seed)
        self._worker = ""
        self._shared = self._own = 0

    def generate_shared_seed(self) -> int:
        """The next seed that is the same in every worker and on every rank."""
        self._shared += 1
        return self._made(f"shared {self._shared}")

    def generate_seed(self) -> int:
        """The next seed of this worker alone."""
        self._own += 1
        return self._made(f"own{self._worker} {self._own}")

    def spawn(self, worker_id: int, inplace: bool = False) -> SeedGenerator:
        """The generator of a worker, which makes seeds of its own from here on.

        Raises:
            ArgumentError: the number is negative.
        """
        whole("worker_id", worker_id, least=0, remedy="Workers and ranks are counted from 0.")
        found = self if inplace else SeedGenerator(self._given, epoch=self._epoch)
        found._shared, found._own, found._worker = self._shared, 0, f"{self._worker}/{worker_id}"
        return found

    def _made(self, what: str) -> int:
        digest = hashlib.blake2b(f"{self._given} {self._epoch} {what}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "little")


def checked(seed: object) -> int:
    """A seed of at most 64 bits.

    Raises:
        ArgumentError: it is none.
    """
    if not isinstance(seed, int) or not -(2**63) <= seed < END_OF_SEEDS:
        raise ArgumentError(
            f"Expected an uint64 seed, but got {seed!r}. A whole number of at most 64 bits was "
            "expected. Take it modulo 2**64."
        )
    return seed
