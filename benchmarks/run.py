"""Measures headrace and its peers, interleaved in one run: `python -m benchmarks.run`."""

# Any, in this file: answers of the groups are JSON.
from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import WORKS
from benchmarks.groups import ABSENT, GROUPS, HOME, Group, NotInstalledError, environment
from benchmarks.machine import this_machine
from benchmarks.pipe import Peer
from benchmarks.report import Row, tables
from benchmarks.sizes import FULL, QUICK, SHAPES, Effort
from benchmarks.targets import Verdict, verdicts

LATEST = Path(__file__).resolve().parent / "results" / "latest.json"
ROUNDS, QUICK_ROUNDS = 5, 2
# A case writes its data set the first time, which the slowest peer does in some minutes.
CASE_LIMIT_S = 600.0
# The data sets of the works that are not named after theirs.
NEEDED = {
    **dict.fromkeys(("costs", "tf", "monitor"), ("W1",)),
    **dict.fromkeys(("first batch", "idle", "state_dict", "kills", "report cost"), ("W1",)),
    **dict.fromkeys(("W2d", "W2d CPU", "remote W2 again"), ("W2",)),
    **dict.fromkeys(("remote sparse", "remote costs"), ("W1",)),
    "in": ("W2", "W4"),
}


@dataclass(frozen=True)
class Plan:
    """What this run measures, and how long."""

    works: tuple[str, ...]
    rounds: int
    effort: Effort

    def request(self, do: str, group: str, **more: str) -> dict[str, Any]:
        """One request to a group."""
        places = {"data_folder": str(HOME / "sets"), "scratch": str(HOME / "scratch" / group)}
        return {"do": do, **places, "effort": asdict(self.effort), **more}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmarks, prints tables and targets, and keeps the JSON."""
    given = _parser().parse_args(arguments)
    plan = _plan(given)
    _own_folder()
    with ExitStack() as stack:
        peers, rows = _start(plan, _pythons(given.python), stack)
        versions = _list_cases(plan, peers, rows)
        if _prepare(plan, peers):
            _measure(plan, peers, rows)
    shutil.rmtree(HOME / "scratch", ignore_errors=True)
    found = verdicts(rows)
    _show(plan, rows, versions, found)
    _keep(given.out, plan, rows, versions, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {', '.join(WORKS)}; by commas")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, short, 2 rounds")
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds, {ROUNDS} if not said")
    parser.add_argument("--scale", type=float, help="part of each data set, 1 if not said")
    parser.add_argument("--out", type=Path, default=LATEST, help="where the JSON goes")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="GROUP=PATH",
        help="an interpreter to use in place of the group's own environment",
    )
    return parser


def _plan(given: argparse.Namespace) -> Plan:
    effort = QUICK if given.quick else FULL
    if given.scale is not None:
        effort = replace(effort, scale=given.scale)
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    wanted = [name.strip() for name in given.only.split(",") if name.strip()]
    for name in wanted:
        if not any(_covers(name, work) for work in WORKS):
            sys.exit(f"--only {name} is no work. Give some of: {', '.join(WORKS)}.")
    works = tuple(w for w in WORKS if not wanted or any(_covers(name, w) for name in wanted))
    return Plan(works, rounds, effort)


def _covers(name: str, work: str) -> bool:
    """Whether `name` is the work or the first word of it: `write` is both writes."""
    return name == work or name == work.split()[0]


def _pythons(given: Sequence[str]) -> dict[str, Path]:
    return {name: Path(path) for name, _, path in (one.partition("=") for one in given)}


def _own_folder() -> None:
    shutil.rmtree(HOME / "scratch", ignore_errors=True)
    (HOME / "logs").mkdir(parents=True, exist_ok=True)
    # Keeps the folder out of version control whatever the project says.
    (HOME / ".gitignore").write_text("*\n")


def _start(
    plan: Plan, pythons: dict[str, Path], stack: ExitStack
) -> tuple[dict[str, Peer], list[Row]]:
    """The processes of the groups that take part, and a row for each that has none."""
    peers = {}
    rows = [Row(one.work, one.name, "", reason=one.reason) for one in ABSENT]
    for group in (group for group in GROUPS if set(group.works) & set(plan.works)):
        _tell(f"environment of {group.name}")
        try:
            python = pythons.get(group.name) or environment(group)
        except NotInstalledError as error:
            rows += [Row(work, group.name, group.name, reason=str(error)) for work in group.works]
            continue
        log = HOME / "logs" / f"{group.name}.log"
        log.write_text("")
        peers[group.name] = stack.enter_context(Peer(group, python, log))
    return peers, rows


def _list_cases(plan: Plan, peers: dict[str, Peer], rows: list[Row]) -> dict[str, Any]:
    """Adds a row for each case of each group, and gives the versions of their packages."""
    versions = {}
    for name, peer in peers.items():
        reply = peer.ask(plan.request("hello", name), timeout_s=CASE_LIMIT_S)
        if not reply["ok"]:
            rows += [Row(work, name, name, reason=reply["reason"]) for work in peer.group.works]
            continue
        versions[name] = reply["versions"]
        rows += [Row(case["work"], case["name"], name) for case in reply["cases"]]
        for module, reason in reply["failed"].items():
            rows += [Row(work, module, name, reason=reason) for work in peer.group.works]
    rows[:] = [row for row in rows if row.work in plan.works]
    return versions


def _prepare(plan: Plan, peers: dict[str, Peer]) -> bool:
    """Makes the data sets, in the first group's process."""
    first: Group = GROUPS[0]
    if first.name not in peers:
        return False
    for work in _sets(plan.works):
        _tell(f"data of {work}")
        request = plan.request("prepare", first.name, work=work)
        reply = peers[first.name].ask(request, timeout_s=CASE_LIMIT_S)
        if not reply["ok"]:
            sys.exit(f"the data of {work} could not be made: {reply['reason']}")
    return True


def _sets(works: Sequence[str]) -> Iterator[str]:
    """The data sets that the works need."""
    needed = {name for work in works for name in NEEDED.get(work, (work.split()[-1],))}
    return (name for name in SHAPES if name in needed)


def _measure(plan: Plan, peers: dict[str, Peer], rows: list[Row]) -> None:
    """All rounds: work by work, in each every peer in turn."""
    for number in range(plan.rounds):
        for work in plan.works:
            for row in (row for row in rows if row.work == work and not row.reason):
                request = plan.request("run", row.group, case=f"{row.work}/{row.name}")
                reply = peers[row.group].ask(request, timeout_s=CASE_LIMIT_S)
                if reply["ok"]:
                    row.figures.append(reply["figures"])
                    shown = f"{row.values[-1]:,.6g} {row.unit}"
                else:
                    shown = row.reason = reply["reason"]
                _tell(f"round {number + 1}/{plan.rounds} {work} {row.name}: {shown}")


def _heading(plan: Plan, versions: dict[str, Any]) -> str:
    lines = [
        f"{this_machine()}; {datetime.now(UTC):%Y-%m-%d}; {plan.rounds} rounds, medians; warm",
        *(
            f"{name}: " + ", ".join(f"{package} {version}" for package, version in found.items())
            for name, found in versions.items()
        ),
    ]
    if plan.effort.scale != FULL.scale:
        lines.append(f"Data sets are {plan.effort.scale:g} of their size: figures do not compare.")
    return "\n".join(lines)


def _show(
    plan: Plan, rows: Sequence[Row], versions: dict[str, Any], found: Sequence[Verdict]
) -> None:
    print(_heading(plan, versions), tables(rows), "\n".join(map(str, found)), sep="\n\n")


def _keep(
    path: Path,
    plan: Plan,
    rows: Sequence[Row],
    versions: dict[str, Any],
    found: Sequence[Verdict],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        "machine": asdict(this_machine()),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "plan": asdict(plan),
        "rows": [row.as_json() for row in rows],
        "targets": [asdict(verdict) for verdict in found],
    }
    path.write_text(json.dumps(kept, indent=1) + "\n")
    _tell(f"kept in {path}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
