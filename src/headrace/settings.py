"""The one module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# torchrun and most launchers, SLURM, Open MPI, other MPIs: the first one that is set counts.
RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
WORLD_SIZE_VARIABLES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# All that launchers say about ranks begins so.
LAUNCHER_PREFIXES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_", "OMPI_COMM_WORLD_", "PMI_")
# What obstore reads of the environment begins so.
STORE_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
# What people write to switch something off.
OFF = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    Example:
        >>> settings_of({"RANK": "3", "WORLD_SIZE": "8"}).rank
        3
        >>> settings_of({"HEADRACE_PROGRESS": "0"}).show_progress
        False
    """

    show_progress: bool = True
    rank: int = 0
    world_size: int = 1
    # The address that the command line takes where none is given.
    storage: str | None = None
    # Where shards of remote storages are kept, and how many bytes of them, as it was written.
    cache_dir: Path | None = None
    cache_bytes: str | None = None
    # How builders in a folder keep apart, and how shards are named, for the command line.
    locks: str | None = None
    trust: str | None = None


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` holds."""
    return Settings(
        show_progress=environment.get("HEADRACE_PROGRESS", "1").strip().lower() not in OFF,
        rank=_first_whole(environment, RANK_VARIABLES, 0),
        world_size=_first_whole(environment, WORLD_SIZE_VARIABLES, 1),
        storage=environment.get("HEADRACE_STORAGE") or None,
        cache_dir=_cache_dir(environment),
        cache_bytes=environment.get("HEADRACE_CACHE_BYTES") or None,
        locks=environment.get("HEADRACE_LOCKS") or None,
        trust=environment.get("HEADRACE_TRUST") or None,
    )


def current_settings() -> Settings:
    """The settings of this process, read anew at each call."""
    return settings_of(os.environ)


def launched() -> dict[str, str]:
    """The variables of this process in which launchers speak of ranks."""
    return {name: value for name, value in os.environ.items() if name.startswith(LAUNCHER_PREFIXES)}


def store_environment() -> dict[str, str]:
    """The variables of this process in which object stores find endpoints and credentials."""
    return {name: value for name, value in os.environ.items() if name.startswith(STORE_PREFIXES)}


def _cache_dir(environment: Mapping[str, str]) -> Path | None:
    if environment.get("HEADRACE_CACHE_DIR"):
        return Path(environment["HEADRACE_CACHE_DIR"])
    # Where programs of this user keep what they can get again, if that was said.
    caches = environment.get("XDG_CACHE_HOME")
    return Path(caches, "headrace") if caches else None


def _first_whole(environment: Mapping[str, str], names: tuple[str, ...], otherwise: int) -> int:
    for name in names:
        value = environment.get(name, "").strip()
        # A launcher that writes something else there is not one we know.
        if value.isdecimal():
            return int(value)
    return otherwise
