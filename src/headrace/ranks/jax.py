"""Processes of jax.distributed, which meet in its coordination service."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from headrace.ranks.channel import BoardChannel, Found

# Any, in this file: JAX is optional.


def found() -> Found | None:
    """The index of this process, where jax.distributed has been initialised."""
    state = _state()
    if state is None:
        return None
    # Not jax.process_index(), which would start the devices.
    rank, world_size = int(state.process_id), int(state.num_processes)
    channel = BoardChannel(ServiceBoard(), rank, world_size)
    return Found(rank, world_size, "jax.distributed", channel=channel)


@dataclass(frozen=True)
class ServiceBoard:
    """The keys and values of the coordination service."""

    def put(self, key: str, text: str) -> None:
        _client().key_value_set(f"headrace/{key}", f"={text}", allow_overwrite=True)

    def get(self, key: str) -> str | None:
        try:
            return str(_client().key_value_try_get(f"headrace/{key}"))[1:]
        except Exception as error:
            if "NOT_FOUND" in str(error):
                return None
            raise

    def drop(self, key: str) -> None:
        _client().key_value_delete(f"headrace/{key}")


def _client() -> Any:
    return sys.modules["jax._src.distributed"].global_state.client


def _state() -> Any:
    """What jax.distributed keeps, None where nobody has initialised it."""
    module = sys.modules.get("jax._src.distributed")
    state = getattr(module, "global_state", None)
    return None if getattr(state, "client", None) is None else state
