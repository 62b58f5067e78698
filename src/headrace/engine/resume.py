"""The header of a saved state: which chain, data, epoch, seed and rank it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import Run, State
from headrace.contracts.errors import StateError
from headrace.contracts.rest import Rest
from headrace.engine.chain import Chain
from headrace.engine.mergeable import unmergeable
from headrace.engine.position import Position, is_start
from headrace.engine.resting import dealt, is_merged, leftovers_json, rest_of, row_json

# Raised when a state's meaning changes; older ones then load or say why not.
STATE_VERSION = 1

# What the position itself says; the rest is the header.
POSITION_KEYS = ("at", "done", "part", "failed", "stages", "turn", "parents", "given", "padded")

# What a seed and an epoch can be: a state with others was not written by us.
LEAST_SEED, END_OF_SEEDS = -(2**63), 2**64
LAST_EPOCH = 2**63 - 1


@dataclass(frozen=True)
class Resume:
    """What a loader saves beside the position.

    `rest` is what a merge of ranks has left of the epoch; None where it began as always.
    """

    chain: Chain
    epoch: int
    seed: int | None
    next_seed: int | None
    rest: Rest | None = None

    def state(self, where: State | None) -> State:
        """The whole state; `where` None is the start of the epoch."""
        rank, world_size = self.chain.world or (0, 1)
        position = Position().state() if where is None or is_start(where) else where
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
            **self.chain.extent(Run(epoch=self.epoch, seed=self.seed)),
        }
        if self.rest is not None:
            header["rest"] = row_json(self.rest.positions)
            header["leftovers"] = leftovers_json(self.rest.leftovers)
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
        check_shape(state)
        if is_merged(state):
            _check_mergeable(chain)
        state = _own(chain, state)
        expected = Resume(chain, 0, None, None).state(None)
        for key in ("data", "chain"):
            if state[key] != expected[key]:
                raise StateError(
                    f"this state was saved with {key} {state[key]!r}, and this loader has "
                    f"{expected[key]!r}. Load it into a loader of the very same chain, or begin "
                    "anew without it."
                )
        saved, own = ((one["rank"], one["world_size"]) for one in (state, expected))
        if saved != own:
            raise StateError(
                f"this state was saved on rank {saved[0]} of {saved[1]}, and this loader is rank "
                f"{own[0]} of {own[1]}. Load it on the same rank of as many, or the states of all "
                "ranks as one: hr.merge_states([...])."
            )
        next_seed = state.get("next_seed", state["seed"])
        found = Resume(chain, state["epoch"], state["seed"], next_seed, rest_of(state))
        where = found.where(state)
        if where is not None:
            chain.check(where)
        return found

    def where(self, state: State) -> State | None:
        """The position in a state, None for the start of an epoch."""
        state = _own(self.chain, state)
        position = {key: state[key] for key in POSITION_KEYS if key in state}
        return None if is_start(position) else position


def _own(chain: Chain, state: State) -> State:
    """A state as that of the chain's rank, where it is one of all ranks."""
    return dealt(state, *(chain.world or (0, 1))) if is_merged(state) else state


def _check_mergeable(chain: Chain) -> None:
    refused = unmergeable(chain)
    if refused is not None:
        raise StateError(
            f"this state is one that merge_states gave, and states of this chain cannot be merged "
            f"because of {refused[0]}: {refused[1]}. Load the states rank by rank, on as many "
            "ranks as saved them."
        )


def check_shape(state: Any) -> None:  # Any: whatever the user kept
    """Refuses what is no state, or lacks a part of its header. Raises StateError."""
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


def _is_seed(seed: Any) -> bool:  # Any: whatever the user kept
    return seed is None or (type(seed) is int and LEAST_SEED <= seed < END_OF_SEEDS)
