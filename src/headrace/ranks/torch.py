"""Ranks of torch.distributed, who meet in the store of their process group."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import ArgumentError, near
from headrace.ranks.channel import BoardChannel, Found

# Any, in this file: torch is optional.
# What the store answers for a key that is not there; our values begin with another sign.
MISSING = "?"


def found() -> Found | None:
    """The rank in torch's default process group, where one has been initialised."""
    distributed = _distributed()
    if distributed is None:
        return None
    members = range(distributed.get_world_size())
    return _found(members, distributed.get_rank(), "torch.distributed")


def found_in_mesh(mesh: Any, names: Sequence[str]) -> Found:
    """The rank along the named dimensions of a torch DeviceMesh.

    Raises:
        ArgumentError: it has no such dimension, or this process is not in it.
    """
    known: list[str] = list(mesh.mesh_dim_names or [])
    here: list[int] | None = mesh.get_coordinate()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ArgumentError(
            f"the dimension {unknown[0] if unknown else None!r} was asked of a DeviceMesh. Names "
            f"of its dimensions were expected. {near(str(unknown[:1]), known)}"
        )
    if here is None:
        raise ArgumentError(
            "the rank was asked of a DeviceMesh that this process is not in. A mesh with all "
            "processes that load records was expected. Make it of all of them."
        )
    places = [slice(None) if name in names else at for name, at in zip(known, here, strict=True)]
    members: list[int] = mesh.mesh[tuple(places)].flatten().tolist()
    own = int(mesh.mesh[tuple(here)])
    return _found(members, members.index(own), f"DeviceMesh {', '.join(names)}")


@dataclass(frozen=True)
class StoreBoard:
    """The store in which the process group found together, under a name of these members."""

    name: str

    def put(self, key: str, text: str) -> None:
        self._store.set(f"{self.name}/{key}", f"={text}")

    def get(self, key: str) -> str | None:
        # `get` waits for a key that is not there, or was dropped just now; this reads and goes on.
        found = bytes(self._store.compare_set(f"{self.name}/{key}", MISSING, MISSING))
        return None if found == MISSING.encode() else found.decode()[1:]

    def drop(self, key: str) -> None:
        self._store.delete_key(f"{self.name}/{key}")

    @property
    def _store(self) -> Any:
        # A process group of our own would have to be made by all ranks at once, listens on ports,
        # and does not say who is missing; torch has no public name for the store it has.
        return sys.modules["torch"].distributed.distributed_c10d._get_default_store()


def _found(members: Sequence[int], rank: int, source: str) -> Found:
    name = hashlib.sha256(",".join(map(str, members)).encode()).hexdigest()[:16]
    board = StoreBoard(f"headrace/{name}")
    channel = BoardChannel(board, rank, len(members))
    return Found(rank, len(members), source, channel=channel)


def _distributed() -> Any:
    """`torch.distributed` where a process group is initialised, else None."""
    distributed: Any = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available():
        return None
    return distributed if distributed.is_initialized() else None
