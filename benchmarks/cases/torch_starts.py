"""torch's DataLoader with 2 processes of a fork server: until the first batch."""

from __future__ import annotations

from benchmarks.starting import start_cases

CASES = start_cases("torch DataLoader", "torch")
