"""`hr.mix`: datasets by position, or anything that gives records, in turns by weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, overload

from headrace.contracts import Visit
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.orders import Stop, Weights
from headrace.stages import mix_rule, mixed_visit
from headrace.streams import Stream, stream

T = TypeVar("T")


# The last overload takes everything; type checkers choose the first that fits, and so does mix.
@overload
def mix(  # pyright: ignore[reportOverlappingOverload] - a list of DataRefs is an iterable too
    sources: Sequence[DataRef[T]],
    weights: Weights | None = ...,
    *,
    seed: int | None = ...,
    stop: Stop = ...,
    max_repeats: int | None = ...,
) -> DataRef[T]: ...
@overload
def mix(
    sources: Sequence[Stream[T]],
    weights: Weights | None = ...,
    *,
    seed: int | None = ...,
    stop: Stop = ...,
    max_repeats: int | None = ...,
) -> Stream[T]: ...
@overload
def mix(
    sources: Iterable[Any],  # Any: datasets and iterables of every kind
    weights: Weights | None = ...,
    *,
    seed: int | None = ...,
    stop: Stop = ...,
    max_repeats: int | None = ...,
) -> Stream[Any]: ...  # Any: records of every type
def mix(
    sources: Iterable[Any],  # Any: see the overloads
    weights: Weights | None = None,
    *,
    seed: int | None = None,
    stop: Stop = "first",
    max_repeats: int | None = None,
) -> DataRef[Any] | Stream[Any]:  # Any: see the overloads
    """Records of several sources, in turns by weight.

    A mix of DataRefs is a DataRef, and arithmetic on positions: it shuffles, shards, slices and
    resumes like any other. Of Streams, and of all that `hr.stream` takes, it gives a Stream; what
    `weights`, `seed`, `stop` and `max_repeats` say is the same. See `headrace.stages.mixing`.

    **Cost**: for DataRefs some 100 ns a position read in order. A position asked on its own costs
    a whole period of turns, some 10 us: shuffle before a mix rather than after it.

    Raises:
        ArgumentError: there is no source, or `headrace.stages.mixing` refuses the rest.

    Example:
        >>> import headrace as hr
        >>> many = hr.DataRef.from_sequence(range(90))
        >>> few = hr.DataRef.from_sequence(range(100, 110))
        >>> mixed = hr.mix([many, few], [0.8, 0.2], seed=5, stop="all")
        >>> len(mixed), mixed[:8].stream().collect()
        (100, [0, 1, 2, 3, 100, 4, 5, 6])
    """
    found = _listed(sources)
    if all(isinstance(source, DataRef) for source in found):
        rule = mix_rule(len(found), weights, seed, stop, max_repeats)
        visit = mixed_visit(rule, [Visit(ref.records, ref.order) for ref in found])
        return DataRef(visit.records, visit.order)
    first, *others = [stream(source) for source in found]
    return first.mix(*others, weights=weights, seed=seed, stop=stop, max_repeats=max_repeats)


def _listed(sources: Any) -> list[Any]:  # Any: whatever the user has
    is_one = isinstance(sources, DataRef | Stream | Mapping | str | bytes)
    if is_one or not isinstance(sources, Iterable):
        raise ArgumentError(
            f"mix got {type(sources).__name__} for its sources. A list of datasets or streams "
            "was expected. Give them as hr.mix([first, second])."
        )
    found = list(sources)
    if not found:
        raise ArgumentError(
            "mix got no sources. At least one was expected. For no records at all use "
            "hr.stream([])."
        )
    return found
