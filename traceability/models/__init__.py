from __future__ import annotations

from traceability.models.lot import LotMovement, MaterialLot
from traceability.models.shortage import MaterialShortage

__all__ = ["LotMovement", "MaterialLot", "MaterialShortage"]
