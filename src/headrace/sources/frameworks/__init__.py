"""Datasets and loaders of other frameworks, none of which is imported here."""

from __future__ import annotations

from headrace.sources.frameworks.huggingface import huggingface_source
from headrace.sources.frameworks.keras import keras_source
from headrace.sources.frameworks.tensorflow import tensorflow_source
from headrace.sources.frameworks.tensorpack import tensorpack_source
from headrace.sources.frameworks.torch import torch_source

__all__ = [
    "huggingface_source",
    "keras_source",
    "tensorflow_source",
    "tensorpack_source",
    "torch_source",
]
