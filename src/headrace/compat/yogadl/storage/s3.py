"""YogaDL's storage in S3."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.compat.yogadl.storage.cloud import BaseCloudConfigurations, BaseCloudStorage

# Any, in this file: options are those of a store.


@dataclass(frozen=True)
class S3Configurations(BaseCloudConfigurations):
    """Says in which bucket of S3 a storage is, and by which keys it is reached.

    Keys that are not said come from the environment. Copies of shards are in `local_cache_dir`;
    None is headrace's own cache.
    """

    bucket: str
    bucket_directory_path: str | Path
    url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    endpoint_url: str | None = None
    local_cache_dir: str | Path | None = None
    skip_verify: bool = False
    coordinator_cert_file: str | None = None
    coordinator_cert_name: str | None = None

    def options(self) -> dict[str, Any]:
        """The keys and the endpoint, as `headrace.Storage` takes them."""
        said = {
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "endpoint": self.endpoint_url,
        }
        return {name: value for name, value in said.items() if value is not None}


class S3Storage(BaseCloudStorage):
    """A `headrace.Storage` at s3://, with YogaDL's names. See BaseCloudStorage."""

    @property
    def scheme(self) -> str:
        """That of addresses such as s3://bucket/prefix."""
        return "s3"
