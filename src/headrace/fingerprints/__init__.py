"""What functions and values are, as text that is the same in every run."""

from __future__ import annotations

from headrace.fingerprints.walk import NoFingerprint, fingerprint

__all__ = ["NoFingerprint", "fingerprint"]
