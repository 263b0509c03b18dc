"""All that accounts of machines are made from, in one read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from production.domain.account import NEAR, OrderUse, Said
from production.domain.definition import Told
from production.domain.stitching import StateRow
from production.domain.stops import StopRow
from production.models import OrderSpan
from production.selectors.definitions import Families, Family

if TYPE_CHECKING:
    from plant.models import Equipment

# By machine or line and who told it.
Uses = dict[tuple[int, str], list[OrderUse]]
SIGNAL, EVENTS, LINE = str(OrderSpan.Source.SIGNAL), str(OrderSpan.Source.EVENTS), ""
STATE, STOP, ORDER, KNOWN, SAID, FAMILY = "state", "stop", "order", "known", "said", "family"

# Written out: put together by the ORM it would cost a page more than it takes to answer.
# States and stops lie apart: those that begin in the window, and of each machine the last one before it, are
# all that reach it. Found by their ends, all since would be read.
READ = """
WITH state_before AS MATERIALIZED (
    SELECT last.* FROM unnest(%(units)s::bigint[]) AS unit CROSS JOIN LATERAL (
        SELECT work_unit_id, start_time, end_time, state, mode, fault_code, cause
        FROM production_stateinterval
        WHERE work_unit_id = unit AND start_time < %(since)s ORDER BY start_time DESC LIMIT 1
    ) AS last WHERE last.end_time IS NULL OR last.end_time > %(since)s
), stop_before AS MATERIALIZED (
    SELECT last.* FROM unnest(%(units)s::bigint[]) AS unit CROSS JOIN LATERAL (
        SELECT work_unit_id, start_time, end_time, base_class, fault_code FROM production_stop
        WHERE work_unit_id = unit AND start_time < %(since)s ORDER BY start_time DESC LIMIT 1
    ) AS last WHERE last.end_time IS NULL OR last.end_time > %(since)s
), first AS MATERIALIZED (
    SELECT least(%(since)s, min(start_time)) AS at FROM stop_before
)
SELECT 'state', work_unit_id, start_time, end_time, state, mode, fault_code, cause,
       NULL::timestamptz, 0::bigint
FROM production_stateinterval
WHERE work_unit_id = ANY(%(units)s) AND start_time >= %(since)s AND start_time < %(until)s
  AND (end_time IS NULL OR end_time > %(since)s)
UNION ALL
SELECT 'state', work_unit_id, start_time, end_time, state, mode, fault_code, cause, NULL, 0
FROM state_before
UNION ALL
SELECT 'stop', work_unit_id, start_time, end_time, base_class, fault_code, '', '', NULL, 0
FROM production_stop
WHERE work_unit_id = ANY(%(units)s) AND start_time >= %(since)s AND start_time < %(until)s
  AND (end_time IS NULL OR end_time > %(since)s)
UNION ALL
SELECT 'stop', work_unit_id, start_time, end_time, base_class, fault_code, '', '', NULL, 0 FROM stop_before
UNION ALL
SELECT 'order', equipment_id, start_time, end_time, order_code, source, '', '', NULL,
       coalesce((SELECT product_id FROM production_joborder WHERE code = order_code), 0)
FROM production_orderspan
WHERE equipment_id = ANY(%(places)s) AND start_time < %(until)s AND (end_time IS NULL OR end_time > %(since)s)
UNION ALL
-- Who tells the orders of a machine: its own signal if it ever spoke, else what was derived for it from the
-- events of its line; '' where nothing was. Never decided by a window.
SELECT 'known', unit, horizon, NULL,
       CASE WHEN EXISTS (SELECT 1 FROM production_orderspan WHERE equipment_id = unit AND source = 'signal')
            THEN 'signal'
            WHEN EXISTS (SELECT 1 FROM production_orderspan WHERE equipment_id = unit AND source = 'events')
            THEN 'events' ELSE '' END,
       coalesce((SELECT max(units_per_hour)::text FROM production_idealrate WHERE equipment_id = unit), ''),
       '', '', NULL, 0
FROM (SELECT work_unit_id AS unit, horizon FROM production_stitchcheckpoint) AS checkpoint
WHERE unit = ANY(%(units)s)
UNION ALL
-- Asked of each that is found whether it is superseded: joined, all that was ever said would be read. One
-- without an end, said about a stop that ended before the window, is not about a stop in it.
SELECT 'said', equipment_id, start_time, end_time, reason.code, reason.time_class, '', '', said_at, said.id
FROM production_reasonassertion said JOIN plant_reason reason ON reason.id = said.reason_id
WHERE equipment_id = ANY(%(units)s) AND start_time < %(until)s
  AND (end_time > (SELECT at FROM first) OR end_time IS NULL AND start_time >= greatest(
      (SELECT at FROM first) - %(near)s, (
          SELECT past.end_time FROM production_stop past WHERE past.work_unit_id = equipment_id
            AND past.start_time < %(since)s AND past.end_time <= %(since)s
          ORDER BY past.start_time DESC LIMIT 1
      )
  ))
  AND (SELECT later.id FROM production_reasonassertion later WHERE later.supersedes_id = said.id) IS NULL
UNION ALL
SELECT 'family', family.id, valid_from, NULL, code, coalesce(states::text, ''), coalesce(modes::text, ''), '',
       NULL, coalesce(parent_id, 0)
FROM plant_equipmentclass family LEFT JOIN plant_timemodel ON equipment_class_id = family.id
"""


class About(NamedTuple):
    """Until when a machine's data are known, who tells its orders, its fastest ideal rate."""

    horizon: datetime
    orders: str
    fastest: Decimal | None


class Observed(NamedTuple):
    """What is known of machines in a window, whole rows in order. Machines that never sent anything are not
    ``known``. ``said``: reasons that may reach the window or a stop of it, in the order they were said.
    ``products``: by order.
    """

    known: dict[int, About]
    states: dict[int, list[StateRow]]
    stops: dict[int, list[StopRow]]
    spans: Uses
    said: dict[int, list[Said]]
    families: Families
    products: dict[str, int]


def observed(machines: Sequence[Equipment], start: datetime, end: datetime) -> Observed:
    """``states_between``, ``stops_between``, ``reasons_in_force`` and the order spans of machines and their
    lines.
    """
    by_kind: dict[str, list[Any]] = {kind: [] for kind in (STATE, STOP, ORDER, KNOWN, SAID, FAMILY)}
    for kind, *row in _rows(machines, start, end):
        by_kind[kind].append(row)
    found = Observed({}, {}, {}, {}, {}, _families(by_kind[FAMILY]), {})
    for machine, horizon, _, told, fastest, *_ in by_kind[KNOWN]:
        found.known[machine] = About(horizon, told, Decimal(fastest) if fastest else None)
    for machine, *row in sorted(by_kind[STATE], key=_by_start):
        found.states.setdefault(machine, []).append(StateRow(*row[:6]))
    for machine, *row in sorted(by_kind[STOP], key=_by_start):
        found.stops.setdefault(machine, []).append(StopRow(*row[:4]))
    for place, *row in sorted(by_kind[ORDER], key=_by_start):
        found.spans.setdefault((place, row[3]), []).append(OrderUse(*row[:3]))
        if row[-1]:
            found.products[row[2]] = row[-1]
    for machine, begun, ended, code, time_class, *_, pk in sorted(by_kind[SAID], key=lambda row: row[-2:]):
        found.said.setdefault(machine, []).append(Said(begun, ended, code, time_class, pk))
    return found


def _rows(machines: Sequence[Equipment], start: datetime, end: datetime) -> list[tuple[Any, ...]]:
    asked: dict[str, Any] = {
        "units": [machine.pk for machine in machines],
        "places": list(places_of(machines)),
        "since": start,
        "until": end,
        "near": NEAR,
    }
    with connection.cursor() as cursor:
        cursor.execute(READ, asked)
        return cursor.fetchall()


def places_of(machines: Sequence[Equipment]) -> set[int]:
    """Machines and their lines."""
    return {machine.pk for machine in machines} | {m.parent_id for m in machines if m.parent_id}


def _families(rows: Iterable[Sequence[Any]]) -> Families:
    """Families by id from rows of what each says from a date on; ``states`` and ``modes`` as text."""
    found: Families = {}
    for pk, since, _, code, states, modes, _, _, parent in rows:
        family = found.setdefault(pk, Family(code, parent or None, []))
        if since is not None:
            family.told.append(Told(code, since, json.loads(states), json.loads(modes)))
    return found


def _by_start(row: Sequence[Any]) -> Any:
    return row[1]
