from __future__ import annotations

from traceability.services.lots import lot_consume, lot_move, lot_produce, lot_receive
from traceability.services.refusals import LotExists, LotInputRefused, LotNotInBom, LotRefused
from traceability.services.shortages import ShortageRefused, shortage_close, shortage_open

__all__ = [
    "LotExists",
    "LotInputRefused",
    "LotNotInBom",
    "LotRefused",
    "ShortageRefused",
    "lot_consume",
    "lot_move",
    "lot_produce",
    "lot_receive",
    "shortage_close",
    "shortage_open",
]
