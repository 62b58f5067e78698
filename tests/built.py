"""Map-style datasets for workers in other processes; what they do is written to a folder."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

# Any, in this file: records of every type.


class Numbers:
    """The numbers below `size`, as records of a number and an array."""

    def __init__(self, size: int, log: str | None = None) -> None:
        self.size = size
        self.log = None if log is None else Path(log)
        self.note("built", 0)

    def note(self, what: str, index: int) -> None:
        if self.log is not None:
            with open(self.log / what, "a") as file:
                file.write(f"{os.getpid()} {index}\n")

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        self.note("read", index)
        return {"x": index, "y": np.arange(3) + index}


def noted(log: Path, what: str) -> list[tuple[int, int]]:
    """(process, index) of each note."""
    if not (log / what).exists():
        return []
    lines = (log / what).read_text().splitlines()
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


class Plain(Numbers):
    """The numbers alone."""

    def __getitem__(self, index: int) -> Any:
        return index


class Arrays(Numbers):
    """Bare arrays."""

    def __getitem__(self, index: int) -> Any:
        return np.full(10, index)


class Growing(Numbers):
    """Records of which each is larger than the one before."""

    def __getitem__(self, index: int) -> Any:
        return np.zeros(1000 * 4**index, dtype=np.uint8)


class Meeting(Numbers):
    """Numbers of which a process makes its first while another one makes its own."""

    def __getitem__(self, index: int) -> Any:
        self.note("making", index)
        until = time.monotonic() + 20
        while len({process for process, _ in noted(self.folder, "making")}) < 2:
            if time.monotonic() > until:
                raise TimeoutError("no other process has begun a record meanwhile")
            time.sleep(0.001)
        return index

    @property
    def folder(self) -> Path:
        assert self.log is not None
        return self.log


class Slow(Numbers):
    """Records that take 20 ms each."""

    def __getitem__(self, index: int) -> Any:
        time.sleep(0.02)
        return index


class Failing(Numbers):
    """Fails at index 20."""

    def __getitem__(self, index: int) -> Any:
        if index == 20:
            raise ValueError("record 20 is bad")
        return index


class TooLong(Numbers):
    """Says that it has more records than it has."""

    def __getitem__(self, index: int) -> Any:
        return list(range(self.size - 2))[index]


class Deadly(Numbers):
    """Kills its process when index 9 is read for the first time."""

    def __getitem__(self, index: int) -> Any:
        assert self.log is not None
        if index == 9 and not (self.log / "killed").exists():
            self.note("killed", index)
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Broken:
    """Cannot be built."""

    def __init__(self, path: str) -> None:
        raise FileNotFoundError(f"no such archive: {path}")

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return index


class Missing:
    """Needs a module that is not there."""

    def __init__(self) -> None:
        import a_module_that_is_not_there  # type: ignore[import-not-found]  # noqa: F401

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return index


class Positional:
    """Takes its arguments by position."""

    def __init__(self, size: int, /, step: int = 1) -> None:
        self.numbers = range(0, size, step)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        return self.numbers[index]


class Together(Numbers):
    """Reads many records at once."""

    def __getitems__(self, indices: list[int]) -> list[Any]:
        self.note("together", len(indices))
        return [index * 10 for index in indices]


class Unsized:
    """Has no length."""

    def __getitem__(self, index: int) -> Any:
        return index


class Tensors(Numbers):
    """Tensors of torch, nested."""

    def __getitem__(self, index: int) -> Any:
        import torch

        return {"x": torch.full((2,), index), "pair": (torch.tensor(index), index)}


class Picky(Exception):
    """An error that has more than a text."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code
