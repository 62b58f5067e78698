"""The files of a ledger, read: one session for each time that a loader opened an epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from headrace.contracts import Order
from headrace.contracts.errors import ArgumentError, IntegrityError, NotFound
from headrace.ledger.cuts import Cut
from headrace.ledger.described import Array, order_of
from headrace.ledger.writer import LEDGER_VERSION, MS_US, SUFFIX

# Any, in this file: JSON.
World: TypeAlias = tuple[int, str]


@dataclass(frozen=True, eq=False)
class Session:
    """What one loader delivered of one epoch: from cut `start` to cut `stop`.

    `end` is how it ended: "finished", "left", or None where the process died, or still runs.
    """

    path: Path
    # Its number in its file.
    number: int
    header: dict[str, Any]
    start: Cut
    stop: Cut
    batches: int
    began_us: int
    last_us: int
    end: str | None
    # What it shares with the other ranks beside it: see `in_worlds`.
    world: World = (0, "")

    @property
    def file(self) -> str:
        """The name of the file that it was written to, of which `path` may be a copy."""
        return str(self.header["file"])

    @property
    def epoch(self) -> int:
        """The epoch that was opened."""
        return int(self.header["epoch"])

    @property
    def rank(self) -> int:
        """The rank that it delivered to."""
        return int(self.header["rank"])

    @property
    def world_size(self) -> int:
        """How many ranks shared the epoch."""
        return int(self.header["world_size"])

    @property
    def state(self) -> dict[str, Any] | None:
        """The state that was loaded before it, None for none."""
        state: dict[str, Any] | None = self.header["state"]
        return state

    def order(self) -> Order:
        """The order before it is shared out among ranks."""
        return order_of(self.header["order"], partial(_array, self.path.parent))


def sessions_in(path: str | os.PathLike[str]) -> list[Session]:
    """The sessions in a folder of ledger files, or in one file.

    Raises:
        NotFound: there is no such path, or no file of a ledger in it.
        ArgumentError: a file was written by a newer headrace.
        IntegrityError: a file is damaged.
    """
    given = Path(path)
    files = sorted(given.glob(f"*{SUFFIX}")) if given.is_dir() else [given]
    if not files or not all(file.is_file() for file in files):
        raise NotFound(
            f"no ledger is in {given}. A folder that hr.Ledger was given, with files named "
            f"*{SUFFIX}, was expected. Look at the path, or run a loader with that ledger first."
        )
    return [session for file in files for session in _sessions_of(file)]


def _sessions_of(path: Path) -> Iterator[Session]:
    text = path.read_bytes()
    # What comes after the last whole line was torn by a crash.
    text = text[: text.rfind(b"\n") + 1]
    number = at = 0
    while at < len(text):
        stop = text.index(b"\n", at)
        header = _line(path, text[at:stop])
        if "ledger" not in header:
            raise _damaged(path, f"a session was expected at byte {at}")
        _check_version(path, header)
        at = text.find(b"\n{", stop)
        at = len(text) if at < 0 else at + 1
        rows = text[stop + 1 : at]
        end: dict[str, Any] = {}
        if text.startswith(b'{"end"', at):
            stop = text.index(b"\n", at)
            end, at = _line(path, text[at:stop]), stop + 1
        try:
            yield _session(path, number, header, rows, end)
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, f"{type(error).__name__} in session {number}: {error}") from error
        number += 1


def _session(
    path: Path, number: int, header: dict[str, Any], rows: bytes, end: dict[str, Any]
) -> Session:
    start = tuple(header["cut"])
    steps = np.array([*map(int, rows.split())], dtype=np.int64).reshape(-1, len(start) + 1)
    *moved, passed = steps.sum(axis=0).tolist()
    stop = tuple(cut + by for cut, by in zip(start, moved, strict=True))
    if end and (end["batches"] != len(steps) or tuple(end["cut"]) != stop):
        raise _damaged(
            path,
            f"session {number} ended after {end['batches']} batches at {end['cut']}, and its "
            f"lines are {len(steps)} and lead to {list(stop)}",
        )
    began = int(header["began_us"])
    stop = tuple(end["stop"]) if end else stop
    ended = end.get("end")
    return Session(
        path, number, header, start, stop, len(steps), began, began + passed * MS_US, ended
    )


def _line(path: Path, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise _damaged(path, f"{line[:40]!r} is no JSON") from error
    if not isinstance(found, dict):
        raise _damaged(path, f"{line[:40]!r} is no session")
    return found


def _check_version(path: Path, header: dict[str, Any]) -> None:
    if header["ledger"] != LEDGER_VERSION:
        raise ArgumentError(
            f"the ledger {path} has format version {header['ledger']!r}, and this headrace reads "
            f"{LEDGER_VERSION}. Audit it with the headrace that wrote it, or a newer one."
        )


def _damaged(path: Path, fault: str) -> IntegrityError:
    return IntegrityError(
        f"the ledger {path} is damaged: {fault}. It is proof of nothing any more; audit the "
        "others without it to see what they deliver."
    )


def _array(folder: Path, name: str) -> Array:
    path = folder / Path(name).name
    try:
        found: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise IntegrityError(
            f"the ledger needs {path} to know its order, and it cannot be read: {error}. "
            "Copy the whole folder of the ledger, arrays too."
        ) from error
    return found
