"""The element_spec of a tf.data.Dataset: its components, and as JSON and back.

A component is one tensor of the structure.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from headrace.contracts.errors import ArgumentError
from headrace.contracts.tree import is_namedtuple
from headrace.sources.frameworks.tensor_parts import extents_of, kind_of

# Any, in this file: TensorFlow is optional, so its specs and tensors have no types here.

ORIGIN_KIND = "tf.data"


def components(spec: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted name and the spec of each component, in order; the name of a root is empty."""
    if not _is_container(spec):
        yield name, spec
        return
    for key, child in zip(_keys(spec), _children(spec), strict=True):
        yield from components(child, f"{name}.{key}" if name else str(key))


def values_of(spec: Any, value: Any) -> list[Any]:
    """What stands in `value` at each component of `spec`.

    Raises:
        LookupError: `value` has another structure; its arguments say where and what is there.
    """
    return list(_values(spec, value, ""))


def packed(spec: Any, values: Iterator[Any]) -> Any:
    """The structure of `spec` with `values` in the places of its components."""
    if not _is_container(spec):
        return next(values)
    children = [packed(child, values) for child in _children(spec)]
    if isinstance(spec, Mapping):
        return dict(zip(spec, children, strict=True))
    return type(spec)(*children) if is_namedtuple(spec) else tuple(children)


def described(tf: Any, spec: Any) -> dict[str, Any]:
    """An element_spec as JSON.

    Raises:
        ArgumentError: a component cannot be stored; the message names it.
    """
    return _described(tf, spec, "")


def restored(tf: Any, described: Mapping[str, Any]) -> Any:
    """The element_spec that `described` tells of."""
    if "children" not in described:
        return _restored_leaf(tf, described)
    children = [restored(tf, child) for child in described["children"]]
    if described["kind"] == "dict":
        return dict(zip(described["keys"], children, strict=True))
    if described["kind"] == "tuple":
        return tuple(children)
    return _named_class(described)(*children)


def _described(tf: Any, spec: Any, name: str) -> dict[str, Any]:
    if not _is_container(spec):
        return _described_leaf(tf, spec, name)
    keys = _keys(spec)
    children = [
        _described(tf, child, f"{name}.{key}" if name else str(key))
        for key, child in zip(keys, _children(spec), strict=True)
    ]
    if isinstance(spec, Mapping):
        return {"kind": "dict", "keys": keys, "children": children}
    if not is_namedtuple(spec):
        return {"kind": "tuple", "children": children}
    cls = type(spec)
    place = {"module": cls.__module__, "name": cls.__qualname__}
    return {"kind": "namedtuple", **place, "keys": keys, "children": children}


def _described_leaf(tf: Any, spec: Any, name: str) -> dict[str, Any]:
    kind = kind_of(tf, spec)
    if kind == "":
        raise ArgumentError(
            f"{f'the component {name!r}' if name else 'the element'} of this tf.data.Dataset is a "
            f"{type(spec).__name__}, and tensors, ragged tensors and sparse tensors can be stored. "
            "Make tensors of it with dataset.map(...), or leave it out."
        )
    if kind == "none":
        return {"kind": kind}
    leaf = {"kind": kind, "dtype": spec.dtype.name, "shape": extents_of(spec)}
    if kind == "dense" and spec.name is not None:
        leaf["name"] = spec.name
    if kind == "ragged":
        leaf["ragged_rank"] = spec.ragged_rank
        leaf["row_splits_dtype"] = spec.row_splits_dtype.name
    return leaf


def _restored_leaf(tf: Any, described: Mapping[str, Any]) -> Any:
    kind = described["kind"]
    if kind == "none":
        return tf.data.Dataset.from_tensors((0, None)).element_spec[1]
    shape, dtype = described["shape"], tf.as_dtype(described["dtype"])
    if kind == "dense":
        return tf.TensorSpec(shape, dtype, described.get("name"))
    if kind == "sparse":
        return tf.SparseTensorSpec(shape, dtype)
    splits = tf.as_dtype(described["row_splits_dtype"])
    return tf.RaggedTensorSpec(shape, dtype, described["ragged_rank"], splits)


def _values(spec: Any, value: Any, name: str) -> Iterator[Any]:
    if not _is_container(spec):
        yield value
        return
    keys = _keys(spec)
    is_dict = isinstance(spec, Mapping)
    if is_dict != isinstance(value, Mapping) or not _is_container(value) or len(value) != len(keys):
        raise LookupError(name, value)
    if is_dict and any(key not in value for key in keys):
        raise LookupError(name, value)
    members = [value[key] for key in keys] if is_dict else list(value)
    for key, child, member in zip(keys, _children(spec), members, strict=True):
        yield from _values(child, member, f"{name}.{key}" if name else str(key))


def _is_container(spec: Any) -> bool:
    return isinstance(spec, Mapping | tuple)


def _keys(spec: Any) -> list[Any]:
    if isinstance(spec, Mapping):
        return list(spec)
    return list(spec._fields) if is_namedtuple(spec) else list(range(len(spec)))


def _children(spec: Any) -> list[Any]:
    return list(spec.values()) if isinstance(spec, Mapping) else list(spec)


def _named_class(described: Mapping[str, Any]) -> Callable[..., Any]:
    # Nothing is imported: a manifest must not choose which code runs.
    found: object = sys.modules.get(described["module"])
    for part in described["name"].split("."):
        # Not getattr: a module may import when it is asked for a name.
        found = getattr(found, "__dict__", {}).get(part)
    fields = tuple(described["keys"])
    if isinstance(found, type) and getattr(found, "_fields", None) == fields:
        return found
    name = described["name"].rpartition(".")[2]
    return cast("Callable[..., Any]", namedtuple(name, fields))
