"""The bars that headrace is held to, and whether it meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import Row, ratio

# Rows that are no peer: headrace's own, and plain NumPy as the limit.
NO_PEER = ("headrace", "limit", "NumPy")
LMDB = "LMDB + pickle"
LIMIT = "limit: numpy.take"
KEPT = "limit: numpy.take, kept"
DOWNLOAD = "plain download, into a file"
WHOLE = "whole shards, plain download"
THREADS = "limit: threads in loops"
TORCH = "torch DataLoader"
# A Dataset that copies its rows out of the map, since torch warns of arrays it cannot write to.
COPIED = "torch DataLoader, rows copied"


@dataclass(frozen=True)
class Ratio:
    """A row is at least (or at most) `bar` times another; `other=None` is each peer."""

    text: str
    work: str
    name: str
    other: str | None
    bar: float
    is_at_most: bool = False


@dataclass(frozen=True)
class Bound:
    """A row's value is at most (or at least) `bar`."""

    text: str
    work: str
    name: str
    bar: float
    is_at_most: bool = True


@dataclass(frozen=True)
class Verdict:
    """What was asked, what came out, and whether it is met; None where it was not measured."""

    text: str
    value: float | None
    against: str
    is_met: bool | None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.text}: not measured"
        against = f" ({self.against})" if self.against else ""
        return f"{self.text}: {self.value:,.3g}{against} {'ok' if self.is_met else 'MISSED'}"


TARGETS: tuple[Ratio | Bound, ...] = (
    Ratio("W1 one thread >= 0.6 of limit", "W1", "headrace", LIMIT, 0.6),
    Ratio("W1 one thread >= 3x each peer", "W1", "headrace", None, 3),
    Ratio("W1 2 threads >= 0.8 of limit", "W1", "headrace, 2 threads", LIMIT, 0.8),
    Ratio("W3 one thread >= 0.6 of limit", "W3", "headrace", LIMIT, 0.6),
    Ratio("W3 2 threads >= 0.8 of limit", "W3", "headrace, 2 threads", LIMIT, 0.8),
    Ratio("W3 one thread >= 1x each peer", "W3", "headrace", None, 1),
    Ratio("W2 bytes >= 1x LMDB + pickle", "W2", "headrace, bytes", LMDB, 1),
    Bound("W2 views >= 1,000,000 records/s", "W2", "headrace, views", 1e6, is_at_most=False),
    Ratio("W4 columns >= 8x LMDB + pickle", "W4", "headrace", LMDB, 8),
    Ratio("W4 rows >= 3x LMDB + pickle rows", "W4", "headrace, rows", f"{LMDB}, rows", 3),
    Ratio("W5 >= 1x generators", "W5", "headrace", "generators", 1),
    *[
        Ratio(f"W5 >= {bar}x {name}", "W5", "headrace", name, bar)
        for name, bar in (
            ("Squirrel", 1),
            ("torchdata.nodes", 5),
            ("DataPipes", 25),
            ("Grain", 50),
        )
    ],
    # 1.15 times as long at most.
    Ratio("async >= 1/1.15 of threads in loops", "async", "headrace", THREADS, 1 / 1.15),
    Bound("async no-op < 40 us a record", "async no-op", "headrace", 40),
    Ratio(
        "async pool >= 5x one future a record", "async pool", "headrace", "one future a record", 5
    ),
    *[
        Ratio(
            f"pack {kind}{rows} >= 1x Grain", f"pack {kind}", f"headrace{rows}", f"Grain{rows}", 1
        )
        for kind in ("lognormal", "text")
        for rows in ("", ", 1,024 rows")
    ],
    *[
        Ratio(
            f"padding{kind} <= Grain's",
            "pack padding",
            f"headrace{kind}",
            f"Grain{kind}",
            1,
            is_at_most=True,
        )
        for kind in (", lognormal", ", text", ", 1,024 rows, lognormal", ", 1,024 rows, text")
    ],
    # "Constant" leaves a tenth to how the allocator rounds.
    Ratio(
        "mix memory a ref: 2,000 refs <= 1.1x 1,000",
        "mix",
        "memory of 2,000 refs",
        "memory of 1,000 refs",
        1.1,
        is_at_most=True,
    ),
    Bound("mix adds no thread", "mix", "threads of 1,000 refs", 0),
    Bound(
        "monitor >= 0.98 of W1 without",
        "monitor",
        "headrace, batches watched",
        0.98,
        is_at_most=False,
    ),
    *[
        Ratio(
            f"write {work} {word} >= {bar}x LMDB + pickle",
            f"write {work}",
            f"headrace, {word}",
            f"{LMDB}, {word}",
            bar,
        )
        for work, bar in (("W1", 3), ("W4", 4))
        for word in ("fsync", "no fsync")
    ],
    # "Near the speed of plain Arrow IPC" is read as four fifths of it.
    *[
        Ratio(
            f"write W1 arrays {word} >= 0.8 of Arrow IPC",
            "write W1",
            f"headrace, arrays, {word}",
            f"Arrow IPC, arrays, {word}",
            0.8,
        )
        for word in ("fsync", "no fsync")
    ],
    Ratio("W1 to torch >= 5x torch DataLoader", "W1", "headrace, to torch", TORCH, 5),
    Ratio("W3 to torch >= 1.8x torch DataLoader", "W3", "headrace, to torch", COPIED, 1.8),
    # A record of 60 KB takes at most 1.3 times as long, so the rate is at least 1 / 1.3.
    *[
        Ratio(
            f"submit from {name} >= 1/1.3 of iterating it",
            "in",
            f"{name}, submitted",
            f"{name}, iterated alone",
            1 / 1.3,
        )
        for name in ("torch Dataset that decodes", "HF Dataset of images", "tf.data that decodes")
    ],
    Ratio("HF by column >= 10x by record", "in", "HF table, by column", "HF table, by record", 10),
    *[
        Ratio(
            f"make_tf_dataset, {how} >= {bar}x from_generator",
            "tf",
            f"make_tf_dataset, {how}",
            f"from_generator, {how}",
            bar,
        )
        for how, bar in (("batched", 5), ("records", 1))
    ],
    # "Flat" is read as half a shard more, at most, for four times the records.
    Bound(
        "submit memory grows <= 32 MiB from a quarter of W1 to all",
        "costs",
        "memory of submit, all against a part",
        32,
    ),
    Bound("order < 200 ns an index", "costs", "order: 65,536 indices of 1e12", 200),
    Bound("order < 100 ns an index (goal)", "costs", "order: 65,536 indices of 1e12", 100),
    Bound("state_dict < 50 us", "costs", "state_dict: time", 50),
    Bound("state_dict <= 1,024 bytes", "costs", "state_dict: size", 1024),
    Bound("open and first batch < 50 ms", "costs", "open and first batch, new process", 50),
    Bound("import headrace < 250 ms", "costs", "import headrace, new process", 250),
    Bound("the four nouns < 250 ms", "costs", "import of the four nouns, new process", 250),
    Bound("headrace show < 500 ms", "costs", "headrace show of 1,000,000 records", 500),
    # "Not slower" leaves a tenth to the noise of a time of few milliseconds.
    Ratio("resume at 90 % <= 1.1x start at 0", "costs", "resume at 90 %", "start at 0", 1.1, True),
    Ratio("W3 2 processes >= 0.8 of limit", "workers W3", "headrace", KEPT, 0.8),
    Ratio("W3 2 processes >= 5x each peer", "workers W3", "headrace", None, 5),
    Ratio("W1 2 processes >= 8x each peer", "workers W1", "headrace", None, 8),
    *[
        Ratio(
            f"W2d 2 {kind} >= 0.9 of 2 {other}",
            "W2d",
            f"headrace, {kind}",
            f"limit: 2 {other}",
            0.9,
        )
        for kind in ("threads", "processes")
        for other in ("threads", "processes")
    ],
    *[
        Ratio(
            f"W2d 2 {kind}: CPU an image <= each peer's",
            "W2d CPU",
            f"headrace, {kind}",
            None,
            1,
            is_at_most=True,
        )
        for kind in ("threads", "processes")
    ],
    *[
        Ratio(
            f"first batch, {which} <= torch DataLoader's",
            "first batch",
            f"headrace, {which}",
            f"torch DataLoader, {which}",
            1,
            is_at_most=True,
        )
        for which in ("first of a process", "later ones")
    ],
    # One part in a hundred, which is what the clock of the system can tell.
    *[
        Bound(f"idle, 2 {kind}: <= 0.03 s of CPU in 3 s", "idle", f"headrace, 2 {kind}", 0.03)
        for kind in ("processes", "threads")
    ],
    # "Independent" leaves a quarter to the noise of some microseconds.
    *[
        Ratio(
            f"state_dict of 8 {kind} <= 1.25x of 2",
            "state_dict",
            f"headrace, 8 {kind}",
            f"headrace, 2 {kind}",
            1.25,
            is_at_most=True,
        )
        for kind in ("threads", "processes")
    ],
    Ratio("remote W2 >= 0.8 of a plain download", "remote W2", "headrace", DOWNLOAD, 0.8),
    # "Equal" leaves a tenth to noise.
    Ratio("remote W2 again >= 0.9 of local", "remote W2 again", "headrace", "headrace, local", 0.9),
    Ratio("remote sparse: <= 0.1 of whole shards", "remote sparse", "headrace", WHOLE, 0.1, True),
    Bound("remote sparse: bytes <= 2x the records'", "remote sparse", "headrace: bytes", 2),
    Bound("remote sparse: requests <= 1x the least", "remote sparse", "headrace: requests", 1),
    *[
        Bound(f"{name}, {how} <= {bar}{unit}", "remote costs", f"{name}, {how}", bar)
        for name, how, bar, unit in (
            ("cacheable hit", "local", 20, " ms"),
            ("cacheable hit", "requests", 2, ""),
            ("open 10,000 shards", "local", 100, " ms"),
            ("open 10,000 shards", "remote", 100, " ms"),
            ("open 10,000 shards", "requests", 1, ""),
        )
    ],
    Bound(
        "a worker killed each second: >= 0.7 of the rate without",
        "kills",
        "headrace, a worker each second",
        0.7,
        is_at_most=False,
    ),
    *[
        Ratio(f"{work}{part} >= 1x {name}", work, f"headrace{part}", f"{name}{part}", 1)
        for work, name, parts in (
            ("compat yogadl", "YogaDL", (", submit", ", records", ", tf batches")),
            (
                "compat squirrel",
                "Squirrel",
                (", batches", ", async_map", ", store", ", monitor"),
            ),
            ("compat torchdata", "DataPipes", ("",)),
        )
        for part in parts
    ],
    # What it was measured at, since it cannot be installed.
    Bound(
        "compat dataset_server >= its 8,700 records/s",
        "compat dataset_server",
        "headrace",
        8_700,
        is_at_most=False,
    ),
    Bound(
        "compat dataset_server: first batch < its 5 s",
        "compat dataset_server",
        "headrace, to the first batch",
        5,
    ),
)


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Every target of the works measured, in order."""
    works = {row.work for row in rows}
    return [
        _ratio(target, rows) if isinstance(target, Ratio) else _bound(target, rows)
        for target in TARGETS
        if target.work in works
    ]


def _bound(target: Bound, rows: Sequence[Row]) -> Verdict:
    row = _measured(rows, target.work, target.name)
    if row is None:
        return Verdict(target.text, None, "", None)
    return Verdict(target.text, row.middle, "", _is_met(target, row.middle))


def _ratio(target: Ratio, rows: Sequence[Row]) -> Verdict:
    row = _measured(rows, target.work, target.name)
    others = _peers(rows, target.work)
    if target.other is not None:
        other = _measured(rows, target.work, target.other)
        others = [other] if other else []
    if row is None or not others:
        return Verdict(target.text, None, "", None)
    nearest = max if target.is_at_most else min
    value, name = nearest((ratio(row, other), other.name) for other in others)
    against = f"nearest: {name}" if target.other is None else ""
    return Verdict(target.text, value, against, _is_met(target, value))


def _is_met(target: Ratio | Bound, value: float) -> bool:
    return value <= target.bar if target.is_at_most else value >= target.bar


def _peers(rows: Sequence[Row], work: str) -> list[Row]:
    return [
        row for row in rows if row.work == work and row.values and not row.name.startswith(NO_PEER)
    ]


def _measured(rows: Sequence[Row], work: str, name: str) -> Row | None:
    found = (row for row in rows if (row.work, row.name) == (work, name) and row.values)
    return next(found, None)
