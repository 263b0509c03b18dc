"""What a shift handed over: everything open on its line when it ended, whatever became of it since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from maintenance import selectors as maintenance
from mom.calls.selectors import calls_open_at
from mom.improvement.selectors import actions_open_at
from plant import selectors as plant
from production import selectors as production
from production.selectors.recorded import orders_known_at
from quality.selectors.nonconformances import nonconformances_open_at

if TYPE_CHECKING:
    from mom.calls.models import HelpCall
    from mom.improvement.models import Action
    from plant.models import Equipment
    from production.models import JobOrder, NoteAssertion

SHOWN_ORDERS = 4


@dataclass(frozen=True, slots=True)
class OpenThen:
    """``at``: the end of the shift. ``notes`` are those of the shift; ``orders`` were still to be made."""

    at: datetime
    requests: Sequence[Any]
    actions: Sequence[Action]
    calls: Sequence[HelpCall]
    deviations: Sequence[Any]
    notes: Sequence[NoteAssertion]
    orders: Sequence[JobOrder]

    @property
    def is_empty(self) -> bool:
        return not (self.requests or self.actions or self.calls or self.deviations)

    def as_figures(self) -> dict[str, str]:
        """What is signed of it: each open thing by its code, and what kind of thing it is."""
        return {
            **{row.code: "request" for row in self.requests},
            **{f"action-{row.pk}": "action" for row in self.actions},
            **{f"call-{row.pk}": "call" for row in self.calls},
            **{row.code: "deviation" for row in self.deviations},
            **{row.code: "order" for row in self.orders},
        }


def open_then(*, line: Equipment, start: datetime, end: datetime) -> OpenThen:
    """What was open on a line at ``end`` of the shift that began at ``start``, as far as known now."""
    units = [unit.pk for unit in plant.line_work_units(line.pk)]
    places = [line.pk, *units]
    return OpenThen(
        at=end,
        requests=list(maintenance.requests_open_at(equipment_path=line.path, at=end)),
        actions=list(actions_open_at(equipment_ids=places, at=end)[:20]),
        calls=list(calls_open_at(equipment_path=line.path, at=end)),
        deviations=list(nonconformances_open_at(equipment_path=line.path, at=end)),
        notes=list(production.notes(equipment_ids=places, start=start, end=end)),
        orders=orders_known_at(line_id=line.pk, at=end)[:SHOWN_ORDERS],
    )
