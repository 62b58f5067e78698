"""headrace by YogaDL's names."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import headrace.compat.yogadl as yogadl
from benchmarks import yoga

CASES = yoga.cases(yogadl, "headrace")
