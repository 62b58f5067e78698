"""How the epochs of ranks end together: what each may give, from what all have ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from headrace.contracts.errors import ArgumentError, RankError, near

EpochEnd = Literal["shortest", "longest", "error"]
EPOCH_ENDS: tuple[EpochEnd, ...] = ("shortest", "longest", "error")
CHOICE = (
    'Say hr.DataLoader(..., epoch_end="shortest") to leave out what some ranks lack, or '
    '"longest" to repeat the last batch where there is no other.'
)


@dataclass(frozen=True)
class Report:
    """What one rank has ready: `count` batches of those asked for, and whether they are its last.

    `failed` is the error that stands after them; `has_any` says whether it has a last batch.
    """

    count: int
    is_over: bool
    failed: str | None = None
    has_any: bool = True

    def written(self) -> dict[str, Any]:  # Any: JSON
        """It as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """What a rank does next: gives so many batches, then repeats the last one so often.

    After that it asks again, unless it `ends`, raises `error`, or what stands in its own way.
    """

    give: int
    pads: int = 0
    ends: bool = False
    error: RankError | None = None
    raises_own: bool = False


def decide(epoch_end: EpochEnd, reports: Sequence[Report], rank: int, ahead: int) -> Decision:
    """What `rank` does after all have reported what they have of the next `ahead` batches."""
    over = [report.count for report in reports if report.is_over]
    failed = [report.count for report in reports if report.failed is not None]
    own = reports[rank].count
    if epoch_end == "shortest" and over and min(over) <= min(failed, default=ahead):
        return Decision(min(over), ends=True)
    if failed:
        return _failed(epoch_end, reports, rank, min(failed))
    if not over:
        return Decision(own)
    if epoch_end == "longest":
        return _longest(reports, rank, ahead)
    if len(over) == len(reports) and len(set(over)) == 1:
        return Decision(own, ends=True)
    shown = [f"{'' if one.is_over else 'more than '}{one.count}" for one in reports]
    return Decision(min(over), error=uneven(shown, "in what is left of it"))


def uneven(counts: Iterable[object], where: str) -> RankError:
    """The error of ranks whose epochs have unequal numbers of batches."""
    shown = ", ".join(f"rank {rank}: {count}" for rank, count in enumerate(counts))
    return RankError(
        f"the ranks have unequal numbers of batches {where}: {shown}. Equal numbers were expected, "
        f"since ranks that train together wait for each other. {CHOICE}"
    )


def nothing_to_repeat(ranks: Sequence[int]) -> RankError:
    """The error of ranks that have no batch to repeat."""
    shown = ", ".join(map(str, ranks))
    return RankError(
        f'epoch_end="longest" repeats the last batch of a rank, and rank {shown} has none. At '
        'least one batch on each rank was expected. Take fewer ranks, or epoch_end="shortest".'
    )


def epoch_end_of(value: object) -> EpochEnd | None:
    """`value` as a policy.

    Raises:
        ArgumentError: there is no such policy.
    """
    for known in EPOCH_ENDS:
        if value == known:
            return known
    if value is None:
        return None
    raise ArgumentError(
        f"epoch_end {value!r} is unknown. One of {', '.join(EPOCH_ENDS)} was expected. "
        f"{near(str(value), EPOCH_ENDS)}"
    )


def _failed(epoch_end: EpochEnd, reports: Sequence[Report], rank: int, least: int) -> Decision:
    """All give as many as the first rank that fails; it raises its error, the others name it."""
    own, report = reports[rank].count, reports[rank]
    if report.failed is not None and own == least:
        return Decision(own, raises_own=True)
    number = next(i for i, one in enumerate(reports) if one.failed and one.count == least)
    error = RankError(
        f"rank {number} failed, so rank {rank} stops at the same batch: {reports[number].failed}. "
        f"Batches on every rank were expected. Look at the log of rank {number}."
    )
    pads = max(0, least - own) if epoch_end == "longest" and report.has_any else 0
    return Decision(min(own, least), pads, error=error)


def _longest(reports: Sequence[Report], rank: int, ahead: int) -> Decision:
    ends = all(report.is_over for report in reports)
    most = max(report.count for report in reports) if ends else ahead
    empty = [number for number, one in enumerate(reports) if not one.has_any]
    if most and empty:
        return Decision(0, error=nothing_to_repeat(empty))
    own = reports[rank].count
    return Decision(own, most - own, ends=ends)
