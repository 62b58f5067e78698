"""A chain as one rank of several runs it: its share, and where the epoch ends for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from headrace.contracts import Cursor, Run, State, Visit
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.contracts.rest import Rest
from headrace.engine import Chain
from headrace.engine.mergeable import unmergeable
from headrace.loader.cut import CutCursor
from headrace.loader.ends import EpochEnd, epoch_end_of, nothing_to_repeat, uneven
from headrace.loader.evened import AgreedEnding, Ending, EvenedCursor, KnownEnding
from headrace.loader.talk import Talk
from headrace.ranks import Ranks
from headrace.stages import Shard
from headrace.streams import Stream

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class World:
    """What a loader runs: a chain, the ranks that share it, and how their epochs end.

    `ranks` is None where the stream was sharded by hand, so that nobody shares it out.
    """

    chain: Chain
    ranks: Ranks | None = None
    epoch_end: EpochEnd | None = None

    @staticmethod
    def of(chain: Chain, ranks: Ranks | None, epoch_end: object, *, elastic: bool) -> World:
        """The world of a loader that was made with these.

        Raises:
            ArgumentError: a stream that is sharded by hand has `ranks`, or a policy is unknown.
            StreamError: states of several ranks could not be merged, and `elastic` wants that.
            RankError: the environment says only half of what it must.
        """
        policy = epoch_end_of(epoch_end)
        if _is_sharded(chain):
            _refuse_second(chain, ranks, policy)
            return World(chain)
        found = Ranks.detect() if ranks is None else ranks
        if not isinstance(found, Ranks):
            raise ArgumentError(
                f"ranks must be a Ranks, got {found!r}. Use hr.Ranks.detect(), which is the "
                "default, or hr.Ranks(rank, world_size)."
            )
        if found.world_size == 1:
            return World(chain, found, policy)
        if elastic and (refused := unmergeable(chain)) is not None:
            stage, reason = refused
            raise StreamError(
                f"the states of {found.world_size} ranks could not be merged for another number "
                f"of ranks because of {stage}: {reason}. Cut and join the DataRefs instead, "
                "ref[:n], hr.concat, hr.mix; or say hr.DataLoader(..., elastic=False): its states "
                "then load on the same ranks only."
            )
        return World(chain.on(found.rank, found.world_size), found, policy)

    @property
    def is_shared(self) -> bool:
        """Whether several ranks share an end of each epoch."""
        several = self.ranks is not None and self.ranks.world_size > 1
        return several and not self.chain.is_infinite

    @property
    def repeats(self) -> bool:
        """Whether a rank may give its last batch again."""
        return self.is_shared and self.epoch_end == "longest"

    def first_epoch(self, stream: Stream[Any]) -> int:
        """The epoch to begin with: that of a start offset on this rank, or what was asked for."""
        asked = stream.first_epoch
        return self.chain.first_epoch if asked == stream.node.first_epoch else asked

    def run(self, epoch: int, seed: int | None, rest: Rest | None) -> Run:
        """The run of an epoch, as far as its length and drawing need it."""
        rank, world_size = self.chain.ranked or (0, 1)
        return Run(epoch=epoch, seed=seed, rank=rank, world_size=world_size, rest=rest)

    def counts(self, run: Run) -> list[int | None]:
        """How many batches each rank has in an epoch, None where nobody can know."""
        assert self.ranks is not None
        size = self.ranks.world_size
        return [self.chain.on(rank, size).length(run) for rank in range(size)]

    def length(self, run: Run) -> int | None:
        """How many batches the epoch gives on this rank, None where nobody can know."""
        if not self.is_shared or self.epoch_end in (None, "error"):
            return self.chain.length(run)
        known = [count for count in self.counts(run) if count is not None]
        if not known:
            return None
        return min(known) if self.epoch_end == "shortest" else max(known)

    def known_length(self, run: Run) -> int:
        """The same. Raises StreamError where nobody can know; it names the stage."""
        length = self.length(run)
        return self.chain.known_length(run) if length is None else length

    def check(self, where: State | None) -> None:
        """Refuses a position that only another policy can go on from. Raises StateError."""
        for key in ("given", "padded"):
            count = 0 if where is None else where.get(key, 0)
            if type(count) is not int or count < 0:
                raise StateError(
                    f"a state counts {key} batches from 0, got {count!r}. Load what state_dict() "
                    "gave, unchanged."
                )
        if where is not None and "padded" in where and not self.repeats:
            raise StateError(
                "this state was saved at the end of an epoch, where a rank may repeat its last "
                'batch, by a loader with epoch_end="longest". Load it into such a loader.'
            )

    def cut_after(self, run: Run) -> int | None:
        """After how many batches a reader that cannot talk to other ranks stops; None at the end.

        Raises:
            RankError: the numbers of batches differ, and the policy is "error".
            StreamError: such a reader cannot find the end, or cannot tell what it repeats.
        """
        counts = self.counts(run) if self.is_shared else []
        known = [count for count in counts if count is not None]
        if len(set(counts)) <= 1 and len(known) == len(counts):
            return None
        if len(known) == len(counts):
            if self.epoch_end == "shortest" and self.chain.gives_one_a_unit:
                return min(known)
            if self.epoch_end in (None, "error"):
                raise uneven(known, f"in epoch {run.epoch}")
        raise StreamError(
            "torch's workers cannot agree with those of other ranks on the end of an epoch, with "
            f"epoch_end={self.epoch_end!r} for {self.chain}. A number of batches that is known, "
            'and equal or evened by epoch_end="shortest", was expected. Use num_workers=0 over '
            "hr.DataLoader(stream, backend=hr.Threads(2))."
        )

    def stream(self) -> Stream[Any]:
        """The stream as it was before it was shared out."""
        return Stream(replace(self.chain, ranked=None) if self.ranks else self.chain)

    def open(self, run: Run, where: State | None, talk: Talk) -> Cursor[Any]:
        """A cursor over this rank's batches, which ends where the ranks end.

        Raises:
            RankError: the numbers of batches differ, or a rank lacks what the policy needs.
        """
        counts = self.counts(run) if self.is_shared else []
        known = [count for count in counts if count is not None]
        if len(known) < len(counts):
            return self._agreed(run, where, talk)
        if len(set(known)) <= 1:
            return self.chain.open(run, where)
        if self.epoch_end == "shortest":
            return self._cut(run, where, known, talk)
        if self.epoch_end != "longest":
            raise uneven(known, f"in epoch {run.epoch}")
        if not min(known):
            raise nothing_to_repeat([rank for rank, count in enumerate(known) if not count])
        pads = max(known) - known[run.rank]
        return self._evened(run, where, KnownEnding(pads)) if pads else self.chain.open(run, where)

    def _cut(self, run: Run, where: State | None, counts: list[int], talk: Talk) -> Cursor[Any]:
        is_counted = self.chain.gives_one_a_unit
        place: State = {"at": 0, "part": []} if where is None else where
        given = place["at"] if is_counted else place.get("given")
        if given is None and not (place["at"] or place.get("part")):
            # Nothing is given yet, also of what a merge has left for this rank.
            given = 0
        if given is None:
            raise StateError(
                "this state does not say how many batches were given, which "
                'epoch_end="shortest" needs for this chain. Load it into a loader with the '
                "epoch_end that saved it."
            )
        return CutCursor(
            self.chain.open(run, where),
            int(given),
            min(counts),
            counts=not is_counted,
            at_end=partial(talk.dropped, counts[run.rank] - min(counts)),
        )

    def _agreed(self, run: Run, where: State | None, talk: Talk) -> Cursor[Any]:
        exchange = partial(talk.exchange, epoch=run.epoch)
        policy = self.epoch_end or "error"
        ending = AgreedEnding(policy, run.rank, exchange, talk.dropped)
        return self._evened(run, where, ending)

    def _evened(self, run: Run, where: State | None, ending: Ending) -> Cursor[Any]:
        padded = None if where is None else where.get("padded")
        cursor = self.chain.open(run, where)
        return EvenedCursor(cursor, ending, repeats=self.repeats, padded=padded)


def _is_sharded(chain: Chain) -> bool:
    """Whether the user has sharded the stream, or one of those that are joined to it."""
    source = chain.source
    is_part = isinstance(source, Visit) and source.part is not None
    others = [other for stage in chain.stages for other in getattr(stage, "others", ())]
    return (
        is_part
        or chain.ranked is not None
        or any(isinstance(stage, Shard) for stage in chain.stages)
        or any(isinstance(other, Chain) and _is_sharded(other) for other in others)
    )


def _refuse_second(chain: Chain, ranks: Ranks | None, epoch_end: EpochEnd | None) -> None:
    given = f"ranks={ranks!r}" if ranks is not None else f"epoch_end={epoch_end!r}"
    if ranks is not None or epoch_end is not None:
        raise ArgumentError(
            f"{given} was given for a stream that is sharded already: {chain}. A stream of all "
            "records was expected, which the loader shares out. Leave out the shard, or the "
            f"{given.partition('=')[0]}."
        )
