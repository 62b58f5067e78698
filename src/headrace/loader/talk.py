"""What the ranks of a loader tell each other, and what they left out."""

from __future__ import annotations

import logging
from typing import Any

from headrace.contracts import Run
from headrace.contracts.errors import RankError
from headrace.engine import Chain
from headrace.loader.ends import EpochEnd, Report
from headrace.ranks import Ranks

logger = logging.getLogger("headrace")
# Where loaders meet first, and get a topic of their own.
LOADERS = "loaders"


class Talk:
    """The meetings of one loader with those of the other ranks."""

    def __init__(self, ranks: Ranks | None) -> None:
        # How many batches were left out so that the ranks end together.
        self.dropped_batches = 0
        self._ranks = ranks
        self._topic: str | None = None

    def begin(
        self, chain: Chain, run: Run, epoch_end: EpochEnd | None, *, is_resumed: bool
    ) -> None:
        """Checks that all ranks begin the same epoch of the same chain, where they can talk.

        Raises:
            RankError: some do not, or are missing; the message names them. Or the loader was made
                before there were ranks.
        """
        if self._ranks is not None and self._ranks.is_outdated:
            raise RankError(
                f"this DataLoader was made for {self._ranks}, and a group of ranks has been "
                "initialised since: each of them would give all records. A group before the loader "
                "was expected. Make the loader after init_process_group; or say ranks=hr.Ranks(0, "
                "1) where each process is to give all."
            )
        if self._ranks is None or self._ranks.world_size == 1 or not self._ranks.can_talk:
            return
        own = {
            "chain": chain.fingerprint,
            "data": chain.identity,
            "seed": run.seed,
            "epoch": run.epoch,
            "epoch_end": epoch_end,
            # A rank that found no state begins anew, and would be batches behind the others.
            "begin": "where a state says" if is_resumed else "the start of the epoch",
        }
        what = "the begin of an epoch of a DataLoader"
        number, said = self._ranks.meet(own, what, topic=self._topic or LOADERS)
        self._topic = self._topic or f"loader/{number}"
        for key, value in own.items():
            _check_equal(key, value, [one[key] for one in said], self._ranks)

    def exchange(self, report: Report, epoch: int) -> list[Report]:
        """What each rank has ready.

        Raises:
            RankError: a rank is missing, or there is no way to it.
        """
        assert self._ranks is not None
        what = f"agreeing on the end of epoch {epoch}"
        _, said = self._ranks.meet(report.written(), what, topic=self._topic or LOADERS)
        return [Report(**one) for one in said]

    def dropped(self, batches: int) -> None:
        """Counts batches that were left out; the first time says so."""
        if not self.dropped_batches and batches:
            logger.warning(
                'epoch_end="shortest" leaves out %d batches on %s, which other ranks lack; '
                "the number of all is in stats().dropped.",
                batches,
                self._ranks,
            )
        self.dropped_batches += batches


def _check_equal(
    key: str,
    own: Any,  # Any: JSON
    said: list[Any],  # Any: JSON
    ranks: Ranks,
) -> None:
    other = [rank for rank, value in enumerate(said) if value != said[0]]
    if not other:
        return
    shown = ", ".join(f"rank {rank}: {said[rank]!r}" for rank in [0, *other[:8]])
    raise RankError(
        f"the ranks do not have the same {key}: {shown}. On {ranks}, {own!r} was given; the same "
        "was expected on all. Make the loader alike on every rank, with one seed, and load states "
        "of one moment."
    )
