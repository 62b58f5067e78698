"""The state of a DataLoader2: the position of its loader, as JSON."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.contracts import State
from headrace.contracts.errors import StateError
from headrace.engine.position import is_start
from headrace.engine.resume import POSITION_KEYS

# Any, in this file: JSON.
POSITION_KEY_NAME = "position"
READING_SERVICE_STATE_KEY_NAME = "reading_service_state"
RANDOMNESS_STATE_KEY_NAME = "randomness_state"


class SavedState(dict[str, Any]):
    """A state that knows its graph for as long as it stays in this process.

    Pickled, copied or written as JSON it is a plain dict: positions, and no code.
    """

    datapipe: DataPipe = None

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


@dataclass(frozen=True)
class Saved:
    """What a state says: a position, a seed for the next epoch, what a service has kept."""

    position: State
    next_seed: int | None = None
    service: bytes | None = None
    # The rank and the number of ranks, where a graph is shared by hand.
    share: tuple[int, int] = (0, 1)

    @property
    def is_inside(self) -> bool:
        """Whether a part of an epoch was given."""
        where = {key: self.position[key] for key in POSITION_KEYS if key in self.position}
        return not is_start(where) or self.position.get("rest") is not None

    def check(self, share: tuple[int, int]) -> None:
        """Refuses the state of another share of a graph that is shared by hand.

        Raises:
            StateError: it is of another.
        """
        if self.share != share:
            raise StateError(
                f"this state was saved on share {self.share[0]} of {self.share[1]}, and this "
                f"loader gives share {share[0]} of {share[1]}. The same was expected, since the "
                "graph is shared out in several places. Put one sharding_filter behind all joins."
            )

    def state(self, datapipe: DataPipe) -> SavedState:
        """It as JSON."""
        service = None if self.service is None else base64.b64encode(self.service).decode()
        found = SavedState(
            {
                POSITION_KEY_NAME: self.position,
                RANDOMNESS_STATE_KEY_NAME: self.next_seed,
                READING_SERVICE_STATE_KEY_NAME: service,
                "share": list(self.share),
            }
        )
        found.datapipe = datapipe
        return found

    @staticmethod
    def of(state: Any) -> Saved:
        """What a state says; of several, those of all ranks of a world, as one of any.

        Raises:
            StateError: it is no such state.
        """
        if isinstance(state, Sequence) and not isinstance(state, str | bytes) and state:
            every = [Saved.of(one) for one in state]
            if every[0].share != (0, 1):
                raise StateError(
                    f"states of {len(every)} ranks were to be merged, and their graph is shared "
                    "out in several places. The state of this very rank was expected. Put one "
                    "sharding_filter behind all joins."
                )
            merged = hr.merge_states([one.position for one in every])
            return Saved(merged, every[0].next_seed, every[0].service)
        if not isinstance(state, dict) or not isinstance(state.get(POSITION_KEY_NAME), dict):
            raise StateError(
                f"a state must be the dict that state_dict() gave, got {type(state).__name__} "
                f"{str(state)[:80]!r}. States of torchdata hold a pickled graph and no position: "
                "begin anew without them."
            )
        service = state.get(READING_SERVICE_STATE_KEY_NAME)
        rank, world_size = state.get("share", (0, 1))
        return Saved(
            state[POSITION_KEY_NAME],
            state.get(RANDOMNESS_STATE_KEY_NAME),
            None if service is None else base64.b64decode(service),
            (rank, world_size),
        )
