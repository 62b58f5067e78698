"""`monitor`: how many records and bytes a second pass, told to a function."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.contracts import Block, Cursor, Run, State, iterate, marker, with_memo
from headrace.contracts.errors import ArgumentError, near
from headrace.stages.marked import Marked
from headrace.stages.naming import name_of
from headrace.watching import Rate, Scale

# Any, in this file: a stage is met before its record types are known.
Report = dict[str, float]
# What is measured, and under which name it is reported.
METRICS = {"iops": "IOPS number/s", "throughput": "throughput MB/s"}
MEGABYTE = 1e6
# A curve drawn each 5 s is readable after an hour, and each point rests on some records.
EVERY_S = 5.0


@dataclass(frozen=True)
class Monitor:
    """Calls `callback` every `every` seconds with how many records and megabytes pass a second.

    It is called with one new dict, `{"IOPS number/s": ..., "throughput MB/s": ...}`, each key
    after `prefix`, so that several monitors in a chain tell themselves apart; `metrics` chooses
    among "iops" and "throughput". The rates are those of the last `every` seconds, and of 5 at
    least, with the time that the consumer takes. A report is made when the next record is asked
    for, and once more at the end of the epoch; an epoch that is left early ends without. Behind
    `batch`, a record is a batch. 1 MB is 1,000,000 bytes: of arrays, tensors, bytes and text
    in trees of dicts, lists and tuples; of other objects what Python says of them alone.

    Callbacks: `run.log` of wandb; `mlflow.log_metrics`, whose names are of letters, digits,
    spaces and `_ - . : /` (prefix "train/", not "(train) "); for a Gauge of Prometheus
    `lambda report: gauge.set(report["IOPS number/s"])`; for TensorBoard one
    `writer.add_scalar(key, value, step)` for each key. It is called in the thread that reads,
    and what it raises is raised there, with a note; no record is lost by it.

    **Length**: kept. **State**: none. **Cost**: 0.3 us a record or batch. Of records that come
    faster than 1,000 a second a random share of about as many is weighed: exact where all are of
    one size, else with a standard error of 2 % over 5 s for sizes that scatter by their mean.
    Put it last, or before stages that run beside the consumer anyway: what follows it does.

    Raises:
        ArgumentError: `callback` is no function, `prefix` no text, a metric unknown, or `every`
            no number of seconds above 0.

    Example:
        >>> import headrace as hr
        >>> reports = []
        >>> hr.stream(range(100)).batch(8).monitor(reports.append, prefix="train/").join()
        13
        >>> sorted(reports[-1])
        ['train/IOPS number/s', 'train/throughput MB/s']
    """

    # Who watches, and how, changes no record.
    content: ClassVar[None] = None

    callback: Callable[[Report], object]
    prefix: str | None = None
    metrics: Collection[str] = frozenset(METRICS)
    every: float = EVERY_S

    def __post_init__(self) -> None:
        if not callable(self.callback):
            raise ArgumentError(
                f"monitor calls a function with each report, got {self.callback!r}. "
                "Pass the function itself, such as run.log, without calling it."
            )
        if self.prefix is not None and not isinstance(self.prefix, str):
            raise ArgumentError(
                f"the prefix of a monitor must be text, got {self.prefix!r}. "
                "Give one that ends in what separates it, such as 'train/'."
            )
        _check_metrics(self.metrics)
        object.__setattr__(self, "metrics", frozenset(self.metrics))
        _check_every(self.every)

    def __str__(self) -> str:
        # Nothing that changes no record: a state loads whoever watches, and how often.
        return "monitor"

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> MonitorCursor:
        return MonitorCursor(parent, self)


class MonitorCursor:
    """Passes records on, and reports between two of them."""

    def __init__(
        self,
        parent: Cursor[Any],
        stage: Monitor,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._parent = parent
        self._stage = stage
        self._clock = clock
        self._mark = marker(parent)
        self._scale = Scale(is_weighing="throughput" in stage.metrics)
        self._rate: Rate | None = None
        self._due_s = -math.inf
        self._report_s = math.inf
        self._reported = 0
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._clock() >= self._due_s or self._failure is not None:
            self._look()
        block = self._parent.read(n)
        self._scale.add(block)
        if not block:
            self._end()
        return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        scale, clock = self._scale, self._clock
        due_s = self._look()
        for record in iterate(self._parent):
            scale.count += 1
            if scale.count == scale.next:
                scale.weigh(record)
            yield record
            # Only now: with the step of the consumer, w records took w intervals. And an error
            # of the callback comes between two records, so that none is lost.
            if clock() >= due_s:
                due_s = self._look()
        self._end()

    def state(self) -> State:
        return with_memo(self._parent.state(), None)

    def mark(self) -> Marked:
        return Marked(self._mark())

    def close(self) -> None:
        self._parent.close()

    def _look(self) -> float:
        """Takes the totals, reports where it is time to, and says when to look again."""
        if self._failure is not None:
            raise self._failure
        now_s = self._clock()
        if self._rate is None:
            every = self._stage.every
            self._rate = Rate(max(every, EVERY_S), now_s)
            self._report_s = now_s + every
        else:
            self._rate.note(now_s, self._scale.count, self._scale.size_bytes)
            self._scale.tune(self._rate.recent)
        if now_s >= self._report_s:
            self._report_s = now_s + self._stage.every
            self._report(self._rate)
        self._due_s = min(self._rate.due_s, self._report_s)
        return self._due_s

    def _end(self) -> None:
        """Reports what has passed since the last report."""
        self._look()
        if self._scale.count > self._reported and self._rate is not None:
            self._report(self._rate)

    def _report(self, rate: Rate) -> None:
        stage, (count, size_bytes) = self._stage, rate.a_second()
        found = {"iops": count, "throughput": size_bytes / MEGABYTE}
        prefix = stage.prefix or ""
        report = {
            f"{prefix}{METRICS[name]}": found[name] for name in METRICS if name in stage.metrics
        }
        self._reported = self._scale.count
        try:
            stage.callback(report)
        except BaseException as error:
            error.add_note(
                f"raised by {name_of(stage.callback)}, the callback of a monitor with prefix "
                f"{prefix!r}; every record before it was delivered"
            )
            self._failure = error
            raise


def _check_metrics(metrics: object) -> None:
    if isinstance(metrics, str) or not isinstance(metrics, Collection) or not metrics:
        raise ArgumentError(
            f"the metrics of a monitor must be a set of names, got {metrics!r}. "
            "Give {'iops'}, {'throughput'} or both; to measure nothing, leave out .monitor."
        )
    for name in metrics:
        if not isinstance(name, str) or name not in METRICS:
            raise ArgumentError(
                f"a monitor measures 'iops' and 'throughput', got {name!r}. "
                + near(str(name), METRICS)
            )


def _check_every(every: object) -> None:
    is_number = isinstance(every, int | float) and not isinstance(every, bool)
    if not is_number or not 0 < every < math.inf:  # type: ignore[operator]
        raise ArgumentError(
            f"a monitor reports every so many seconds, more than 0, got {every!r}. "
            "5.0 makes curves that can be read."
        )
