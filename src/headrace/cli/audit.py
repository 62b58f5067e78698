"""`headrace audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headrace.cli.failing import DATA_PROBLEM
from headrace.cli.options import AsJson
from headrace.cli.printing import columns, counted, show, show_json, stdout
from headrace.ledger import Audit, EpochAudit, Positions
from headrace.ledger import audit as audited

# So many of the lost and of the doubled are printed; --json lists them all.
SHOWN = 10
# A terminal on which numbers in the millions would be cut off in the table.
TABLE_WIDTH = 72
NUMBERS = ("positions", "delivered", "repeated", "lost", "doubled")


def audit(
    ledgers: Annotated[
        list[Path],
        typer.Argument(
            metavar="LEDGER...", help="Folders of ledgers, or files in them: all of one run."
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Prove that each record of each epoch was delivered exactly once, or list those that were not.

    Reads what DataLoaders with `ledger=` have noted, of all ranks and all restarts. The exit code
    is 1 where a record was lost or doubled.
    """
    found = audited(ledgers)
    if as_json:
        show_json(_as_json(found))
    else:
        _show(found)
    if not found.is_proven:
        raise typer.Exit(DATA_PROBLEM)


def _show(found: Audit) -> None:
    if stdout().width < TABLE_WIDTH:
        show(found.data, *(_line(epoch) for epoch in found.epochs))
    else:
        show(found.data, _table(found))
    for epoch in found.epochs:
        for name in ("repeated", "lost", "doubled"):
            positions: Positions = getattr(epoch, name)
            if positions.count:
                show(f"epoch {epoch.epoch}: {name} {_listed(positions)}")
        if epoch.missing_ranks:
            ranks = ", ".join(map(str, epoch.missing_ranks))
            show(f"epoch {epoch.epoch}: no ledger of rank {ranks}")
    if not found.epochs:
        show("no epoch was begun")


def _table(found: Audit) -> Table:
    table = columns("epoch", *NUMBERS, "is", right=("epoch", *NUMBERS))
    for epoch in found.epochs:
        counts = (f"{count:,}" for count in _counts(epoch))
        table.add_row(str(epoch.epoch), *counts, _verdict(epoch))
    return table


def _line(epoch: EpochAudit) -> str:
    """What a row of the table says, for a terminal that is too narrow for it."""
    counts = zip(_counts(epoch), NUMBERS, strict=True)
    parts = [f"{count:,} {name}" for count, name in counts if count or name == "delivered"]
    return f"epoch {epoch.epoch} {_verdict(epoch)}: {', '.join(parts)}"


def _counts(epoch: EpochAudit) -> tuple[int, ...]:
    kinds = (epoch.repeated, epoch.lost, epoch.doubled)
    return epoch.positions, epoch.delivered, *(kind.count for kind in kinds)


def _verdict(epoch: EpochAudit) -> str:
    if not epoch.is_proven:
        return "broken"
    return "proven" if epoch.has_finished else "not finished"


def _listed(positions: Positions) -> str:
    indices = positions.indices[..., :SHOWN].T.tolist()
    more = ", ..." if positions.count > len(indices) else ""
    shown = ", ".join(map(str, indices))
    return f"{counted(positions.count, 'position')}, of index {shown}{more}"


def _as_json(found: Audit) -> dict[str, object]:
    return {
        "data": found.data,
        "is_proven": found.is_proven,
        "epochs": [_epoch_json(epoch) for epoch in found.epochs],
    }


def _epoch_json(epoch: EpochAudit) -> dict[str, object]:
    return {
        "epoch": epoch.epoch,
        "is_proven": epoch.is_proven,
        "has_finished": epoch.has_finished,
        "positions": epoch.positions,
        "delivered": epoch.delivered,
        "repeated": _positions_json(epoch.repeated),
        "lost": _positions_json(epoch.lost),
        "doubled": _positions_json(epoch.doubled),
        "padding": epoch.padding,
        "dropped": epoch.dropped,
        "sessions": epoch.sessions,
        "missing_ranks": list(epoch.missing_ranks),
    }


def _positions_json(positions: Positions) -> dict[str, object]:
    return {
        "count": positions.count,
        "positions": positions.listed.tolist(),
        "indices": positions.indices.T.tolist(),
    }
