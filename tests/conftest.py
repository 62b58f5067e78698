"""What holds for every test: hypothesis profiles, and skips that count as failures in CI."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

IN_CI = bool(os.environ.get("CI"))
# Set by test_core_only.py in the environments that it makes without any extra.
CORE_ONLY = bool(os.environ.get("HEADRACE_TEST_CORE_ONLY"))
# The only reasons to skip in CI: what no install step of ours could bring.
ALLOWED_SKIPS = ("this machine has no ",)

# Machines are shared and slow at times, so no deadline anywhere. CI draws the same cases each
# time, so that a red run is the fault of its change.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if IN_CI else "local")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the stress tests unless -m names them, whatever else it says."""
    if "stress" in str(config.option.markexpr):
        return
    stress = [item for item in items if item.get_closest_marker("stress")]
    if stress:
        config.hook.pytest_deselected(items=stress)
        items[:] = [item for item in items if item not in stress]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Passes over GPU tests where there is no GPU."""
    if item.get_closest_marker("gpu") and not _has_gpu():
        pytest.skip("this machine has no GPU")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip in CI into a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns a skipped module in CI into a failure."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not IN_CI or CORE_ONLY or not report.skipped:
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith(ALLOWED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"In CI a missing component is a failure. {reason}"


def _has_gpu() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
