"""The arguments of a call as text that is equal where the arguments are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import xxhash

from headrace.blobs.showable import HIDDEN, LEAST_TOKEN, comparable
from headrace.contracts.errors import ArgumentError

# Any, in this file: arguments are the user's values, of every type.

# Where an object without a repr of its own lies in memory, which differs between processes.
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Arguments that are credentials, and nothing else.
CREDENTIALS = re.compile(
    r"(.*_)?(password|passwd|passphrase|secret|api_?key|access_key|account_key|secret_key"
    r"|private_key|credentials?|connection_string|sas_url|storage_options)",
    re.IGNORECASE,
)
TOKEN = re.compile(r"(.*_)?token", re.IGNORECASE)


def described_call(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    """Each argument of a call by name, defaults included, as text without credentials.

    Those are no part of what a call gives: a new password gives the same text.

    Example:
        >>> def digits(size, *, folder="data"): ...
        >>> described_call(digits, (8,), {})
        {'size': '8', 'folder': "'data'"}
    """
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return {name: comparable(_named(name, part)) for name, part in bound.arguments.items()}


def call_text(arguments: Any) -> str:
    """The arguments that a version keeps, for messages."""
    if not isinstance(arguments, Mapping):
        # Of a version whose meta is the user's own.
        return f"({arguments})"
    return f"({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def plain_notes(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a user notes, as JSON gives it back. Raises ArgumentError where JSON cannot hold it."""
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(meta or {})))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ArgumentError(
            f"meta must be what JSON can hold, got {meta!r}: {error}. "
            "Use strings, numbers, lists and dicts."
        ) from error
    return plain


def described(value: Any) -> str:
    """A value as text, the same in each process."""
    kind = type(value)
    if kind in (set, frozenset):
        return f"{kind.__name__}({{{', '.join(sorted(map(described, value)))}}})"
    if kind is dict:
        pairs = (f"{described(key)}: {_named(key, part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind in (list, tuple):
        parts = ", ".join(map(described, value))
        return f"[{parts}]" if kind is list else f"({parts}{',' * (len(value) == 1)})"
    if isinstance(value, np.ndarray):
        return _array(value)
    text = ADDRESS.sub("", repr(value))
    if hasattr(kind, "__array__") and not isinstance(value, np.generic):
        # Tensors and tables, whose text leaves out the middle of long ones. Of one that can be no
        # array here, such as one on a GPU, the text must do.
        with suppress(Exception):
            text += f" of {_array(np.asarray(value))}"
    return text


def _named(name: object, value: Any) -> str:
    """A value by its name, which may be that of a credential."""
    if isinstance(name, str) and value is not None:
        if CREDENTIALS.fullmatch(name):
            return HIDDEN
        # The name may be that of a mark in a text, which is short.
        if TOKEN.fullmatch(name) and isinstance(value, str) and len(value) >= LEAST_TOKEN:
            return HIDDEN
    return described(value)


def _array(array: np.ndarray[Any, Any]) -> str:
    if array.dtype.hasobject:
        # Its bytes are addresses.
        content = described(array.ravel().tolist()).encode("utf-8", "surrogatepass")
    else:
        content = np.ascontiguousarray(array).tobytes()
    digest = xxhash.xxh3_64_hexdigest(content)
    return f"array(shape={array.shape}, dtype={array.dtype}, xxh3={digest})"
