"""Which deliveries count: a restart takes back what came after the state that it loads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import merge

from headrace.ledger.cuts import Cut
from headrace.ledger.regions import Region, left_by, region_of
from headrace.ledger.sessions import Session
from headrace.ledger.worlds import in_worlds


@dataclass(frozen=True)
class Told:
    """A session of an epoch: all that it delivered, and of that what counts.

    Of `counted` nothing in `taken_back` counts: a merged state has left it to other ranks.
    """

    session: Session
    delivered: Region
    counted: Region
    taken_back: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """One epoch: its sessions, and whether its ranks came to its end."""

    told: list[Told]
    has_finished: bool


class Story:
    """Sessions in the order in which they began, and which of them count.

    A session that began from a state, or from the start, takes the place of those of its rank
    that had ended by then, and those of other worlds: what they delivered beyond its state does
    not count. All that led to that state does. So two sessions that ran at once both count, and
    what both delivered is doubled.
    """

    def __init__(self, sessions: list[Session]) -> None:
        ordered = in_worlds(sessions)
        self.epochs: dict[int, list[Session]] = defaultdict(list)
        for session in ordered:
            self.epochs[session.epoch].append(session)
        self._restarts = [session for session in ordered if self._is_restart(session)]
        # The epoch in which each rank was seen last.
        self._last = {(one.world_size, one.rank): one.epoch for one in ordered}

    def chapter(self, epoch: int) -> Chapter:
        """One epoch."""
        own = self.epochs[epoch]
        is_restart = {id(one) for one in self._restarts}
        elsewhere = [one for one in self._restarts if one.epoch != epoch]
        tips = _Tips(own)
        for session in merge(own, elsewhere, key=lambda one: (one.began_us, one.path, one.number)):
            tips.add(session, is_restart=id(session) in is_restart)
        counted = _Counted(own)
        for session in tips.all():
            counted.follow(session)
        told = [counted.told(session) for session in own]
        return Chapter(told, self._has_finished(epoch, tips.all()))

    def _has_finished(self, epoch: int, tips: list[Session]) -> bool:
        """Whether the ranks that share an epoch out came to its end.

        Of a rank that has noted nothing at all nobody knows more; one that was seen last in an
        epoch before this is still to come.
        """
        if not tips:
            return False
        newest = {one.rank: one for one in tips if one.world == tips[-1].world}
        behind = (
            last < epoch
            for (world_size, rank), last in self._last.items()
            if world_size == tips[-1].world_size and rank not in newest
        )
        return not any(behind) and all(self._is_over(one) for one in newest.values())

    def _is_over(self, session: Session) -> bool:
        """Whether it came to the end, or died and was followed by one in a later epoch."""
        if session.end is not None:
            return session.end == "finished"
        return any(
            one.epoch > session.epoch and one.rank == session.rank and is_after(one, session)
            for one in self._restarts
        )

    def _is_restart(self, session: Session) -> bool:
        """Whether it goes on from a state, or starts over what nobody had finished."""
        if session.state is not None or session.number:
            return session.state is not None
        return not any(
            one.end == "finished"
            and is_after(session, one)
            and (one.rank == session.rank or one.world != session.world)
            for one in self.epochs[session.epoch]
        )


def is_after(later: Session, session: Session) -> bool:
    """Whether a session began when another one had delivered all that it did."""
    if later.file == session.file:
        return later.number > session.number
    return later.began_us >= session.last_us


class _Tips:
    """The sessions of one epoch in whose place no other one has come, rank by rank."""

    def __init__(self, sessions: list[Session]) -> None:
        self._epoch = sessions[0].epoch
        self._seen: list[Session] = []
        self._tips: dict[tuple[object, int], list[Session]] = defaultdict(list)

    def all(self) -> list[Session]:
        """All of them, in the order of time."""
        found = (one for tips in self._tips.values() for one in tips)
        return sorted(found, key=lambda one: one.began_us)

    def add(self, session: Session, *, is_restart: bool) -> None:
        """The next session: of this epoch, or one of another that begins from a state."""
        if is_restart:
            for key in [key for key in self._tips if self._is_replaced(key, session)]:
                self._tips[key] = [one for one in self._tips[key] if not is_after(session, one)]
        if session.epoch == self._epoch:
            self._seen.append(session)
            self._tips[session.world, session.rank].append(session)
        elif session.epoch > self._epoch and session.state is not None:
            for one in self._finished_before(session):
                self._tips[one.world, one.rank].append(one)

    def _is_replaced(self, key: tuple[object, int], session: Session) -> bool:
        world, rank = key
        if world == session.world or session.epoch != self._epoch:
            return rank == session.rank or world[0] != session.world_size  # type: ignore[index]
        return True

    def _finished_before(self, session: Session) -> list[Session]:
        """The sessions that brought this epoch to the end that a state of a later one says."""
        before = [one for one in self._seen if is_after(session, one)]
        ended = [one for one in before if one.end == "finished"] or before
        found: dict[int, Session] = {}
        for one in before:
            is_own = one.rank == session.rank or one.world_size != session.world_size
            if one.world == ended[-1].world and is_own:
                found[one.rank] = max(found.get(one.rank, one), one, key=_progress)
        return [one for one in found.values() if one not in self._tips[one.world, one.rank]]


def _progress(session: Session) -> tuple[bool, Cut, int]:
    """How far a session came; of equals, the newest."""
    return session.end == "finished", session.stop, session.began_us


class _Counted:
    """Up to where the sessions of one epoch count, and without what."""

    def __init__(self, sessions: list[Session]) -> None:
        self._sessions = sessions
        self._places = {id(session): place for place, session in enumerate(sessions)}
        self._of_rank: dict[object, list[Session]] = defaultdict(list)
        for session in sessions:
            self._of_rank[session.world, session.rank].append(session)
        self._stops: dict[int, tuple[Cut, tuple[Region, ...]]] = {}

    def follow(self, session: Session, without: tuple[Region, ...] = ()) -> None:
        """Counts a session, and all that led to where it began."""
        stop, at = session.stop, session
        while True:
            known = self._stops.get(id(at))
            if known is None or (not without and known[0] < stop):
                self._stops[id(at)] = (stop, without)
            if at.state is None:
                return
            parent = self._parent(at)
            if parent is None:
                break
            stop, at = at.start, parent
        if at.state.get("rest") is not None:
            for newest in self._merged_into(at):
                self.follow(newest, (*without, left_by(at.state)))

    def told(self, session: Session) -> Told:
        """A session, as far as it counts."""
        delivered = _delivered(session, session.stop)
        if id(session) not in self._stops:
            return Told(session, delivered, Region())
        stop, without = self._stops[id(session)]
        counted = delivered if stop >= session.stop else _delivered(session, stop)
        return Told(session, delivered, counted, without)

    def _parent(self, session: Session) -> Session | None:
        """The newest session before one that delivered what its state says, or most of it."""
        before = [
            one
            for one in self._of_rank[session.world, session.rank]
            if self._places[id(one)] < self._places[id(session)] and one.start <= session.start
        ]
        return max(before, key=lambda one: min(one.stop, session.start), default=None)

    def _merged_into(self, session: Session) -> list[Session]:
        """The newest session of each rank whose states were merged into what this began from."""
        before = self._sessions[: self._places[id(session)]]
        others = [one for one in before if one.world != session.world]
        ranks = {one.rank: one for one in others if one.world == others[-1].world}
        return list(ranks.values())


def _delivered(session: Session, stop: Cut) -> Region:
    """What a session delivered up to a cut; after the last one there is nothing more to deliver."""
    is_all = session.end == "finished" and session.header["count"] is not None
    return region_of(session, session.start, None if is_all and stop >= session.stop else stop)
