"""Features of Squirrel that were left behind say so, and what to do now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.compat.squirrel.artifact_manager.filesystem import FileSystemArtifactManager
from headrace.compat.squirrel.artifact_manager.wandb import WandbArtifactManager
from headrace.compat.squirrel.fsspec.custom_gcsfs import CustomGCSFileSystem
from headrace.compat.squirrel.zarr.group import get_group
from headrace.contracts.errors import ArgumentError


def test_s_b28_gcsfs_is_not_patched() -> None:
    with pytest.raises(ArgumentError, match="CustomGCSFileSystem of Squirrel .* gs:// address"):
        CustomGCSFileSystem(token="anon")


@pytest.mark.parametrize("kind", [FileSystemArtifactManager, WandbArtifactManager])
def test_s_b30_versions_are_those_of_a_storage(kind: Callable[..., Any]) -> None:
    with pytest.raises(ArgumentError, match=r"ArtifactManager of Squirrel .*\.submit\(records, "):
        kind("artifacts", collection="default")


def test_groups_of_zarr_are_not_opened() -> None:
    with pytest.raises(ArgumentError, match="get_group of Squirrel .* does not carry it"):
        get_group("arrays.zarr", mode="r")
