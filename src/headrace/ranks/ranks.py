"""Which rank of how many this process is, and short talks with the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.errors import ArgumentError, RankError, whole
from headrace.ranks import environment, horovod, jax, torch
from headrace.ranks.bounded import within
from headrace.ranks.channel import ANSWER_S, GONE, Channel, Found, Met
from headrace.settings import launched

# Any, in this file: values are whatever JSON holds.
# As long as NCCL waits unless told: one rank may write a checkpoint while the others go on.
TIMEOUT_S = 600.0
# Where nothing says that there are others.
ALONE = "alone"
# Who can talk, in the order in which they are asked.
TALKING: tuple[Callable[[], Found | None], ...] = (torch.found, jax.found, horovod.found)


@dataclass(frozen=True)
class Ranks:
    """Which rank of how many this process is: `Ranks.detect()`, or given by hand.

    The ranks talk where torch.distributed, jax.distributed or Horovod has been initialised: each
    operation is made by all of them, in the same order. One that waits for another longer than
    `timeout_s` raises, and names it; nothing hangs. Ranks of a launcher's environment, or given
    by hand, use such a group of the same size as soon as there is one.

    **State**: none; a Ranks pickles, and opens nothing that had to be closed.

    Raises:
        ArgumentError: `rank` lies outside the world, or a number is none.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence(range(6))
        >>> for rank in range(2):
        ...     loader = hr.DataLoader(ref.stream().batch(2), ranks=hr.Ranks(rank, 2))
        ...     print([batch.tolist() for batch in loader])
        [[0, 2], [4]]
        [[1, 3], [5]]
    """

    rank: int
    world_size: int
    local_rank: int | None = field(default=None, kw_only=True)
    timeout_s: float = field(default=TIMEOUT_S, kw_only=True)
    source: str = field(default="given", kw_only=True)
    channel: Channel | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        remedy = "Give the number of processes that share the records; 1 is one alone."
        world_size = whole("world_size", self.world_size, least=1, remedy=remedy)
        rank = whole("rank", self.rank, least=0, remedy="Ranks are counted from 0.")
        object.__setattr__(self, "rank", rank)
        object.__setattr__(self, "world_size", world_size)
        if rank >= world_size:
            raise ArgumentError(
                f"rank {rank} of a world of {world_size} does not exist. A rank from 0 to "
                f"{world_size - 1} was expected. Ranks are counted from 0; or raise world_size."
            )
        if self.local_rank is not None:
            remedy = "Leave it out where nobody knows it."
            local_rank = whole("local_rank", self.local_rank, least=0, remedy=remedy)
            object.__setattr__(self, "local_rank", local_rank)
        if not _is_time(self.timeout_s):
            raise ArgumentError(
                f"timeout_s must be a number of seconds above 0, got {self.timeout_s!r}. "
                f"Leave it out for {TIMEOUT_S:.0f}."
            )

    @staticmethod
    def detect(*, timeout_s: float = TIMEOUT_S) -> Ranks:
        """The rank of this process, or one rank alone where nothing says otherwise.

        Asked in this order: an initialised torch.distributed, jax.distributed, Horovod; then the
        environment of torchrun, SLURM, Open MPI, and other MPIs (PMI). In a shell or batch script
        of SLURM, outside `srun`, a process is alone.

        Raises:
            RankError: the environment says only half, or contradicts itself.
        """
        for find in (*TALKING, environment.found):
            found = find()
            if found is not None:
                return _ranks(found, timeout_s)
        return Ranks(0, 1, timeout_s=timeout_s, source=ALONE)

    @staticmethod
    def from_mesh(
        device_mesh: Any,  # Any: a DeviceMesh of torch, an optional package
        *names: str,
        timeout_s: float = TIMEOUT_S,
    ) -> Ranks:
        """The rank along the named dimensions of a torch DeviceMesh, such as "dp".

        Processes that differ in other dimensions only, the ranks of a tensor- or
        pipeline-parallel group, get the same records.

        Raises:
            ArgumentError: the mesh has no such dimension, or this process is not in it.
        """
        return _ranks(torch.found_in_mesh(device_mesh, names), timeout_s)

    def broadcast(self, value: Any) -> Any:
        """The value of rank 0, on every rank: something small that JSON holds.

        Raises:
            RankError: a rank is missing, does something else, or there is no way to it.
        """
        return self._met(value, "broadcast")[0]

    def all_gather(self, value: Any) -> list[Any]:
        """The value of each rank, on every rank: something small that JSON holds.

        Raises:
            RankError: a rank is missing, does something else, or there is no way to it.
        """
        return self._met(value, "all_gather")

    def barrier(self) -> None:
        """Waits until every rank is here.

        Raises:
            RankError: a rank is missing, does something else, or there is no way to it.
        """
        self._met(None, "barrier")

    @property
    def can_talk(self) -> bool:
        """Whether there is a way to the other ranks now."""
        return self.world_size == 1 or self._channel is not None

    @property
    def is_outdated(self) -> bool:
        """Whether this process was alone when that was asked, and is one of several by now."""
        if self.source != ALONE:
            return False
        found = [find() for find in TALKING]
        return any(one is not None and one.world_size > 1 for one in found)

    def meet(self, value: Any, what: str, *, topic: str) -> tuple[int, list[Any]]:
        """Like `all_gather`, for one purpose among several that do not wait for each other.

        `what` says what is done, for messages, and all ranks must say the same. It gives the
        number of the meeting on this topic, too.
        """
        text = _written([what, value])
        if self.world_size == 1:
            return 0, [json.loads(text)[1]]
        channel = self._channel
        if channel is None:
            raise RankError(
                f"{what} needs the other ranks, and {self} has no way to them. An initialised "
                f"group of {self.world_size} ranks was expected. Initialise torch.distributed or "
                "jax.distributed first; or shard the stream by hand, ref.shard(rank, world_size), "
                "where each rank may end where its records do."
            )
        try:
            # A channel keeps the time itself, unless what it asks hangs: a machine that is gone.
            met = within(
                self.timeout_s + 2 * ANSWER_S,
                lambda: channel.meet(text, topic=topic, timeout_s=self.timeout_s),
            )
        except Exception as error:
            raise RankError(
                f"{what} failed on rank {self.rank} of {self.world_size}: the way to the other "
                f"ranks, {self.source}, is broken: {error}. It is kept by rank 0 or the launcher, "
                "which has ended or cannot be reached: look at its log."
            ) from error
        return met.number, self._heard(met, what)

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.world_size} ({self.source})"

    def _met(self, value: Any, what: str) -> list[Any]:
        return self.meet(value, what, topic="user")[1]

    @property
    def _channel(self) -> Channel | None:
        if self.channel is not None:
            return self.channel
        for find in TALKING:
            found = find()
            if found is not None and (found.rank, found.world_size) == (self.rank, self.world_size):
                return found.channel
        return None

    def _heard(self, met: Met, what: str) -> list[Any]:
        missing = [rank for rank, text in enumerate(met.texts) if text is None]
        gone = [rank for rank, text in enumerate(met.texts) if text == GONE]
        if self.rank in missing:
            # Rank 0 has collected without this one.
            missing, gone = [], [0]
        if missing:
            which = _listed(missing) if met.is_exact else f"one or more of {_listed(missing)}"
            raise RankError(
                f"{what}: {which} did not come to rank {self.rank} within {self.timeout_s:g} s. "
                f"All {self.world_size} ranks must do the same in the same order. Look at the "
                "log of the one that is missing: it has died, left its loop early, or is slower, "
                "which hr.Ranks.detect(timeout_s=...) allows for."
            )
        if gone:
            raise RankError(
                f"{what}: {_listed(gone)} waited for rank {self.rank} in vain and went on. Ranks "
                f"were expected within {self.timeout_s:g} s of each other. Find out what held this "
                "one up, or give them more time by hr.Ranks.detect(timeout_s=...)."
            )
        said = [json.loads(text) for text in met.texts if text]
        other = [rank for rank, (other, _) in enumerate(said) if other != what]
        if other:
            raise RankError(
                f"{what}: {_listed(other)} came for {said[other[0]][0]!r}, and rank {self.rank} "
                f"for {what!r}. All {self.world_size} ranks must do the same in the same order. "
                "Look for a loop, or an operation, that only some ranks run."
            )
        return [value for _, value in said]


def _ranks(found: Found, timeout_s: float) -> Ranks:
    local_rank = found.local_rank
    if local_rank is None:
        said = launched().get("LOCAL_RANK", "")
        local_rank = int(said) if said.isdecimal() else None
    return Ranks(
        found.rank,
        found.world_size,
        local_rank=local_rank,
        timeout_s=timeout_s,
        source=found.source,
        channel=found.channel,
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _written(value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"ranks tell each other small values of JSON, got {value[1]!r}: {error}. Send "
            "numbers, texts, lists and dicts; arrays go by the collectives of your framework."
        ) from error


def _listed(ranks: list[int]) -> str:
    """The ranks as people read them; of many, the first."""
    shown = ", ".join(map(str, ranks[:LISTED])) + (", ..." if len(ranks) > LISTED else "")
    return f"rank {shown}" if len(ranks) == 1 else f"{len(ranks)} ranks ({shown})"


# More names than this help nobody.
LISTED = 16
