"""Functions over addresses: what is there, and its files."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headrace.blobs.stores.addresses import addresses, is_address, scheme_of
from headrace.blobs.stores.options import Options, options_of
from headrace.compat.torchdata.datapipes.iter.late import LateFile
from headrace.compat.torchdata.datapipes.iter.sources import matches
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.contracts.errors import ArgumentError, HeadraceError
from headrace.parsing.files import opened

# Any, in this file: options of stores, and open files.


@dataclass(frozen=True)
class Read:
    """Gives an address and its file; with `skips`, nothing where it cannot."""

    options: Options = field(default=(), repr=False)
    skips: bool = False
    is_text: bool = False
    encoding: str | None = None

    def __call__(self, place: str) -> list[tuple[str, StreamWrapper]]:
        opener: Callable[[], Any] = opened(place, self.options).opener
        if self.is_text:
            opener = partial(_as_text, opener, self.encoding)
        file = LateFile(opener)
        try:
            file.opened()
        except HeadraceError as error:
            if not self.skips:
                raise
            warnings.warn(f"{error}, skipping...", stacklevel=2)
            return []
        return [(place, StreamWrapper(file))]


@dataclass(frozen=True)
class InFolder:
    """Gives the files right in a folder, or the file that a path stands for."""

    masks: str | list[str]
    options: Options = field(default=(), repr=False)

    def __call__(self, root: str) -> Iterator[str]:
        if not is_address(root):
            root = os.path.abspath(root)
            if os.path.isfile(root):
                yield root
                return
            found = sorted(os.path.join(root, name) for name in os.listdir(root))
            found = [path for path in found if os.path.isfile(path)]
        elif scheme_of(root) == "file":
            found = [f"file://{path}" for path in InFolder("")(root.removeprefix("file://"))]
        else:
            found = _within(root, "*", self.options)
        yield from (path for path in found if matches(path, self.masks))


@dataclass(frozen=True)
class Below:
    """Gives the files under a prefix, in all folders below."""

    masks: str | list[str]
    options: Options = field(default=(), repr=False)

    def __call__(self, prefix: str) -> Iterator[str]:
        for url in _within(prefix, "", self.options):
            if matches(url, self.masks):
                yield url


def web_options(timeout: float | None, given: Mapping[str, Any]) -> Options:
    """What `requests` was told, for a store. Raises ArgumentError for the rest."""
    others = sorted(given.keys() - {"headers"})
    if others:
        raise ArgumentError(
            f"of what requests takes, headers are known, got {', '.join(others)}. Put "
            "credentials into the headers, or .map addresses to what your own client gives."
        )
    options: dict[str, Any] = {}
    if timeout is not None:
        options["timeout"] = f"{timeout}s"
    if given.get("headers"):
        options["default_headers"] = dict(given["headers"])
    return options_of(options)


def s3_options(request_timeout_ms: int, region: str) -> Options:
    """What a store is told of S3."""
    options: dict[str, Any] = {"region": region} if region else {}
    if request_timeout_ms > 0:
        options["timeout"] = f"{request_timeout_ms}ms"
    return options_of(options)


def _within(url: str, pattern: str, options: Options) -> list[str]:
    folder = url if url.endswith("/") else f"{url}/"
    try:
        return addresses(folder + pattern, options)
    except ArgumentError:
        # No folder: a file of this very name, if any.
        return addresses(url, options)


def _as_text(opener: Callable[[], Any], encoding: str | None) -> Any:
    return io.TextIOWrapper(opener(), encoding=encoding)
