"""The header of a saved state: which chain, data, epoch, seed and rank it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import State
from headrace.contracts.errors import StateError
from headrace.engine.chain import Chain

# Raised when a state's meaning changes; older ones then load or say why not.
STATE_VERSION = 1

# What the position itself says; the rest is the header.
POSITION_KEYS = ("at", "done", "part", "failed", "stages", "turn", "parents")

# What a seed and an epoch can be: a state with others was not written by us.
LEAST_SEED, END_OF_SEEDS = -(2**63), 2**64
LAST_EPOCH = 2**63 - 1


@dataclass(frozen=True)
class Resume:
    """What a loader saves beside the position.

    `rest` and `leftovers` hold what is left to visit after states of several ranks are merged.
    """

    chain: Chain
    epoch: int
    seed: int | None
    next_seed: int | None

    def state(self, where: State | None) -> State:
        """The whole state; `where` None is the start of the epoch."""
        rank, world_size = self.chain.world or (0, 1)
        position = {"at": 0, "done": "", "part": [], "stages": []} if where is None else where
        header = {
            "v": STATE_VERSION,
            "chain": self.chain.fingerprint,
            "data": self.chain.identity,
            "seed": self.seed,
            "epoch": self.epoch,
            "rank": rank,
            "world_size": world_size,
            "rest": None,
            "leftovers": None,
        }
        if self.next_seed != self.seed:
            header["next_seed"] = self.next_seed
        return {**header, **position}

    def following(self, epochs: int = 1) -> Resume:
        """The header of the next epoch, or of a later one."""
        if not epochs:
            return self
        return Resume(self.chain, self.epoch + epochs, self.next_seed, self.next_seed)

    @staticmethod
    def of(chain: Chain, state: State) -> Resume:
        """The header of a state, checked against a chain.

        Raises:
            StateError: it belongs elsewhere; the message says what differs.
        """
        _check_shape(state)
        expected = Resume(chain, 0, None, None).state(None)
        for key in ("data", "chain", "rank", "world_size"):
            if state[key] != expected[key]:
                raise StateError(
                    f"this state was saved with {key} {state[key]!r}, and this loader has "
                    f"{expected[key]!r}. Load it into a loader of the very same chain, or begin "
                    "anew without it."
                )
        where = Resume.where(state)
        if where is not None:
            chain.check(where)
        return Resume(chain, state["epoch"], state["seed"], state.get("next_seed", state["seed"]))

    @staticmethod
    def where(state: State) -> State | None:
        """The position in a state, None for the start of an epoch."""
        position = {key: state[key] for key in POSITION_KEYS if key in state}
        is_start = position == {"at": 0, "done": "", "part": [], "stages": []}
        return None if is_start else position


def _check_shape(state: Any) -> None:  # Any: whatever the user kept
    if not isinstance(state, dict) or not isinstance(state.get("v"), int):
        raise StateError(
            f"a state must be the dict that state_dict() gave, got {type(state).__name__} "
            f"{str(state)[:80]!r}. Save and load it as JSON, unchanged."
        )
    if state["v"] > STATE_VERSION:
        raise StateError(
            f"this state has format version {state['v']}, and this headrace reads up to "
            f"{STATE_VERSION}. Upgrade headrace to load it."
        )
    needed = ("chain", "data", "seed", "epoch", "rank", "world_size")
    missing = [key for key in needed if key not in state]
    epoch = state.get("epoch")
    is_whole = type(epoch) is int and 0 <= epoch <= LAST_EPOCH
    seeds = [state.get(key) for key in ("seed", "next_seed")]
    if missing or not is_whole or not all(_is_seed(seed) for seed in seeds):
        raise StateError(
            f"a state needs {', '.join(needed)} with an epoch from 0, and this one lacks "
            f"{', '.join(missing) or 'a valid epoch or seed'}. Save and load it as JSON, unchanged."
        )
    merged = [key for key in ("rest", "leftovers") if state.get(key) is not None]
    if merged:
        raise StateError(
            f"this state has {' and '.join(merged)}, as a merge of several ranks would write, and "
            "this headrace cannot load those. Upgrade headrace, or load the states rank by rank."
        )


def _is_seed(seed: Any) -> bool:  # Any: whatever the user kept
    return seed is None or (type(seed) is int and LEAST_SEED <= seed < END_OF_SEEDS)
