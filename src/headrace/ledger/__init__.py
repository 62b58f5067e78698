"""What loaders have delivered: written down while they run, and proven afterwards."""

from __future__ import annotations

from headrace.ledger.auditing import Audit, EpochAudit, Positions, audit
from headrace.ledger.ledger import Ledger
from headrace.ledger.writer import Writer, writer_of

__all__ = ["Audit", "EpochAudit", "Ledger", "Positions", "Writer", "audit", "writer_of"]
