"""When which worker did what, as strips of time that can be drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.contracts.timing import Span, Turn, Worker
from headrace.loader.reports.facts import Facts

# What the loop does; stages have their numbers.
WAIT, HOLD = "wait", "hold"
# More strips in a lane cannot be told apart: their shares are drawn bin by bin.
MOST_STRIPS = 300


@dataclass(frozen=True)
class Strip:
    """A stretch of time, and what filled it: the share of each stage, or of what the loop did."""

    begin_s: float
    end_s: float
    shares: tuple[tuple[int | str, float], ...]
    told: str = ""


@dataclass(frozen=True)
class Lane:
    """The strips of one worker, stage or loop, oldest first."""

    name: str
    note: str
    strips: tuple[Strip, ...]

    def between(self, begin_s: float, end_s: float) -> Lane:
        """What of it lies in a window; many strips become shares of equal bins."""
        inside = [s for s in self.strips if s.end_s > begin_s and s.begin_s < end_s]
        if len(inside) > MOST_STRIPS:
            inside = binned(inside, begin_s, end_s)
        return Lane(self.name, self.note, tuple(inside))


def lanes_of(facts: Facts) -> list[Lane]:
    """The loop, what runs beside it, each stage with workers of its own, and each worker."""
    lanes = [Lane("the loop that reads", "waits, holds", tuple(_loop(facts.turns)))]
    in_tasks = facts.stats.num_workers > 0
    own = {stage.number for stage in facts.stats.stages if stage.is_apart}
    inline = {
        stage.number
        for stage in facts.stats.stages
        if not stage.is_apart and (stage.where != "task" or not in_tasks)
    }
    if inline:
        strips = tuple(_beside(facts, inline))
        lanes.append(Lane("beside the consumer", "while it waits", strips))
    for stage in facts.stats.stages:
        if stage.number in own:
            note = f"{stage.num_workers} workers"
            strips = tuple(_apart(facts.turns, stage.number, stage.num_workers))
            lanes.append(Lane(stage.name, note, strips))
    workers = sorted({task.worker for task in facts.tasks}, key=_natural)
    here = {worker.process for worker in workers}
    for worker in workers:
        tasks = [task for task in facts.tasks if task.worker == worker]
        note = f"process {worker.process}" if len(here) > 1 else "tasks"
        name = worker.thread if len(here) == 1 else f"worker {worker.process}"
        lanes.append(Lane(name, note, tuple(_task(facts, task) for task in tasks)))
    return [lane for lane in lanes if lane.strips]


def binned(strips: Iterable[Strip], begin_s: float, end_s: float) -> list[Strip]:
    """The same time as equal bins, each with the shares of what lies in it."""
    wide = (end_s - begin_s) / MOST_STRIPS
    found: list[dict[int | str, float]] = [{} for _ in range(MOST_STRIPS)]
    for strip in strips:
        first = max(0, int((strip.begin_s - begin_s) / wide))
        last = min(MOST_STRIPS - 1, int((strip.end_s - begin_s) / wide))
        for at in range(first, last + 1):
            left = begin_s + at * wide
            inside = min(strip.end_s, left + wide) - max(strip.begin_s, left)
            for key, share in strip.shares:
                found[at][key] = found[at].get(key, 0.0) + share * max(0.0, inside) / wide
    return [
        Strip(
            begin_s + at * wide, begin_s + (at + 1) * wide, tuple(sorted(shares.items(), key=_at))
        )
        for at, shares in enumerate(found)
        if shares
    ]


def _at(share: tuple[int | str, float]) -> tuple[bool, int | str]:
    """Stages by their numbers, and of the loop what it holds below what it waits."""
    return isinstance(share[0], str), share[0]


def _loop(turns: Iterable[Turn]) -> Iterable[Strip]:
    for turn in turns:
        given = turn.begin_s + turn.waited_s
        many = "1 output" if turn.outputs == 1 else f"{turn.outputs} outputs"
        waited, holds = f"waited for {many}", f"held {many}"
        yield Strip(turn.begin_s, given, ((WAIT, 1.0),), waited)
        yield Strip(given, turn.end_s, ((HOLD, 1.0),), holds)


def _beside(facts: Facts, numbers: set[int]) -> Iterable[Strip]:
    for turn in facts.turns:
        busy = [(number, seconds) for number, seconds in turn.busy if number in numbers]
        if not busy or not turn.waited_s:
            continue
        # Threads that draw ahead work while the loop holds, too.
        most = max(turn.waited_s, sum(seconds for _, seconds in busy))
        shares = tuple((number, seconds / most) for number, seconds in busy)
        told = ", ".join(f"{facts.name(number)} {1e3 * s:.3g} ms" for number, s in busy)
        yield Strip(turn.begin_s, turn.begin_s + turn.waited_s, shares, told)


def _apart(turns: Iterable[Turn], number: int, workers: int) -> Iterable[Strip]:
    for turn in turns:
        seconds = dict(turn.busy).get(number, 0.0)
        passed = (turn.end_s - turn.begin_s) * workers
        if seconds and passed:
            share = min(1.0, seconds / passed)
            yield Strip(turn.begin_s, turn.end_s, ((number, share),), f"busy {share:.0%}")


def _task(facts: Facts, task: Span) -> Strip:
    took = task.end_s - task.begin_s
    # What is no stage's is the handing over between them.
    shares = tuple((number, seconds / took) for number, seconds in task.busy if took)
    parts = ", ".join(f"{facts.name(number)} {1e3 * s:.3g} ms" for number, s in task.busy)
    told = f"epoch {task.epoch}, positions {task.start} to {task.stop - 1}: {parts}"
    return Strip(task.begin_s, task.end_s, shares, told)


def _natural(worker: Worker) -> tuple[int, int, str]:
    """headrace-2 before headrace-10."""
    return worker.process, len(worker.thread), worker.thread
