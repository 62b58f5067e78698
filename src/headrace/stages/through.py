"""`through`: any function from an iterator to an iterator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from headrace.contracts import Cursor, Node, Run, State, first_epoch_of, iterate
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.stages.naming import name_of

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Through:
    """Gives what `fn(records)` gives, where `records` is an iterator over the stream so far.

    `fn` is a generator function, or any other function from an iterator to an iterator. It is
    called once an epoch, at the first record, beside the consumer, and draws only what it wants;
    a generator is closed when the reading ends early. It must give the same records whenever it
    runs the same epoch, and a stream that never ends counts as endless behind it too.

    **Length**: not known. **State**: how many records it gave. **Cost** of a resume: its epoch
    runs again from the start, and what was delivered is dropped.

    Raises:
        ArgumentError: `fn` is no function.
        StreamError: `fn` gave no iterator; raised by the first record.
        StateError: after a resume `fn` gave fewer records than it had given before.

    Example:
        >>> import headrace as hr
        >>> def pairs(records):
        ...     for first in records:
        ...         yield first, next(records, None)
        >>> hr.stream(range(5)).through(pairs).collect()
        [(0, 1), (2, 3), (4, None)]
    """

    fn: Callable[[Iterator[Any]], Iterator[Any]]
    # Its records must come in the same order when its epoch runs again.
    replays: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise ArgumentError(
                f"a function from an iterator to an iterator was expected, got {self.fn!r}. "
                "Pass the function itself, without calling it."
            )

    def __str__(self) -> str:
        return f"through({name_of(self.fn)})"

    def length(self, before: int | None) -> int | None:
        return None

    def begin(self, before: Node[Any]) -> Node[Any]:
        return Replayed(before, self)


@dataclass(frozen=True)
class Replayed:
    """A whole chain that a function reads."""

    before: Node[Any]
    stage: Through

    @property
    def is_infinite(self) -> bool:
        # Nobody knows whether the function stops; a collect that never ends is the worse guess.
        return self.before.is_infinite

    @property
    def first_epoch(self) -> int:
        return first_epoch_of(self.before)

    def length(self, run: Run) -> int | None:
        return None

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        return ThroughCursor(self.stage, self.before.open(run), _given(state), run.epoch)


class ThroughCursor:
    """Counts what the function gave; the function is called at the first read."""

    def __init__(self, stage: Through, parent: Cursor[Any], given: int, epoch: int) -> None:
        self._stage = stage
        self._parent = parent
        self._given = given
        self._epoch = epoch
        self._records: Iterator[Any] | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> list[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        try:
            # What came before an error is kept: it is given first.
            found.extend(islice(self._running(), n))
        except BaseException as error:
            self._fail(error, self._given + len(found))
            if not found:
                raise
        self._given += len(found)
        return found

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        if self._failure is not None:
            raise self._failure
        try:
            for record in self._running():
                self._given += 1
                yield record
        except GeneratorExit:
            raise
        except BaseException as error:
            self._fail(error, self._given)
            raise

    def state(self) -> State:
        return {"turn": self._given, "parents": [], "stages": []}

    def close(self) -> None:
        try:
            end = getattr(self._records, "close", None)
            if end is not None:
                end()
        finally:
            self._parent.close()

    def _running(self) -> Iterator[Any]:
        if self._records is None:
            records = self._stage.fn(iterate(self._parent))
            if not isinstance(records, Iterator):
                raise StreamError(
                    f"{self._stage} got {type(records).__name__} from its function, and an "
                    "iterator was expected. Write the function with yield, or return iter(...)."
                )
            self._records = records
            self._drop(records)
        return self._records

    def _drop(self, records: Iterator[Any]) -> None:
        """Leaves out what was delivered before the state was taken."""
        dropped = sum(1 for _ in islice(records, self._given))
        if dropped < self._given:
            raise StateError(
                f"{self._stage} gave {self._given} records before the state was taken, and only "
                f"{dropped} when its epoch ran again. Make it give the same records each time it "
                "runs an epoch, or begin anew without the state."
            )

    def _fail(self, error: BaseException, given: int) -> None:
        # Where a stage before has noted its record, that says more.
        if not any(note.startswith("headrace: ") for note in getattr(error, "__notes__", ())):
            error.add_note(
                f"headrace: in {self._stage}, epoch {self._epoch}, after {given} records"
            )
        self._failure = error


def _given(state: State | None) -> int:
    """How many records the function gave before a state was taken."""
    if state is None:
        return 0
    given = state.get("turn")
    if type(given) is not int or given < 0 or state.get("parents") != []:
        raise StateError(
            f"a state of a stream behind .through must say how many records it gave as turn, got "
            f"{given!r}. Load what state_dict() gave, unchanged."
        )
    return given
