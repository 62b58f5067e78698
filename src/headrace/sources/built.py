"""Records of a dataset that is built inside the processes that read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from headrace.carried import KEPT, CarriedError, Portable
from headrace.contracts.block import Block
from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.sources.foreign.per_process import PerProcess
from headrace.sources.sequence import SequenceRecords

# Any, in this file: datasets are the user's, with parameters and records of every type.

REMEDY = (
    "Give params that pickle, such as paths, and open files in the dataset's constructor, which "
    "runs in the worker."
)


class BuiltDataset:
    """`dataset_class(**params)`, built once in each process, when its records are wanted.

    It travels as the class and its parameters.
    """

    def __init__(self, recipe: Portable, name: str) -> None:
        self.name = name
        self._recipe = recipe
        self._built = PerProcess(partial(_opened, recipe))

    @staticmethod
    def of(dataset_class: Callable[..., Any], params: Mapping[str, Any]) -> BuiltDataset:
        """The dataset of a class and its keyword arguments; nothing is built.

        Raises:
            ArgumentError: the class is none, or the parameters are not those that it takes.
        """
        _check(dataset_class, params)
        name = _name(dataset_class)
        parts = [(f"params[{key!r}]", value) for key, value in params.items()]
        whole = partial(dataset_class, **params)
        parts.append((f"the dataset class {name}", dataset_class))
        return BuiltDataset(Portable(whole, name, parts=parts, remedy=REMEDY), name)

    def records(self) -> SequenceRecords[Any]:
        """The records, of the dataset that this process has built or builds now."""
        return self._built.get()

    def __reduce__(self) -> tuple[Callable[..., BuiltDataset], tuple[bytes, str]]:
        return _arrived, (self._recipe.payload(), self.name)


@lru_cache(KEPT)
def _arrived(payload: bytes, name: str) -> BuiltDataset:
    """The dataset in another process: one object, so that what is built is found again."""
    return BuiltDataset(Portable.arrived(payload, name), name)


def _opened(recipe: Portable) -> SequenceRecords[Any]:
    return SequenceRecords(recipe.loaded()())


@dataclass(frozen=True)
class BuiltRecords:
    """The records of a dataset whose length is known; a task reads `task_positions` at most.

    A record that fails has its index in a note of the error.
    """

    dataset: BuiltDataset
    size: int
    task_positions: int

    def __len__(self) -> int:
        return self.size

    @property
    def identity(self) -> str:
        """The dataset's name and length."""
        return f"{self.dataset.name}[{self.size}]"

    def read(self, indices: Indices) -> Block[Any]:
        """The records at `indices`, in that order."""
        records = self.dataset.records()
        if getattr(records.sequence, "__getitems__", None) is not None:
            return self._noted(records, indices)
        found: list[Any] = []
        for place in range(len(indices)):
            found += self._noted(records, indices[place : place + 1])
        return found

    def _noted(self, records: SequenceRecords[Any], indices: Indices) -> Block[Any]:
        try:
            return records.read(indices)
        except Exception as error:
            asked = indices.tolist()
            which = f"index {asked[0]}" if len(asked) == 1 else f"one of the indices {asked}"
            error.add_note(f"{which} of {self.dataset.name}, whose len() is {self.size}")
            raise


@dataclass
class Counted:
    """How many records a dataset says it has, or why it could not say."""

    size: int = 0
    error: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        error = None if self.error is None else CarriedError(self.error)
        return {"size": self.size, "error": error}

    def __setstate__(self, state: dict[str, Any]) -> None:
        error = state["error"]
        opened = error.opened() if isinstance(error, CarriedError) else None
        vars(self).update(size=state["size"], error=opened)


class Counting:
    """The job of a worker that is asked how many records a dataset has."""

    def __init__(self, dataset: BuiltDataset) -> None:
        self._dataset = dataset
        self.fixed = Portable(partial(Counting, dataset), dataset.name)
        self.moving = ()

    def where(self, *_: Any) -> str:
        """What it is about, for messages."""
        return f"the length of {self._dataset.name}"

    def __call__(self, *_: Any) -> Counted:
        """Builds the dataset and asks it."""
        try:
            return Counted(len(self._dataset.records()))
        except Exception as error:
            return Counted(error=error)

    def mended(self, result: Counted, error: Exception) -> Counted:
        """A number always pickles."""
        raise error


def _check(dataset_class: Any, params: Any) -> None:
    if not callable(dataset_class):
        raise ArgumentError(
            f"from_dataset builds the dataset in its workers and needs the class, got "
            f"{dataset_class!r}. Pass the class and its params; for a dataset that is built "
            "already use hr.DataRef.from_sequence(dataset)."
        )
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        raise ArgumentError(
            f"params must be a dict of the keyword arguments of {_name(dataset_class)}, got "
            f"{params!r}. Give {{}} where it takes none."
        )
    try:
        signature = inspect.signature(dataset_class)
    except (TypeError, ValueError):
        # Classes of extension modules tell no signature: the worker will.
        return
    try:
        signature.bind(**params)
    except TypeError as error:
        raise ArgumentError(_refusal(_name(dataset_class), signature, params, error)) from None


def _refusal(
    name: str, signature: inspect.Signature, params: Mapping[str, Any], error: TypeError
) -> str:
    """What is wrong with parameters that do not fit, and how to wrap a class that takes none."""
    parameters = list(signature.parameters.values())
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
    shown = f"{name}{inspect.Signature(plain)}"
    unnamed = [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY]
    if not unnamed and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return (
            f"{shown} cannot be called with the params {', '.join(params) or 'none'}: {error}. "
            "Give each argument by its name."
        )
    inner = ", ".join(f"params[{key!r}]" for key in unnamed or params)
    return (
        f"{shown} takes {', '.join(unnamed) or 'arguments'} by position, and from_dataset calls "
        f"{name}(**params). Wrap it: class Named({name}): def __init__(self, **params): "
        f"super().__init__({inner})"
    )


def _name(dataset_class: Any) -> str:
    return str(getattr(dataset_class, "__name__", type(dataset_class).__name__))
