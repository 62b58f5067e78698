"""`rotate`: each record of a window used several times."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from headrace.contracts import Block, Cursor, Indices, Run, State, with_memo
from headrace.contracts.errors import ArgumentError, near, seed_value, whole
from headrace.kept import DiskWindow, MemoryWindow, Window
from headrace.orders import Permutation
from headrace.stages.cache import folder_at

# Any, in this file: a stage is met before its record types are known.
Medium = Literal["memory", "disk"]
MEDIA = ("memory", "disk")
PATH_REMEDY = 'Give path="a folder with room for one window".'


@dataclass(frozen=True)
class Rotate:
    """Gives each window of `window` records `times` times, for records that are slow to make.

    The first round of a window is in the order in which its records come, each given as soon as
    it is made; every further round is in a random order of its own. The last window of an epoch
    may be shorter. `medium` "memory" holds copies of the window's records; "disk" writes them to
    a file under `path` that is gone when the window is over, after a kill with the next run that
    uses the path, and holds 8 bytes a record. Both give the same.

    **Length**: multiplied by `times`. **State**: the number of the window, how many of its
    outputs were given, and the state before it. **Cost** of a resume: the records of one window.
    It runs beside the consumer, and so does what follows.

    Raises:
        ArgumentError: `times` or `window` is below 1, `medium` is unknown, "disk" has no `path`
            or "memory" has one, or no seed is found when it runs.

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2, 3, 4]).rotate(2, window=2, seed=1).collect()
        [1, 2, 2, 1, 3, 4, 3, 4]
    """

    # A window is made again.
    replays: ClassVar[bool] = True

    times: int
    window: int
    medium: Medium = "memory"
    path: str | os.PathLike[str] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        whole("times to use a record", self.times, least=1, remedy="1 leaves the stream as it is.")
        remedy = "Give the number of records that are used together, such as 1000."
        whole("rotate window", self.window, least=1, remedy=remedy)
        if self.medium not in MEDIA:
            raise ArgumentError(
                f"rotate's medium must be 'memory' or 'disk', got {self.medium!r}. "
                + near(str(self.medium), MEDIA)
            )
        if (self.medium == "disk") != (self.path is not None):
            raise ArgumentError(
                f"rotate(medium={self.medium!r}) was given path={self.path!r}, and a path goes "
                f"with medium='disk' alone. {PATH_REMEDY}"
            )
        if self.path is not None:
            folder_at(self.path, "a window of rotate", PATH_REMEDY)
        if self.seed is not None:
            seed_value(self.seed)

    def __str__(self) -> str:
        # Not the medium: a state is the same for both.
        return f"rotate({self.times}, window={self.window}, seed={self.seed})"

    def length(self, before: int | None) -> int | None:
        return None if before is None else before * self.times

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> Cursor[Any]:
        number, given = memo or (0, 0)
        return RotateCursor(parent, self, run, number=number, given=given)

    def order(self, run: Run, count: int, number: int, turn: int) -> Indices:
        """The order of one round of a window of `count` records."""
        seed = run.seed if self.seed is None else self.seed
        purpose = f"rotate {run.rank} {number} {turn}"
        permutation = Permutation(count, seed, run.epoch, purpose)
        return permutation.forward(np.arange(count, dtype=np.int64))

    def opened_window(self) -> Window:
        """A place for the records of one window."""
        if self.path is None:
            return MemoryWindow()
        return DiskWindow(folder_at(self.path, "a window of rotate", PATH_REMEDY))


class RotateCursor:
    """Gives a window while it fills, then round after round; it replays its window on resume."""

    def __init__(
        self, parent: Cursor[Any], stage: Rotate, run: Run, *, number: int, given: int
    ) -> None:
        _check_seed(stage, run)
        self._parent = parent
        self._stage = stage
        self._run = run
        self._begin = parent.state()
        self._number = number
        # Outputs of this window: those given, and those that a resume makes again first.
        self._given = 0
        self._replayed = given
        # Records of this window, and whether more may come.
        self._count = 0
        self._is_filling = True
        self._turn = 0
        self._window: Window | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        try:
            self._replay()
            return self._next(n)
        except BaseException as error:
            self._failure = error
            self._forget()
            raise

    def state(self) -> State:
        return with_memo(self._begin, [self._number, max(self._given, self._replayed)])

    def close(self) -> None:
        self._forget()
        self._parent.close()

    def _replay(self) -> None:
        """Makes the records of the window again up to where the state was taken."""
        while self._is_filling and self._given < self._replayed:
            if not len(self._filled(self._replayed - self._given)) and self._is_filling:
                break
        if not self._is_filling:
            self._given = max(self._given, self._replayed)
        self._replayed = 0

    def _next(self, n: int) -> Block[Any]:
        block = self._filled(n) if self._is_filling else []
        if not len(block) and self._is_over:
            self._go_on()
            block = self._filled(n)
        elif not self._is_filling:
            block = self._rotated(n)
        if self._is_over:
            self._go_on()
        return block

    @property
    def _is_over(self) -> bool:
        is_whole = not self._is_filling or self._count == self._stage.window
        return is_whole and self._given == self._stage.times * self._count > 0

    def _filled(self, n: int) -> Block[Any]:
        """The next records of the first round; none once the window is whole."""
        room = self._stage.window - self._count
        block = self._parent.read(min(n, room)) if room else []
        if not len(block):
            self._is_filling = not self._count
            return block
        if self._stage.times > 1:
            self._kept().add(block)
        self._count += len(block)
        self._given += len(block)
        return block

    def _rotated(self, n: int) -> Block[Any]:
        turn, start = divmod(self._given, self._count)
        if turn != self._turn:
            order = self._stage.order(self._run, self._count, self._number, turn)
            self._kept().begin(order, is_last=turn + 1 == self._stage.times)
            self._turn = turn
        block = self._kept().read(start, min(n, self._count - start))
        self._given += len(block)
        return block

    def _kept(self) -> Window:
        if self._window is None:
            self._window = self._stage.opened_window()
        return self._window

    def _go_on(self) -> None:
        """Goes on to the next window."""
        self._forget()
        self._begin = self._parent.state()
        self._number += 1
        self._given = self._count = self._turn = 0
        self._is_filling = True

    def _forget(self) -> None:
        window, self._window = self._window, None
        if window is not None:
            window.close()


def _check_seed(stage: Rotate, run: Run) -> None:
    if stage.times > 1 and stage.seed is None and run.seed is None:
        raise ArgumentError(
            f"{stage} draws random orders, and there is no seed to draw them from. "
            "Give one to .rotate(seed=7) or to the DataLoader."
        )
