"""By what the ranks that share an epoch out know each other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from headrace.ledger.sessions import Session, World


def in_worlds(sessions: Iterable[Session]) -> list[Session]:
    """The sessions in the order in which they began, each with its world.

    A world is a number of ranks, and the merge that they came out of. A rank's own state says of
    a merge which units nobody had begun, and of the others its share: the newest merge that left
    both is taken, since several may leave the same.
    """
    merges: dict[World, list[tuple[World, list[Any]]]] = defaultdict(list)  # Any: JSON
    found = []
    for session in sorted(sessions, key=lambda one: (one.began_us, one.path, one.number)):
        state = session.state or {}
        leftovers = state.get("leftovers") or []
        world = alike = session.world_size, json.dumps(state.get("rest"))
        if leftovers and state.get("rank") is None:
            world = session.world_size, json.dumps([state["rest"], leftovers])
        if state.get("rank") is None:
            merges[alike].append((world, leftovers))
        else:
            share = slice(session.rank, None, session.world_size)
            fitting = [one for one, units in merges[alike] if units[share] == leftovers]
            world = fitting[-1] if fitting else alike
        found.append(replace(session, world=world))
    return found
