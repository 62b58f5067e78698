"""Batches as TensorFlow tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.contracts import Record
from headrace.contracts.tree import is_namedtuple
from headrace.extras import imported


def to_tensorflow(batch: Record) -> Record:
    """The batch with a tensor for each array, NumPy number, and list of texts; all else stays.

    On the CPU a tensor may share its memory with the array: do not write to the array after.
    Use it as a stage, `stream.batch(64).map(to_tensorflow)`; for a tf.data.Dataset there is
    `make_tf_dataset`.

    **Shape**: each array's own; a list of str or bytes has one axis. Dtypes that TensorFlow does
    not have stay arrays.

    Raises:
        MissingExtra: TensorFlow is not installed.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.tensorflow import to_tensorflow
        >>> stream = hr.stream([{"x": 1.5, "name": "a"}, {"x": 2.5, "name": "b"}]).batch(2)
        >>> [batch] = stream.map(to_tensorflow).collect()
        >>> batch["x"].dtype, batch["name"].numpy().tolist()
        (tf.float64, [b'a', b'b'])
    """
    return _converted(imported("tensorflow", extra="tf"), batch)


# Any: the module is optional, and a leaf has any type.
def _converted(tf: Any, value: Any) -> Any:
    if type(value) is dict:
        return {key: _converted(tf, one) for key, one in value.items()}
    if is_namedtuple(value):
        return type(value)(*(_converted(tf, one) for one in value))
    if type(value) is tuple:
        return tuple(_converted(tf, one) for one in value)
    if type(value) is list:
        is_text = bool(value) and all(isinstance(one, str | bytes) for one in value)
        return tf.constant(value) if is_text else [_converted(tf, one) for one in value]
    return _tensor(tf, value) if isinstance(value, np.ndarray | np.generic) else value


def _tensor(tf: Any, array: Any) -> Any:
    if not array.dtype.isnative and array.dtype.names is None:
        array = array.astype(array.dtype.newbyteorder("="))
    try:
        dtype = tf.as_dtype(array.dtype)
    except TypeError:
        # Times, records.
        return array
    try:
        return tf.convert_to_tensor(array, dtype)
    except ValueError:
        if array.dtype != object:
            raise
        # Objects other than texts.
        return array
