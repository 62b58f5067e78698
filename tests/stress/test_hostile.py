"""Thousands of changed versions, each read where a crash would be seen; `make stress` runs it."""

from __future__ import annotations

import faulthandler
import multiprocessing
import resource
import secrets
from pathlib import Path

import pytest
from tests.formats.hostile import KINDS, LIMIT_S, attempt, mutant, version_of

SEEDS = 2500
PROCESSES = 2
# Beyond what Python and its packages take: no version here is larger than 20 KB.
MEMORY_BYTES = 2 * 2**30


def read_all(first: int, count: int, note: Path) -> None:
    """Reads the changed versions of some seeds; notes each before it is read."""
    faulthandler.enable()
    for kind in KINDS:
        version_of(kind)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    for seed in range(first, first + count):
        for kind in KINDS:
            note.write_text(f"{kind} {seed}")
            # What holds the interpreter is ended from outside of it.
            faulthandler.dump_traceback_later(2 * LIMIT_S, exit=True)
            attempt(mutant(kind, seed))
    note.write_text("done")


@pytest.mark.stress
@pytest.mark.timeout(900)
def test_thousands_of_changed_versions_crash_nothing(tmp_path: Path) -> None:
    first = secrets.randbelow(2**62)
    # Shown where it fails, so that the same versions are read again.
    print(f"first seed {first}")
    context = multiprocessing.get_context("spawn")
    notes = [tmp_path / str(number) for number in range(PROCESSES)]
    share = SEEDS // PROCESSES
    readers = [
        context.Process(target=read_all, args=(first + number * share, share, note))
        for number, note in enumerate(notes)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [note.read_text() for note in notes] == ["done"] * PROCESSES
    assert [reader.exitcode for reader in readers] == [0] * PROCESSES
