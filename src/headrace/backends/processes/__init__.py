"""Tasks run in other processes of this machine.

Here: `pool` (for callers), whose thread runs the `crew` (tasks) and the `staff` (workers, each in
a `seat`); `launch` and `forking` start them. There: `child`, where a process begins, as a `server`
or a `worker`. Between them: `messages`, and results by way of `headrace.arena`.
"""

from __future__ import annotations

from headrace.backends.processes.description import Processes

__all__ = ["Processes"]
