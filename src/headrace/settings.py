"""The one module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

# torchrun and most launchers, SLURM, Open MPI, other MPIs: the first one that is set counts.
RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
WORLD_SIZE_VARIABLES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# All that launchers say about ranks begins so.
LAUNCHER_PREFIXES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_", "OMPI_COMM_WORLD_", "PMI_")
# What people write to switch something off.
OFF = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    Example:
        >>> settings_of({"RANK": "3", "WORLD_SIZE": "8"})
        Settings(show_progress=True, rank=3, world_size=8, storage=None)
        >>> settings_of({"HEADRACE_PROGRESS": "0"}).show_progress
        False
    """

    show_progress: bool = True
    rank: int = 0
    world_size: int = 1
    # The address that the command line takes where none is given.
    storage: str | None = None


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` holds."""
    return Settings(
        show_progress=environment.get("HEADRACE_PROGRESS", "1").strip().lower() not in OFF,
        rank=_first_whole(environment, RANK_VARIABLES, 0),
        world_size=_first_whole(environment, WORLD_SIZE_VARIABLES, 1),
        storage=environment.get("HEADRACE_STORAGE") or None,
    )


def current_settings() -> Settings:
    """The settings of this process, read anew at each call."""
    return settings_of(os.environ)


def launched() -> dict[str, str]:
    """The variables of this process in which launchers speak of ranks."""
    return {name: value for name, value in os.environ.items() if name.startswith(LAUNCHER_PREFIXES)}


def _first_whole(environment: Mapping[str, str], names: tuple[str, ...], otherwise: int) -> int:
    for name in names:
        value = environment.get(name, "").strip()
        # A launcher that writes something else there is not one we know.
        if value.isdecimal():
            return int(value)
    return otherwise
