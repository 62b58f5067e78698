"""`headrace verify`."""

from __future__ import annotations

import typer

from headrace.cli.failing import DATA_PROBLEM, one_line
from headrace.cli.options import AnyDataset, AnyVersion, AsJson, StorageUrl
from headrace.cli.place import place_at
from headrace.cli.printing import counted, note, show, show_json, size
from headrace.contracts.errors import IntegrityError
from headrace.storage.upkeep import VerifyReport

# The keys of a dataset that is damaged are those of a whole one.
DAMAGED: dict[str, object] = {
    "dataset": None,
    "is_whole": False,
    "error": None,
    "versions": None,
    "shards": None,
    "size_bytes": None,
}


def verify(
    name: AnyDataset = None,
    version: AnyVersion = None,
    *,
    storage: StorageUrl = None,
    as_json: AsJson = False,
) -> None:
    """Read every shard and compare it with its checksum.

    Without VERSION all versions of the dataset, without NAME all datasets. The exit code is 1
    where one is damaged.
    """
    place = place_at(storage)
    names = place.storage.datasets() if name is None else [name]
    reports: list[dict[str, object]] = []
    for dataset in names:
        try:
            report = place.storage.verify(dataset, version)
        except IntegrityError as error:
            reports.append(DAMAGED | {"dataset": dataset, "error": str(error)})
            note(one_line(error))
        else:
            reports.append(_as_json(report))
            if not as_json:
                show(_line(report))
    if as_json:
        show_json(reports)
    elif not names:
        show(f"no datasets in {place.url}")
    if not all(report["is_whole"] for report in reports):
        raise typer.Exit(DATA_PROBLEM)


def _line(report: VerifyReport) -> str:
    shards = f"{counted(report.shard_count, 'shard')}, {size(report.size_bytes)}"
    return f"{report.dataset} {', '.join(report.versions)}: {shards}, all as they were written"


def _as_json(report: VerifyReport) -> dict[str, object]:
    return {
        "dataset": report.dataset,
        "is_whole": True,
        "error": None,
        "versions": list(report.versions),
        "shards": report.shard_count,
        "size_bytes": report.size_bytes,
    }
