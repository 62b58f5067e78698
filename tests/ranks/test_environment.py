"""Ranks that launchers say in the environment."""

from __future__ import annotations

import re

import pytest

import headrace as hr
from headrace.settings import LAUNCHER_PREFIXES

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}
SLURM = {"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
}
PMI = {"PMI_RANK": "0", "PMI_SIZE": "2"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which no launcher has written."""
    import os

    for name in os.environ:
        if name.startswith(LAUNCHER_PREFIXES):
            monkeypatch.delenv(name)
    return monkeypatch


def detected(environment: pytest.MonkeyPatch, variables: dict[str, str]) -> hr.Ranks:
    for name, value in variables.items():
        environment.setenv(name, value)
    return hr.Ranks.detect()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(TORCHRUN, (5, 8, 1), id="torchrun"),
        pytest.param(SLURM, (2, 4, 0), id="slurm"),
        pytest.param(SLURM | {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}, (2, 4, 0), id="srun"),
        pytest.param(OPEN_MPI, (1, 3, 1), id="openmpi"),
        pytest.param(PMI, (0, 2, None), id="pmi"),
        pytest.param(TORCHRUN | SLURM, (5, 8, 1), id="torchrun in slurm"),
        pytest.param({}, (0, 1, None), id="nothing"),
        pytest.param({"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"}, (0, 1, None), id="allocation"),
        pytest.param(SLURM | {"SLURM_JOB_ID": "7"}, (0, 1, None), id="batch script"),
        pytest.param(SLURM | {"SLURM_JOB_NAME": "bash"}, (0, 1, None), id="interactive"),
        pytest.param(SLURM | {"SLURM_PTY_PORT": "4711"}, (0, 1, None), id="srun --pty"),
        pytest.param(SLURM | {"SLURM_JOB_ID": "7"} | OPEN_MPI, (1, 3, 1), id="mpirun in slurm"),
    ],
)
def test_each_launcher_is_understood(
    environment: pytest.MonkeyPatch,
    variables: dict[str, str],
    expected: tuple[int, int, int | None],
) -> None:
    ranks = detected(environment, variables)
    assert (ranks.rank, ranks.world_size, ranks.local_rank) == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"RANK": "1"}, "RANK=1, WORLD_SIZE=None", id="half"),
        pytest.param({"WORLD_SIZE": "2"}, "RANK=None, WORLD_SIZE=2", id="other half"),
        pytest.param({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2, WORLD_SIZE=2", id="outside"),
        pytest.param({"RANK": "0", "WORLD_SIZE": "0"}, "WORLD_SIZE=0", id="empty world"),
        pytest.param({"RANK": "x", "WORLD_SIZE": "2"}, "RANK=x", id="no number"),
        pytest.param(TORCHRUN | {"LOCAL_RANK": "8"}, "LOCAL_RANK=8", id="local outside"),
        pytest.param({"SLURM_PROCID": "0"}, "SLURM_NTASKS=None", id="half slurm"),
        pytest.param({"PMI_SIZE": "2"}, "PMI_RANK=None", id="half pmi"),
    ],
)
def test_a_half_set_or_contradictory_environment_is_an_error_with_its_names(
    environment: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    with pytest.raises(hr.errors.RankError, match=re.escape(named) + ".*Set both or neither"):
        detected(environment, variables)


def test_a_loader_takes_the_rank_of_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RANK", "1")
    environment.setenv("WORLD_SIZE", "3")
    loader = hr.DataLoader(hr.stream(range(6)))
    assert list(loader) == [1, 4]
    assert loader.state_dict()["world_size"] == 3


def test_a_stream_sharded_by_hand_is_left_alone(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RANK", "1")
    loader = hr.DataLoader(hr.DataRef.from_sequence(range(6)).shard(0, 3).stream())
    assert list(loader) == [0, 3]
    assert loader.ranks is None


def test_without_a_group_a_meeting_says_what_to_do(environment: pytest.MonkeyPatch) -> None:
    ranks = detected(environment, TORCHRUN)
    with pytest.raises(hr.errors.RankError, match=r"barrier needs the other ranks.*Initialise"):
        ranks.barrier()
