"""YogaDL's storages, each over a `headrace.Storage`: a folder, S3 and Google Cloud Storage."""

from __future__ import annotations

from headrace.compat.yogadl.storage.cloud import BaseCloudConfigurations, BaseCloudStorage
from headrace.compat.yogadl.storage.gcs import GCSConfigurations, GCSStorage
from headrace.compat.yogadl.storage.local import LFSConfigurations, LFSStorage
from headrace.compat.yogadl.storage.s3 import S3Configurations, S3Storage

__all__ = [
    "BaseCloudConfigurations",
    "BaseCloudStorage",
    "GCSConfigurations",
    "GCSStorage",
    "LFSConfigurations",
    "LFSStorage",
    "S3Configurations",
    "S3Storage",
]
