"""The driver's end of a group's process: one JSON line out, one back."""

# Any, in this file: requests and answers are JSON.
from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.groups import ROOT, Group

# How long a process may take to end by itself.
END_S = 10.0
# No bars, no network: only the work is measured.
QUIET = {
    "HEADRACE_PROGRESS": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}


class Peer:
    """A group's process; started by the first request, and again after it died."""

    def __init__(self, group: Group, python: Path, log: Path) -> None:
        self.group = group
        self.python = python
        self.log = log
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, request: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """The answer to one request; a process that dies or hangs gives a reason instead."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        line = ""
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], timeout_s)[0]:
                self._kill()
                return {"ok": False, "reason": f"gave no answer within {timeout_s:.0f} s"}
            line = process.stdout.readline()
        if not line:
            self._kill()
            return {"ok": False, "reason": f"its process died, see {self.log.name}"}
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """Ends the process and whatever it started."""
        if self.process is None:
            return
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        self._kill()

    def _running(self) -> subprocess.Popen[str]:
        if self.process is None:
            self.process = self._start()
        return self.process

    def _start(self) -> subprocess.Popen[str]:
        modules, packages = ",".join(self.group.modules), ",".join(self.group.packages)
        with self.log.open("a") as log:
            return subprocess.Popen(
                [str(self.python), "-m", "benchmarks.worker", modules, packages],
                cwd=ROOT,
                env={**os.environ, **QUIET},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A session of its own, so that its children can be ended with it.
                start_new_session=True,
            )

    def _kill(self) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
