"""Alarms of machines: raised, acknowledged, cleared, and what the machine said of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.utils.translation import get_language

from plant import selectors as plant
from production.models import AlarmInterval
from production.selectors.stopped import overlapping

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import Stop

# A machine tells its state and its alarm by different signals, one a little after the other.
NEAR = timedelta(minutes=1)


class AlarmTold(NamedTuple):
    """An alarm of a machine: raised, acknowledged if it says so, cleared (None while active).

    ``text``: the machine's own words; of a two-state signal, whose code is its address, the signal's name.
    """

    work_unit: Equipment
    signal_id: int
    code: str
    start_time: datetime
    acknowledged_at: datetime | None
    end_time: datetime | None
    text: str


def alarms_between(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[AlarmTold]:
    """Alarms active in [start, end), by time. One told by an alarm signal and as a fault code is one."""
    machines = plant.equipment_for_ids(equipment_ids)
    found = AlarmInterval.objects.filter(overlapping(start, end), work_unit_id__in=list(machines))
    fields = ("work_unit_id", "signal_id", "code", "start_time", "acknowledged_at", "end_time")
    words = ("text", "signal__address", "signal__name_fr" if _is_french() else "signal__name_en")
    rows = found.order_by("start_time", "signal_id").values_list(*fields, *words)
    told: dict[tuple[int, str], list[AlarmTold]] = {}
    for machine, signal, code, raised, noticed, cleared, text, address, name in rows:
        said = text or (name if code == address else "")
        alarm = AlarmTold(machines[machine], signal, code, raised, noticed, cleared, said)
        _alarm_add(told.setdefault((machine, code), []), alarm)
    alarms = [alarm for same in told.values() for alarm in same]
    return sorted(alarms, key=lambda alarm: (alarm.start_time, alarm.signal_id))


def _is_french() -> bool:
    return (get_language() or "en").startswith("fr")


def fault_texts(stops: Iterable[Stop]) -> dict[UUID, str]:
    """The machine's own words of the fault code of stops, by stop: those of the alarm of the same code that
    was active when it began, or raised within a minute of it. Stops without are left out.
    """
    asked = [stop for stop in stops if stop.fault_code]
    if not asked:
        return {}
    starts = [stop.start_time for stop in asked]
    found = AlarmInterval.objects.exclude(text="").filter(
        overlapping(min(starts) - NEAR, max(starts) + NEAR),
        work_unit_id__in={stop.work_unit_id for stop in asked},
        code__in={stop.fault_code for stop in asked},
    )
    return texts_among(asked, found.order_by("start_time"))


def texts_among(stops: Iterable[Stop], alarms: Iterable[AlarmInterval | AlarmTold]) -> dict[UUID, str]:
    """As ``fault_texts``, of alarms read already."""
    said: dict[tuple[int, str], list[AlarmInterval | AlarmTold]] = {}
    for alarm in alarms:
        if alarm.text:
            machine = alarm.work_unit.pk if isinstance(alarm, AlarmTold) else alarm.work_unit_id
            said.setdefault((machine, alarm.code), []).append(alarm)
    return {
        stop.pk: alarm.text
        for stop in stops
        for alarm in said.get((stop.work_unit_id, stop.fault_code), ())
        if _near(stop, alarm)
    }


def _near(stop: Stop, alarm: AlarmInterval | AlarmTold) -> bool:
    """Whether an alarm was active when the stop began, give or take a minute."""
    at = stop.start_time
    return alarm.start_time <= at + NEAR and (alarm.end_time is None or alarm.end_time >= at - NEAR)


def _alarm_add(same: list[AlarmTold], alarm: AlarmTold) -> None:
    """Alarms of one machine and code, by start: of two signals that overlap, the acknowledged one stays, and
    so does what only one of them says of it.
    """
    last = same[-1] if same else None
    overlap = last is not None and (last.end_time is None or alarm.start_time < last.end_time)
    if last is None or not overlap or last.signal_id == alarm.signal_id:
        same.append(alarm)
    elif last.acknowledged_at is None and alarm.acknowledged_at is not None:
        same[-1] = alarm._replace(text=alarm.text or last.text)
    elif not last.text:
        same[-1] = last._replace(text=alarm.text)
