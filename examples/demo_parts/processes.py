"""Starts training processes, each a new interpreter, and kills one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo_parts.failure import DemoFailure
from demo_parts.runs import Run, read_log

EXAMPLES = Path(__file__).parents[1]
# A matrix product may round otherwise on another number of BLAS threads, so all have one.
ONE_BLAS_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


@dataclass(frozen=True)
class Kill:
    """A training process that was killed while it worked."""

    pid: int
    exit_code: int
    run: Run


@dataclass(frozen=True)
class Trainer:
    """Starts training on the digits in one output folder."""

    output: Path
    epochs: int

    def run_to_end(self, name: str, *, threads: int = 0, resume_from: str | None = None) -> Run:
        """Trains in a process of its own until it is done."""
        extra = ["--threads", str(threads)]
        if resume_from is not None:
            extra += ["--resume-from", str(self._checkpoint(resume_from))]
        done = subprocess.run(
            self._command(name, *extra),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailure(
                f"the training process {name!r} ended with {done.returncode}:\n{done.stderr}"
            )
        return self._run(name)

    def run_and_kill(self, name: str, *, report_at: int) -> Kill:
        """Trains in a process of its own, and sends it SIGKILL when it says it is mid-epoch."""
        with subprocess.Popen(
            self._command(name, "--report-at", str(report_at)),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                report = process.stdout.readline()
            finally:
                process.kill()
            exit_code = process.wait()
            complaint = process.stderr.read()
        if not report or exit_code != -signal.SIGKILL:
            raise DemoFailure(
                f"the process to be killed ended by itself with {exit_code}; expected it to "
                f"report step {report_at} and to die of SIGKILL.\n{complaint}"
            )
        return Kill(process.pid, exit_code, self._run(name))

    def _command(self, name: str, *extra: str) -> list[str]:
        return [
            *(sys.executable, "-m", "demo_parts.training"),
            *("--storage", str(self.output / "storage")),
            *("--log", str(self._log(name))),
            *("--checkpoint", str(self._checkpoint(name))),
            *("--epochs", str(self.epochs)),
            *extra,
        ]

    def _run(self, name: str) -> Run:
        return read_log(name, self._log(name), self._checkpoint(name))

    def _log(self, name: str) -> Path:
        return self.output / "runs" / f"{name}.jsonl"

    def _checkpoint(self, name: str) -> Path:
        return self.output / "runs" / f"{name}.npz"


def _environment() -> dict[str, str]:
    places = [str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **ONE_BLAS_THREAD, "PYTHONPATH": os.pathsep.join(places)}
