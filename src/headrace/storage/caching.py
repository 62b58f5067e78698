"""A function whose result is stored by the first call, and read by all others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ParamSpec

from headrace.contracts import Backend
from headrace.dataref import DataRef
from headrace.storage.arguments import described_call
from headrace.storage.building import Build
from headrace.storage.making import Maker
from headrace.storage.shelf import Shelf

# Any, in this file: records are the user's values, of every type.

P = ParamSpec("P")


@dataclass(frozen=True)
class Caching:
    """What a `cacheable` does with a function."""

    shelf: Shelf
    build: Build
    backend: Backend | None

    def __call__(self, function: Callable[P, object]) -> Callable[P, DataRef[Any]]:
        """The function that gives the stored version."""
        maker = Maker(function)

        @functools.wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> DataRef[Any]:
            meta = {"arguments": described_call(function, args, kwargs)}
            build = replace(self.build, meta=meta, made=maker.made)
            manifest = self.shelf.built_once(build, lambda: function(*args, **kwargs), self.backend)
            maker.compare(manifest)
            return self.shelf.opened(manifest, allow_pickle=build.allow_pickle)

        return cached
