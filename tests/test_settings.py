"""What the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.settings import Settings, current_settings, settings_of


def test_nothing_set_means_one_rank_that_shows_progress() -> None:
    assert settings_of({}) == Settings(show_progress=True, rank=0, world_size=1)


@pytest.mark.parametrize("value", ["0", "false", "No", " off "])
def test_progress_is_switched_off(value: str) -> None:
    assert not settings_of({"HEADRACE_PROGRESS": value}).show_progress
    assert settings_of({"HEADRACE_PROGRESS": "1"}).show_progress


@pytest.mark.parametrize(
    ("rank", "world_size"),
    [
        ("RANK", "WORLD_SIZE"),
        ("SLURM_PROCID", "SLURM_NTASKS"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
    ],
)
def test_each_launcher_is_understood(rank: str, world_size: str) -> None:
    found = settings_of({rank: "3", world_size: "8"})
    assert (found.rank, found.world_size) == (3, 8)


def test_the_storage_of_the_command_line_is_an_address_or_nothing() -> None:
    assert settings_of({"HEADRACE_STORAGE": "/data"}).storage == "/data"
    assert settings_of({"HEADRACE_STORAGE": ""}).storage is None
    assert settings_of({"HEADRACE_LOCKS": "leases"}).locks == "leases"
    assert settings_of({"HEADRACE_TRUST": "sha256"}).trust == "sha256"


def test_the_cache_is_where_the_environment_says_ours_before_everybodys() -> None:
    assert settings_of({}).cache_dir is None
    assert settings_of({"XDG_CACHE_HOME": "/caches"}).cache_dir == Path("/caches/headrace")
    both = settings_of({"XDG_CACHE_HOME": "/caches", "HEADRACE_CACHE_DIR": "/fast"})
    assert both.cache_dir == Path("/fast")
    assert settings_of({"HEADRACE_CACHE_BYTES": "50GB"}).cache_bytes == "50GB"


def test_what_is_no_number_is_passed_over() -> None:
    assert settings_of({"RANK": "primary", "SLURM_PROCID": "2"}).rank == 2


def test_the_environment_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "5")
    assert current_settings().rank == 5
    monkeypatch.setenv("RANK", "6")
    assert current_settings().rank == 6
