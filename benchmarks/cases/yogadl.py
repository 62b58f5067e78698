"""YogaDL itself, with the lmdb that it needs."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import yogadl
import yogadl.storage
import yogadl.tensorflow

from benchmarks import yoga

CASES = yoga.cases(yogadl, "YogaDL")
