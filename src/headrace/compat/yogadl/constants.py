"""The names that YogaDL has for kinds of cloud storage."""

from __future__ import annotations

AWS_STORAGE = "aws_storage"
GCS_STORAGE = "gcs_storage"
