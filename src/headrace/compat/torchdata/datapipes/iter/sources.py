"""Sources: what is in memory, names of files, datasets of the Hugging Face Hub."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.parents import is_pipe
from headrace.contracts.errors import StreamError
from headrace.extras import imported

# Any, in this file: records and options of every type.

# What nobody can change in place, so that no copy of it is needed.
UNCHANGING = frozenset({bool, bytes, complex, float, int, str, type(None)})


class IterableWrapper(IterDataPipe[Any]):
    """An iterable as a pipe: `hr.stream(iterable)`.

    Lists, tuples and ranges have random access. With `deepcopy` each record is copied when it
    is read, so that changes in place stay out of the next epoch.

    Example:
        >>> list(IterableWrapper([1, 2]).map(str))
        ['1', '2']
    """

    def __init__(self, iterable: Iterable[Any], deepcopy: bool = True) -> None:
        self.iterable = iterable
        self.deepcopy = deepcopy

    def stream(self) -> hr.Stream[Any]:
        """`hr.stream(iterable)`."""
        iterable = self.iterable
        if is_pipe(iterable):
            return stream_of(iterable)
        if isinstance(iterable, range):
            return hr.stream(iterable)
        if isinstance(iterable, Iterator):
            if self.deepcopy:
                warnings.warn(
                    "The input iterable can not be deepcopied, please be aware of in-place "
                    "modification would affect source data. It gives its records once.",
                    stacklevel=2,
                )
            return hr.stream(iterable)
        if not isinstance(iterable, list | tuple):
            return hr.stream(Wrapped(iterable, self.deepcopy))
        records = hr.stream(iterable if type(iterable) is list else list(iterable))
        if not self.deepcopy or all(type(record) in UNCHANGING for record in iterable):
            return records
        return records.map(copy.deepcopy)

    def __len__(self) -> int:
        if isinstance(self.iterable, Sized):
            return len(self.iterable)
        raise no_length(self)


@dataclass(frozen=True)
class Wrapped:
    """An iterable that is copied whole for each epoch, as a source."""

    iterable: Iterable[Any]
    deepcopy: bool

    @property
    def identity(self) -> str:
        """The type's name."""
        return f"drawn from {type(self.iterable).__qualname__}"

    @property
    def size(self) -> int | None:
        """The length, where it has one."""
        return len(self.iterable) if isinstance(self.iterable, Sized) else None

    @property
    def is_endless(self) -> bool:
        """Nobody knows."""
        return False

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        return iter(copy.deepcopy(self.iterable) if self.deepcopy else self.iterable)


@functional_datapipe("list_files")
class FileLister(IterDataPipe[str]):
    """The paths of files in folders, sorted folder by folder.

    Paths that are given as strings are listed when the stream is made, so that files are reached
    in one step and shared among workers; those of a pipe, while it is read.
    """

    def __init__(
        self,
        root: str | Iterable[str] = ".",
        masks: str | list[str] = "",
        *,
        recursive: bool = False,
        abspath: bool = False,
        non_deterministic: bool = False,
        length: int = -1,
    ) -> None:
        self.datapipe = [root] if isinstance(root, str) else root
        self.masks = masks
        self.recursive = recursive
        self.abspath = abspath
        self.non_deterministic = non_deterministic
        self.length = length

    def stream(self) -> hr.Stream[Any]:
        """`hr.stream` of the paths."""
        listing = Listing(self.masks, self.recursive, self.abspath)
        if is_pipe(self.datapipe):
            return stream_of(self.datapipe).flat_map(listing)
        return hr.stream([path for root in self.datapipe for path in listing(root)])

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@dataclass(frozen=True)
class Listing:
    """Gives the files of a folder, or the file that a path stands for."""

    masks: str | list[str]
    recursive: bool
    abspath: bool

    def __call__(self, root: str) -> Iterator[str]:
        if self.abspath:
            root = os.path.abspath(root)
        if os.path.isfile(root):
            if matches(os.path.basename(root), self.masks):
                yield root
            return
        for folder, folders, names in os.walk(root, onerror=_refuse):
            yield from (os.path.join(folder, n) for n in sorted(names) if matches(n, self.masks))
            if not self.recursive:
                return
            # In place: it is the order in which os.walk goes on.
            folders.sort()


class HuggingFaceHubReader(IterDataPipe[Any]):
    """The records of a dataset of the Hugging Face Hub, streamed: `hr.stream`.

    Raises:
        MissingExtra: `datasets` is not installed; when it is read.
    """

    def __init__(self, dataset: str, **config_kwargs: Any) -> None:
        self.dataset = dataset
        self.config_kwargs = config_kwargs
        self._loaded: Any = None

    def stream(self) -> hr.Stream[Any]:
        """`hr.stream(datasets.load_dataset(dataset, streaming=True, ...))`."""
        if self._loaded is None:
            options = {"streaming": True, **self.config_kwargs}
            self._loaded = imported("datasets", extra="hf").load_dataset(self.dataset, **options)
        return hr.stream(self._loaded)

    def __len__(self) -> int:
        raise no_length(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_loaded": None}


def matches(name: str, masks: str | list[str]) -> bool:
    """Whether a name fits a pattern, or one of several; no pattern fits every name."""
    if not masks:
        return True
    return any(fnmatch(name, mask) for mask in ([masks] if isinstance(masks, str) else masks))


def nominal_length(pipe: object, length: int) -> int:
    """The length that a user gave. Raises StreamError for -1, which stands for none."""
    if length == -1:
        raise no_length(pipe)
    return length


def no_length(pipe: object) -> StreamError:
    """The error of a pipe whose length nobody knows."""
    return StreamError(
        f"{type(pipe).__name__} instance doesn't have valid length: how many records it gives is "
        "known when it was read. A length that was given was expected. Say it by .set_length(n)."
    )


def _refuse(error: OSError) -> None:
    raise error
