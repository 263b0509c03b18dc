"""What ingest must know of a connection: its signals by address.

Kept per process until the revision moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.db import connection as database

from connectors.domain.columns import KIND_BOOL, KIND_FLOAT, KIND_INT, KIND_NULL, KIND_TEXT, KIND_UINT
from connectors.domain.outage import in_scope
from connectors.models import Connection, SignalDefinition
from plant import selectors as plant

_ACCEPTED = {
    "any": (KIND_INT, KIND_UINT, KIND_FLOAT, KIND_BOOL, KIND_TEXT),
    "integer": (KIND_INT, KIND_UINT),
    "number": (KIND_INT, KIND_UINT, KIND_FLOAT),
    "boolean": (KIND_BOOL, KIND_INT),
    "text": (KIND_TEXT,),
}
_PRESSING = frozenset({"state", "mode", "fault_code", "alarm", "order"})


@dataclass(frozen=True, slots=True)
class Signal:
    id: int
    equipment_id: int
    value_type: str
    accepts: tuple[bool, ...]


@dataclass(frozen=True)
class Context:
    connection_id: int
    slug: str
    protocol: str
    site_id: int
    revision: int
    signals: dict[str, Signal] = field(repr=False)
    # Signals whose changes people wait to see.
    pressing: list[int] = field(repr=False)
    # What to derive again when an equipment is touched: a line's signal concerns it and every machine of it.
    work_units: dict[int, tuple[int, ...]] = field(repr=False)

    def lookup(
        self, addresses: list[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(signal id, equipment id, accepted kinds) per address; id 0 = not known."""
        found = [self.signals.get(address) for address in addresses]
        signal_id = np.array([signal.id if signal else 0 for signal in found], np.int64)
        equipment_id = np.array([signal.equipment_id if signal else 0 for signal in found], np.int64)
        accepts = np.array([signal.accepts if signal else (False,) * 6 for signal in found], bool).reshape(
            -1, 6
        )
        return signal_id, equipment_id, accepts

    def equipment_in(self, scope: str) -> set[int]:
        """Machines with a signal whose address is in the scope of a gap."""
        return {signal.equipment_id for address, signal in self.signals.items() if in_scope(address, scope)}


_kept: dict[tuple[str, int], Context] = {}


def place_of(connection_id: int) -> tuple[str, int]:
    """What a process remembers of a connection is of one database."""
    return str(database.settings_dict["NAME"]), connection_id


def context_of(slug: str) -> Context:
    """Raises Connection.DoesNotExist."""
    row = Connection.objects.values_list("id", "protocol", "site_id", "revision").get(slug=slug)
    connection_id, protocol, site_id, revision = row
    place = place_of(connection_id)
    kept = _kept.get(place)
    if kept is not None and (kept.revision, kept.slug) == (revision, slug):
        return kept
    signals = SignalDefinition.objects.filter(connection_id=connection_id).values_list(
        "address", "id", "equipment_id", "value_type", "role"
    )
    by_address = {
        address: Signal(pk, equipment, kind, _accepts(kind)) for address, pk, equipment, kind, _ in signals
    }
    pressing = [pk for _, pk, _, _, role in signals if role in _PRESSING]
    equipment = plant.equipment_for_ids({signal.equipment_id for signal in by_address.values()})
    work_units = {
        place.pk: (place.pk, *(unit.pk for unit in plant.line_work_units(place.pk)))
        if place.level == "line"
        else (place.pk,)
        for place in equipment.values()
    }
    context = Context(connection_id, slug, protocol, site_id, revision, by_address, pressing, work_units)
    if not database.in_atomic_block or kept is None or kept.revision < revision:
        _kept[place] = context
    return context


def _accepts(value_type: str) -> tuple[bool, ...]:
    kinds = _ACCEPTED[value_type]
    return tuple(kind == KIND_NULL or kind in kinds for kind in range(6))
