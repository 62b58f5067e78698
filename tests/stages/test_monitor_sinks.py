"""`monitor` with the trackers that people use: what they stored is read back."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.stages.monitor import Report

NAMES = ("train/IOPS number/s", "train/throughput MB/s")


def run(callback: Any, prefix: str = "train/") -> None:
    """Twenty batches, with a report after each of them and at the end."""
    stream = hr.stream([np.zeros(1000)] * 160).batch(8)
    assert stream.monitor(callback, prefix=prefix, every=1e-9).join() == 20


class Both:
    """Passes reports on to a tracker, and keeps them to compare."""

    def __init__(self, callback: Any) -> None:
        self.callback = callback
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> None:
        self.callback(report)
        self.reports.append(report)

    def curve(self, name: str) -> Any:
        return pytest.approx([report[name] for report in self.reports], rel=1e-6)


@pytest.mark.slow
def test_wandb_logs_the_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged = wandb.init(project="headrace", dir=str(tmp_path))
    both = Both(logged.log)
    run(both)
    logged.finish()
    # Ends the process that writes the file.
    wandb.teardown()
    rows = history(next(tmp_path.rglob("*.wandb")))
    assert len(rows) == len(both.reports) >= 20
    for name in NAMES:
        assert [row[name] for row in rows] == both.curve(name)


def history(path: Path) -> list[dict[str, Any]]:
    """The rows of history in a file of an offline run."""
    proto = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    found = []
    for message in messages(path.read_bytes()):
        record = proto.Record()
        record.ParseFromString(message)
        if record.WhichOneof("record_type") == "history":
            values = record.history.item
            found.append(
                {one.key or one.nested_key[0]: json.loads(one.value_json) for one in values}
            )
    return found


def messages(log: bytes) -> Iterator[bytes]:
    """The messages of a log in the format of LevelDB, after the 7 bytes of its header."""
    at, message = 7, b""
    while at + 7 <= len(log):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", log, at + 4)
        message += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # Whole, or the last piece.
            yield message
            message = b""


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    module.set_tracking_uri((tmp_path / "runs").as_uri())
    return module


@pytest.mark.slow
def test_mlflow_logs_the_reports(mlflow: Any) -> None:
    with mlflow.start_run() as active:
        both = Both(mlflow.log_metrics)
        run(both, prefix="rank 0_-.:/train/")
    client = mlflow.MlflowClient()
    for name in NAMES:
        kept = client.get_metric_history(active.info.run_id, f"rank 0_-.:/{name}")
        assert [one.value for one in kept] == both.curve(f"rank 0_-.:/{name}")


@pytest.mark.slow
def test_mlflow_refuses_a_prefix_with_parentheses_and_the_error_names_the_monitor(
    mlflow: Any,
) -> None:
    with mlflow.start_run(), pytest.raises(mlflow.MlflowException, match="nvalid") as failure:
        run(mlflow.log_metrics, prefix="(train) ")
    assert any("a monitor with prefix '(train) '" in note for note in failure.value.__notes__)


def test_a_gauge_of_prometheus_shows_the_newest_report() -> None:
    prometheus = pytest.importorskip("prometheus_client")
    registry = prometheus.CollectorRegistry()
    gauge = prometheus.Gauge("batches", "Batches a second.", registry=registry)
    both = Both(lambda report: gauge.set(report[NAMES[0]]))
    run(both)
    assert registry.get_sample_value("batches") == both.reports[-1][NAMES[0]]
    assert f"batches {both.reports[-1][NAMES[0]]}" in prometheus.generate_latest(registry).decode()


@pytest.mark.slow
def test_tensorboard_draws_the_reports(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writers = pytest.importorskip("torch.utils.tensorboard")
    steps = itertools.count()
    with writers.SummaryWriter(str(tmp_path)) as writer:

        def draw(report: Report) -> None:
            step = next(steps)
            for key, value in report.items():
                writer.add_scalar(key, value, step)

        both = Both(draw)
        run(both)
    kept = events.EventAccumulator(str(tmp_path))
    kept.Reload()
    for name in NAMES:
        tag = next(tag for tag in kept.Tags()["scalars"] if tag.replace("_", " ") == name)
        assert [one.value for one in kept.Scalars(tag)] == both.curve(name)
