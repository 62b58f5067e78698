"""Files whose bytes are compared with hashes that are known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError, near
from headrace.parsing.files import Parsable, opened
from headrace.sources.file import File

# Fast, without much memory.
READ_BYTES = 2**20


@dataclass(frozen=True)
class HashCheck:
    """What `hr.parse.check_hash` gives."""

    hashes: Mapping[str, str] = field(repr=False)
    algorithm: str

    def __call__(self, source: Parsable) -> File:
        file = opened(source)
        expected = self.hashes.get(str(file), self.hashes.get(file.name))
        if expected is None:
            raise RecordError(
                f"no hash of {str(file)!r} was given. {near(str(file), self.hashes)} "
                "Give one by its path or its name, or leave the file out with .filter."
            )
        found = _digest(file, self.algorithm)
        if found != expected.lower():
            raise IntegrityError(
                f"{file} has the {self.algorithm} {found}, and {expected} was expected. "
                "Get the file again, or correct the hash."
            )
        return file


def checked_algorithm(algorithm: str) -> str:
    """The name of a hash. Raises ArgumentError where there is none such."""
    # The SHAKEs have a length of their own for each use.
    known = sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
    if algorithm not in known:
        raise ArgumentError(f"no hash is called {algorithm!r}. {near(str(algorithm), known)}")
    return algorithm


def _digest(file: File, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.open() as read:
        while piece := read.read(READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
