"""TensorFlow: records and batches as a tf.data.Dataset, and batches in its tensors."""

from __future__ import annotations

from headrace.adapters.tensorflow.dataset import make_tf_dataset
from headrace.tensors.tensorflow import to_tensorflow

__all__ = ["make_tf_dataset", "to_tensorflow"]
