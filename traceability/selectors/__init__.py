from __future__ import annotations

from traceability.selectors.lots import (
    LotAmbiguous,
    lot_balance,
    lot_by_code,
    lot_codes,
    lot_expired,
    lot_status,
    lot_vetoes,
    lots,
    lots_on_hand,
    movement_by_key,
    movements,
    movements_for_order,
)
from traceability.selectors.orders import (
    LotTold,
    OrderLots,
    evidence_answer,
    lots_told,
    material_answer,
    order_lots,
    order_material_balance,
    order_output,
)
from traceability.selectors.shortages import (
    shortage_in_force,
    shortage_open,
    shortages,
    shortages_between,
    shortages_for_order,
)
from traceability.selectors.trace import Trace, trace

__all__ = [
    "LotAmbiguous",
    "LotTold",
    "OrderLots",
    "Trace",
    "evidence_answer",
    "lot_balance",
    "lot_by_code",
    "lot_codes",
    "lot_expired",
    "lot_status",
    "lot_vetoes",
    "lots",
    "lots_on_hand",
    "lots_told",
    "material_answer",
    "movement_by_key",
    "movements",
    "movements_for_order",
    "order_lots",
    "order_material_balance",
    "order_output",
    "shortage_in_force",
    "shortage_open",
    "shortages",
    "shortages_between",
    "shortages_for_order",
    "trace",
]
