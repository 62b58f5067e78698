"""What a function or value is, as text that is the same in every run and process."""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import struct
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import xxhash

from headrace.fingerprints.parts import cached_names, content, parts_of, plain

# Any, in this file: values are the user's, of every type.

Substitute = Callable[[Any], Any]
# Fields of a code object that say what it does; none says where it stands.
CODE_FIELDS = (
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_exceptiontable",
)
BUILTINS = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    np.ufunc,
)
# The protocol of pickle whose way to take an object apart is used.
PROTOCOL = 4


class NoFingerprint(Exception):
    """A value that another process could not know again; the argument says which."""


def fingerprint(value: Any, *, substitute: Substitute = lambda value: value) -> str:
    """32 hex digits that equal values have in every run and process of one Python version.

    A function is its bytecode, constants, names, defaults and the values that it closes over,
    not its name, file or line; an object its class's code and its attributes; an array its
    content. The helpers that a function calls and the globals that it reads count by their name
    alone. Each value that holds others is first given to `substitute`, which may put another
    in its place.

    Raises:
        NoFingerprint: a value is met that cannot be taken apart, such as a generator or a file.

    Example:
        >>> double, twice, triple = lambda x: 2 * x, lambda x: 2 * x, lambda x: 3 * x
        >>> fingerprint(double) == fingerprint(twice), fingerprint(double) == fingerprint(triple)
        (True, False)
    """
    return _Walk(substitute).of(value).hex()


class _Walk:
    """One fingerprint on its way: what has been met, and what it lies in."""

    def __init__(self, substitute: Substitute) -> None:
        self._substitute = substitute
        # What a value lies in, outermost first: a function may close over itself.
        self._around: list[int] = []
        # The values are held, so that none of these numbers is given to another.
        self._known: dict[int, tuple[Any, bytes]] = {}

    def of(self, value: Any) -> bytes:
        known = plain(value)
        if known is not None:
            return _joined(type(value).__name__, [known])
        value = self._substitute(value)
        place = id(value)
        if place in self._known:
            return self._known[place][1]
        if place in self._around:
            depth = len(self._around) - self._around.index(place)
            return _joined("around", [b"%d" % depth])
        self._around.append(place)
        try:
            found = self._compound(value)
        finally:
            self._around.pop()
        self._known[place] = value, found
        return found

    def _compound(self, value: Any) -> bytes:
        kind = type(value)
        if kind in TAKEN_APART:
            return _joined(kind.__name__, TAKEN_APART[kind](self, value))
        if isinstance(value, BUILTINS):
            return self._builtin(value)
        if isinstance(value, type):
            return _joined("class", self._class(value))
        tensor = getattr(sys.modules.get("torch"), "Tensor", None)
        if tensor is not None and isinstance(value, tensor):
            return _joined("tensor", self._tensor(value))
        if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            return _joined("array", self._array(value))
        # Of functools.lru_cache and of compilers: what they call is what they are.
        inner = getattr(value, "__wrapped__", None)
        if callable(inner):
            return _joined("wrapped", [self.of(inner)])
        if dataclasses.is_dataclass(value):
            return _joined("dataclass", self._dataclass(value))
        return _joined("object", self._reduced(value))

    def each(self, values: Iterable[Any]) -> list[bytes]:
        return [self.of(value) for value in values]

    def pairs(self, values: dict[Any, Any]) -> list[bytes]:
        return [digest for pair in values.items() for digest in self.each(pair)]

    def unordered(self, values: Iterable[Any]) -> list[bytes]:
        return sorted(self.each(values))

    def function(self, fn: types.FunctionType) -> list[bytes]:
        cells = [content(cell) for cell in fn.__closure__ or ()]
        named = sorted((fn.__kwdefaults__ or {}).items())
        return self.each([fn.__code__, fn.__defaults__, named, cells])

    def method(self, method: types.MethodType) -> list[bytes]:
        return self.each([method.__func__, method.__self__])

    def partial(self, partial: functools.partial[Any]) -> list[bytes]:
        return self.each([partial.func, partial.args, sorted(partial.keywords.items())])

    def code(self, code: types.CodeType) -> list[bytes]:
        return self.each([*(getattr(code, name) for name in CODE_FIELDS), code.co_consts])

    def _builtin(self, value: Any) -> bytes:
        owner = getattr(value, "__self__", None)
        # A function of a module has the module there, a method the object that it is bound to.
        bound = [] if owner is None or isinstance(owner, types.ModuleType) else [self.of(owner)]
        module = getattr(value, "__module__", None) or ""
        name = getattr(value, "__qualname__", value.__name__)
        return _joined("builtin", [module.encode(), name.encode(), *bound])

    def _class(self, kind: type) -> list[bytes]:
        codes = [
            self.of((name, part))
            for owner in kind.__mro__
            for name, attribute in sorted(vars(owner).items())
            for part in parts_of(name, attribute)
        ]
        # The script of a run has another name in a process that it spawns.
        module = kind.__module__.replace("__mp_main__", "__main__")
        return [module.encode(), kind.__qualname__.encode(), *codes]

    def _dataclass(self, value: Any) -> list[bytes]:
        # What does not count for equality is a cache or a counter.
        fields = {field.name: field.compare for field in dataclasses.fields(value)}
        names = [name for name, counts in fields.items() if counts]
        if not value.__dataclass_params__.frozen:
            # Set beside the fields, as in any other object.
            names += sorted(vars(value).keys() - fields.keys() - cached_names(type(value)))
        return self.each([type(value), *((name, getattr(value, name)) for name in names)])

    def _array(self, array: Any) -> list[bytes]:
        whole = np.ascontiguousarray(array)
        digest = xxhash.xxh3_128_digest(whole.reshape(-1).view(np.uint8).data)
        return [str(array.dtype.descr).encode(), str(array.shape).encode(), digest]

    def _tensor(self, tensor: Any) -> list[bytes]:
        try:
            whole = tensor.detach().cpu().contiguous().reshape(-1)
            payload = whole.view(sys.modules["torch"].uint8).numpy()
        except (RuntimeError, TypeError) as error:
            raise NoFingerprint(f"a tensor of layout {tensor.layout} ({error})") from error
        return [str(tensor.dtype).encode(), str(tuple(tensor.shape)).encode(), self.of(payload)]

    def _reduced(self, value: Any) -> list[bytes]:
        """An object as pickle takes it apart, of which nothing is pickled."""
        try:
            special = copyreg.dispatch_table.get(type(value))
            parts = value.__reduce_ex__(PROTOCOL) if special is None else special(value)
        except Exception as error:
            kind = type(value)
            name = f"{kind.__module__}.{kind.__qualname__}"
            raise NoFingerprint(f"a value of type {name} ({error})") from error
        if isinstance(parts, str):
            return [str(getattr(value, "__module__", "")).encode(), parts.encode()]
        # A way to make it, its arguments and state; then iterators over what it holds.
        held = [list(part) for part in parts[3:5] if part is not None]
        return self.each([*parts[:3], held])


TAKEN_APART: dict[type, Callable[[_Walk, Any], list[bytes]]] = {
    list: _Walk.each,
    tuple: _Walk.each,
    dict: _Walk.pairs,
    set: _Walk.unordered,
    frozenset: _Walk.unordered,
    types.FunctionType: _Walk.function,
    types.MethodType: _Walk.method,
    functools.partial: _Walk.partial,
    types.CodeType: _Walk.code,
}


def _joined(tag: str, parts: Iterable[bytes]) -> bytes:
    digest = xxhash.xxh3_128(tag.encode())
    for part in parts:
        digest.update(struct.pack("<Q", len(part)))
        digest.update(part)
    return digest.digest()
