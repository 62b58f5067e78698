"""The graph of pipes, as nested dicts of the pipes right before each."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

from headrace.compat.torchdata.dataloader2.error import GraphError
from headrace.compat.torchdata.datapipes.parents import MOST_PIPES, is_pipe, parents, upstream

# Any, in this file: pipes of every class, ours, the user's and torch's.
DataPipe = Any
DataPipeGraph = dict[int, tuple[DataPipe, "DataPipeGraph"]]


def traverse_dps(datapipe: DataPipe) -> DataPipeGraph:
    """The graph of a pipe: `{id: (pipe, the graph before it)}`."""
    known: dict[int, DataPipeGraph] = {}
    entered: set[int] = set()
    waiting = [datapipe]
    while waiting:
        pipe = waiting[-1]
        before = parents(pipe)
        # What was entered and is not known stands before itself: it is left out there.
        unknown = [one for one in before if id(one) not in known and id(one) not in entered]
        entered.add(id(pipe))
        waiting += unknown
        if not unknown:
            waiting.pop()
            near = [one for one in before if id(one) in known]
            known[id(pipe)] = {id(one): (one, known[id(one)]) for one in near}
    return {id(datapipe): (datapipe, known[id(datapipe)])}


def find_dps(graph: DataPipeGraph, dp_type: type) -> list[DataPipe]:
    """The pipes of a class in a graph; those of its subclasses, too."""
    return [pipe for pipe in list_dps(graph) if isinstance(pipe, dp_type)]


def list_dps(
    graph: DataPipeGraph, exclude_dps: DataPipe | list[DataPipe] | None = None
) -> list[DataPipe]:
    """All pipes of a graph, each once, the nearest first; without some and all before them."""
    left_out = exclude_dps if isinstance(exclude_dps, list | tuple) else [exclude_dps]
    seen = {id(one) for pipe in left_out if pipe is not None for one in upstream(pipe)}
    found = [one for pipe, _ in graph.values() for one in upstream(pipe)]
    return list({id(one): one for one in found if id(one) not in seen}.values())


def replace_dp(
    graph: DataPipeGraph, old_datapipe: DataPipe, new_datapipe: DataPipe
) -> DataPipeGraph:
    """The graph in which each reference to one pipe is one to another; the pipes are changed."""
    [(last, _)] = graph.values()
    for pipe in upstream(last):
        # What the new one holds stays: it may stand over the old one.
        if pipe is not new_datapipe:
            refer(pipe, {id(old_datapipe): new_datapipe})
    return traverse_dps(new_datapipe if last is old_datapipe else last)


def remove_dp(graph: DataPipeGraph, datapipe: DataPipe) -> DataPipeGraph:
    """The graph without a pipe that has one before it; the pipes are changed.

    Raises:
        GraphError: none is before it, or several.
    """
    before = parents(datapipe)
    if len(before) != 1:
        what = "source DataPipe" if not before else "receiving DataPipe with several before it"
        raise GraphError(
            f"Cannot remove the {what} {datapipe!r} from the graph of DataPipe: {len(before)} are "
            "before it. One was expected. Use replace_dp."
        )
    return replace_dp(graph, datapipe, before[0])


def cloned(datapipe: DataPipe) -> DataPipe:
    """A copy of a pipe and of all before it; functions and records are shared.

    The original pickles the graph, and with it every record that it holds.
    """
    copies = {id(one): copy.copy(one) for one in upstream(datapipe)}
    for one in upstream(datapipe):
        if "_number" in vars(one):
            # torch's shuffle says itself what is copied of it.
            vars(copies[id(one)])["_number"] = vars(one)["_number"]
    for one in copies.values():
        attributes: dict[str, Any] = one.__dict__
        for name, value in attributes.items():
            # What a pipe notes of itself, and is no store of records.
            if isinstance(value, dict | list | set) and len(value) <= MOST_PIPES:
                attributes[name] = copy.copy(value)
        refer(one, copies)
    return copies[id(datapipe)]


def refer(pipe: DataPipe, to: Mapping[int, DataPipe]) -> None:
    """Makes a pipe refer to other pipes in the place of those that `to` names by their id."""
    attributes: dict[str, Any] = pipe.__dict__
    for name, value in attributes.items():
        attributes[name] = _referring(value, to)


def is_sharding(pipe: DataPipe) -> bool:
    """Whether it is a sharding filter, ours or torch's, or a class of the user's like one."""
    return callable(getattr(type(pipe), "apply_sharding", None))


def _referring(value: Any, to: Mapping[int, DataPipe]) -> Any:
    """A value with other pipes in it; itself where there are none to change."""
    if is_pipe(value):
        return to.get(id(value), value)
    if isinstance(value, partial):
        args, keywords = (_referring(one, to) for one in (value.args, value.keywords))
        is_same = args is value.args and keywords is value.keywords
        return value if is_same else partial(value.func, *args, **keywords)
    if not isinstance(value, dict | list | tuple | set | frozenset) or len(value) > MOST_PIPES:
        return value
    if isinstance(value, dict):
        pairs = [(_referring(key, to), _referring(one, to)) for key, one in value.items()]
        changed = any(
            a is not c or b is not d for (a, b), (c, d) in zip(pairs, value.items(), strict=True)
        )
        return dict(pairs) if changed else value
    found = [_referring(one, to) for one in value]
    if all(one is other for one, other in zip(found, value, strict=True)):
        return value
    return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
