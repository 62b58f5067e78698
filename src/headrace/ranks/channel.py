"""How ranks tell each other small texts, in bounded time: over a board that all can read."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

# A rank looks again after so long, and after longer and longer up to the second: the first keeps
# a meeting of ranks in step below a millisecond, the second keeps a thousand waiting ranks cheap.
FIRST_LOOK_S, LAST_LOOK_S = 0.0002, 0.05
# Everyone has come and only the answer is missing: writing it takes rank 0 some round trips.
ANSWER_S = 5.0
# What stands in the place of a rank that waited in vain and went.
GONE = ""


@dataclass(frozen=True)
class Met:
    """What each rank said in a meeting: None for who did not come, GONE for who has left.

    Where the ranks cannot tell who did not come, `is_exact` is False.
    """

    number: int
    texts: list[str | None]
    is_exact: bool = True


@runtime_checkable
class Channel(Protocol):
    """A way to the other ranks."""

    def meet(self, text: str, *, topic: str, timeout_s: float) -> Met:
        """Says `text` to all ranks in their next meeting on `topic`, and hears theirs."""
        ...


@dataclass(frozen=True)
class Found:
    """A rank that something knows, and its way to the others, if there is one."""

    rank: int
    world_size: int
    source: str
    local_rank: int | None = None
    channel: Channel | None = None


class Board(Protocol):
    """A place where every rank reads and writes texts by key; nothing waits."""

    def put(self, key: str, text: str) -> None:
        """Writes a text, over an older one."""
        ...

    def get(self, key: str) -> str | None:
        """The text of a key, None where there is none yet."""
        ...

    def drop(self, key: str) -> None:
        """Removes a key."""
        ...


@dataclass(frozen=True)
class BoardChannel:
    """Meetings on a board: rank 0 collects what all say, and writes the answer.

    Each rank counts its meetings on the board itself, so that whoever has a channel to the same
    ranks goes on with the same count. A meeting costs each rank a few round trips; after it two
    keys a topic stay, and one more for each rank.
    """

    board: Board
    rank: int
    world_size: int

    def meet(self, text: str, *, topic: str, timeout_s: float) -> Met:
        counter = f"{topic}/next/{self.rank}"
        number = int(self.board.get(counter) or 0)
        self.board.put(counter, str(number + 1))
        places = [f"{topic}/{number}/{rank}" for rank in range(self.world_size)]
        self.board.put(places[self.rank], text)
        deadline = time.monotonic() + timeout_s
        answer = f"{topic}/{number}/answer"
        if self.rank:
            return Met(number, self._follow(places, answer, deadline))
        texts = [self._waited(place, deadline) for place in places]
        self.board.put(answer, json.dumps(texts))
        if all(texts):
            # Whoever came here has read the answer before.
            self.board.drop(f"{topic}/{number - 1}/answer")
            self.board.drop(places[self.rank])
        return Met(number, texts)

    def _follow(self, places: list[str], answer: str, deadline: float) -> list[str | None]:
        found = self._waited(answer, deadline)
        if found is None:
            # Nobody drops what it said before the answer is there.
            texts = [self.board.get(place) for place in places]
            found = self._waited(answer, deadline + (ANSWER_S if all(texts) else 0))
            if found is None:
                # Rank 0 may still come: it must not go on as if all were there.
                self.board.put(places[self.rank], GONE)
                return texts
        said: list[str | None] = json.loads(found)
        if all(said):
            self.board.drop(places[self.rank])
        return said

    def _waited(self, key: str, deadline: float) -> str | None:
        # Looking again and again, instead of a wait in the store, lets Ctrl-C through and leaves
        # the store free for others in this process.
        pause = FIRST_LOOK_S
        while (found := self.board.get(key)) is None and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(2 * pause, LAST_LOOK_S)
        return found
