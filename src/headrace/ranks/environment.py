"""Ranks that a launcher wrote into the environment; they cannot talk to each other by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.contracts.errors import RankError
from headrace.ranks.channel import Found
from headrace.settings import launched


@dataclass(frozen=True)
class Launcher:
    """The variables in which a launcher says rank, number of ranks, and rank on this machine."""

    name: str
    rank: str
    world_size: str
    local_rank: str


# torchrun is asked first: under it the others say which machine this is.
LAUNCHERS = (
    Launcher("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
    Launcher("SLURM", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    Launcher(
        "Open MPI",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
    ),
    Launcher("PMI", "PMI_RANK", "PMI_SIZE", "PMI_LOCAL_RANK"),
)
# The names that SLURM gives to a shell that somebody works in.
INTERACTIVE = ("bash", "interactive")


def found(environment: Mapping[str, str] | None = None) -> Found | None:
    """The rank of the first launcher that says one.

    Raises:
        RankError: what it says is not whole, or contradicts itself; the message has the names.
    """
    variables = launched() if environment is None else environment
    for launcher in LAUNCHERS:
        if launcher.name == "SLURM" and _is_one_alone(variables):
            continue
        names = (launcher.rank, launcher.world_size)
        if any(variables.get(name) for name in names):
            return _read(launcher, variables)
    return None


def _read(launcher: Launcher, variables: Mapping[str, str]) -> Found:
    names = (launcher.rank, launcher.world_size, launcher.local_rank)
    said = [variables.get(name, "").strip() for name in names]
    rank, world_size, local_rank = (int(text) if text.isdecimal() else None for text in said)
    is_whole = rank is not None and world_size is not None and not (said[2] and local_rank is None)
    if not is_whole or not max(rank or 0, local_rank or 0) < (world_size or 0):
        shown = ", ".join(f"{name}={variables.get(name)}" for name in names)
        raise RankError(
            f"the environment of {launcher.name} says {shown}. {names[0]} and {names[1]} were "
            f"expected together, a rank from 0 and a larger number of ranks. Set both or "
            "neither, or say hr.DataLoader(..., ranks=hr.Ranks(rank, world_size))."
        )
    assert rank is not None
    assert world_size is not None
    return Found(rank, world_size, f"environment of {launcher.name}", local_rank)


def _is_one_alone(variables: Mapping[str, str]) -> bool:
    """Whether SLURM's variables are about a job, and this process is one alone in it."""
    is_shell = variables.get("SLURM_JOB_NAME") in INTERACTIVE or "SLURM_PTY_PORT" in variables
    # A batch script, or a shell in an allocation: the tasks begin with `srun`, each in a step.
    is_outside = "SLURM_JOB_ID" in variables and "SLURM_STEP_ID" not in variables
    return is_shell or is_outside
