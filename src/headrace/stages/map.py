"""`map`: a function of one record."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISpawnableSeedSequence

from headrace.contracts import Kernel
from headrace.contracts.errors import ArgumentError
from headrace.stages.naming import plain_name_of

# Any, in this file: a stage is met before its record types are known.
Seeding = bool | Literal["global"]


@dataclass(frozen=True)
class Map:
    """Gives `fn(record)` for each record, in order.

    `seeded=True` calls `fn(record, rng)` with a `numpy.random.Generator` that depends only on
    (seed, stage, epoch, position), so that a random augmentation is the same whatever runs it
    and after every resume. `seeded="global"` seeds `random`, `numpy.random` and torch from the
    same key before each call and restores them after, for code that draws from those; it runs
    on one worker per process only.

    **Length**: kept. **State**: none.

    Raises:
        ArgumentError: `seeded` is something else, or no seed is found when it runs.

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2, 3]).map(lambda x: x * 10).collect()
        [10, 20, 30]
        >>> noise = lambda x, rng: x + rng.integers(10)
        >>> noisy = hr.stream([1, 2, 3]).map(noise, seeded=True, seed=7)
        >>> noisy.collect() == noisy.collect()
        True
    """

    fn: Callable[..., Any]
    seeded: Seeding = False
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seeded not in (False, True, "global"):
            raise ArgumentError(
                f"seeded must be True, False or 'global', got {self.seeded!r}. "
                "True gives the function a random generator."
            )

    def __str__(self) -> str:
        if not self.seeded:
            return "map"
        return f"map(seeded={self.seeded}, seed={self.seed})"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        name = f"map({plain_name_of(self.fn)})"
        if not self.seeded:
            return Kernel("map", self.fn, name)
        is_global = self.seeded == "global"
        fn = Globally(self.fn) if is_global else Seeded(self.fn)
        return Kernel("map", fn, name, wants="key", seed=self.seed, is_global=is_global)


@dataclass(frozen=True)
class Seeded:
    """Calls a function with a generator made from a key."""

    fn: Callable[[Any, np.random.Generator], Any]

    def __call__(self, record: Any, key: bytes) -> Any:
        # Philox (Salmon et al., SC 2011) takes any 128-bit key as it is.
        words: Any = KeyWords(key)  # Any: NumPy takes more kinds of seeds than it declares
        return self.fn(record, np.random.Generator(np.random.Philox(words)))


class KeyWords(ISpawnableSeedSequence):
    """A key in the place of a seed: NumPy would first draw one from the system (12 against 5 us).

    Generators that a function spawns come from the key too.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> npt.NDArray[Any]:
        """The key as words; asked for once, by Philox, which takes two of 64 bits."""
        return np.frombuffer(self._key, dtype)[:n_words]

    def spawn(self, n_children: int) -> list[Any]:
        """Seeds for further generators."""
        return np.random.SeedSequence(int.from_bytes(self._key, "little")).spawn(n_children)


@dataclass(frozen=True)
class Globally:
    """Calls a function with the process-wide generators seeded from a key, then restores them."""

    fn: Callable[[Any], Any]

    def __call__(self, record: Any, key: bytes) -> Any:
        torch = sys.modules.get("torch")
        before = random.getstate(), np.random.get_state()
        torch_before = torch.get_rng_state() if torch is not None else None
        first, second = struct.unpack("<QQ", key)
        random.seed(first)
        np.random.seed(second % 2**32)
        if torch is not None:
            # The CPU generator only: seeding devices would reach what training draws from.
            torch.default_generator.manual_seed(second >> 1)
        try:
            return self.fn(record)
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            if torch is not None:
                torch.set_rng_state(torch_before)
