"""tf.data: W5, in its graph; batches are arrays."""

# Any, in this file: batches are arrays of TensorFlow's.
from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

# Before the import, which prints otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks.case import Case
from benchmarks.chain import keep, rate, triple
from benchmarks.sizes import RANGE_BATCH


def _range_chain(records: int) -> Iterable[Any]:
    chain = tf.data.Dataset.range(records).map(triple).filter(keep).batch(RANGE_BATCH)
    return chain.as_numpy_iterator()


CASES = [Case("W5", "tf.data", lambda bench: rate(bench, _range_chain))]
