"""YogaDL's storage in Google Cloud Storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.compat.yogadl.storage.cloud import BaseCloudConfigurations, BaseCloudStorage

# Any, in this file: options are those of a store.


@dataclass(frozen=True)
class GCSConfigurations(BaseCloudConfigurations):
    """Says in which bucket of Google Cloud Storage a storage is.

    Credentials come from the environment. Copies of shards are in `local_cache_dir`; None is
    headrace's own cache.
    """

    bucket: str
    bucket_directory_path: str | Path
    url: str | None = None
    local_cache_dir: str | Path | None = None
    skip_verify: bool = False
    coordinator_cert_file: str | None = None
    coordinator_cert_name: str | None = None

    def options(self) -> dict[str, Any]:
        """Nothing: all of it comes from the environment."""
        return {}


class GCSStorage(BaseCloudStorage):
    """A `headrace.Storage` at gs://, with YogaDL's names. See BaseCloudStorage."""

    @property
    def scheme(self) -> str:
        """That of addresses such as gs://bucket/prefix."""
        return "gs"
