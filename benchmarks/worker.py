"""The process of one group of peers: reads requests, one JSON line each, and answers in kind."""

# Any, in this file: requests and answers are JSON.
from __future__ import annotations

import gc
import importlib
import importlib.metadata
import json
import os
import platform
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from benchmarks import workloads
from benchmarks.case import Bench, Case
from benchmarks.sizes import SHAPES, Effort

# How much of a failure is shown in the table.
REASON_LENGTH = 300


@dataclass(frozen=True)
class Worker:
    """What a group can do: its cases by work and name, and the packages it has."""

    cases: dict[str, Case]
    failed: dict[str, str]
    packages: list[str]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks."""
        match request["do"]:
            case "hello":
                listed = [{"work": case.work, "name": case.name} for case in self.cases.values()]
                versions = {"python": platform.python_version(), **_versions(self.packages)}
                return {"cases": listed, "failed": self.failed, "versions": versions}
            case "prepare":
                bench = _bench(request)
                records = bench.effort.records(SHAPES[request["work"]].records)
                workloads.prepare(bench.data_folder, request["work"], records)
                return {}
            case _:
                figures = self.cases[request["case"]].run(_bench(request))
                gc.collect()
                return {"figures": figures}


def main() -> None:
    """Serves requests until standard input ends; arguments are case modules, then packages."""
    answers = _private_stdout()
    modules, packages = sys.argv[1].split(","), sys.argv[2].split(",")
    worker = Worker({}, {}, packages)
    for module in modules:
        _add(worker, module)
    for line in sys.stdin:
        try:
            reply = {"ok": True, **worker.answer(json.loads(line))}
        except Exception as error:  # one broken peer is a row in the table, not the end
            traceback.print_exc()
            reply = {"ok": False, "reason": _reason(error)}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def _private_stdout() -> TextIO:
    """Standard output for answers alone: what libraries print goes to standard error."""
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return kept


def _add(worker: Worker, module: str) -> None:
    try:
        found: list[Case] = importlib.import_module(f"benchmarks.cases.{module}").CASES
    except Exception as error:  # as above: reported, and the others go on
        traceback.print_exc()
        worker.failed[module] = _reason(error)
        return
    worker.cases.update({f"{case.work}/{case.name}": case for case in found})


def _bench(request: dict[str, Any]) -> Bench:
    folder, scratch = Path(request["data_folder"]), Path(request["scratch"])
    scratch.mkdir(parents=True, exist_ok=True)
    return Bench(folder, scratch, Effort(**request["effort"]))


def _versions(packages: list[str]) -> dict[str, str]:
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:REASON_LENGTH]


if __name__ == "__main__":
    main()
