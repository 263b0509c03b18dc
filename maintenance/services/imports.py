"""Maintenance's own spreadsheet of interventions becomes requests with their times and cures."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from maintenance import selectors
from maintenance.domain.requests import ORDER, misplaced
from maintenance.models import InterventionImport, MaintenanceEvent, MaintenanceRequest
from maintenance.services.requests import request_raise
from plant import selectors as plant
from plant.access import Actor
from plant.services.sheets import Cells, ImportReport, Row, RowError, sheet_read

if TYPE_CHECKING:
    from plant.models import Equipment, Person

COLUMNS = {
    "equipment": ("machine", "équipement", "equipement"),
    "stop_start": ("start", "stop start", "début", "debut", "début arrêt"),
    "repair_start": ("repair start", "début intervention"),
    "repair_end": ("end", "fin", "repair end", "fin intervention"),
    "reason": ("reason code", "cause", "motif"),
    "description": ("fault", "symptom", "panne", "problème"),
    "cure": ("action", "what was done", "intervention", "remède", "travaux"),
    "technician": ("badge", "technicien", "done by"),
}
REQUIRED = ("equipment", "stop_start", "cure")
# People write times to the minute or from memory: a request this near on the same machine is the same stop.
NEAR = timedelta(minutes=10)


class _Intervention:
    """One row as values; read completely before anything is written."""

    def __init__(self, row: Row, errors: list[RowError], by: Actor, now: datetime) -> None:
        cells = Cells(row, errors)
        self.row = row
        self.equipment: Equipment | None = cells.found("equipment", _equipment, "the code of a machine")
        if not row.cells.get("equipment"):
            cells.refuse("equipment", "the code of a machine")
        zone = plant.site_zone(self.equipment) if self.equipment else timezone.get_default_timezone()
        self.stop_start = cells.instant("stop_start", zone, required=True)
        self.begun = cells.instant("repair_start", zone)
        self.ended = cells.instant("repair_end", zone)
        self.cure = cells.text("cure", required=True)
        self.reason = cells.text("reason")
        self.description = cells.text("description")
        self.technician: Person | None = cells.found(
            "technician", plant.person_at_badge, "a badge known here"
        )
        self._check(cells, by, now)

    def _check(self, cells: Cells, by: Actor, now: datetime) -> None:
        if self.equipment and not by.may("maintenance.work", self.equipment):
            cells.refuse("equipment", "a machine you may work on")
        if self.reason and not plant.configuration_rows("plant.Reason", code=self.reason).exists():
            cells.refuse("reason", "the code of a reason")
        times = [("stop_start", self.stop_start), ("repair_start", self.begun), ("repair_end", self.ended)]
        known = [(name, at) for name, at in times if at is not None]
        for (_, before), (name, at) in pairwise(known):
            if at < before:
                cells.refuse(name, f"a time not before {before.isoformat()}")
        for name, at in known:
            if at > now:
                cells.refuse(name, "a time in the past")


def _equipment(code: str) -> Equipment | None:
    rows = plant.configuration_rows("plant.Equipment", code=code)
    return rows.first()  # type: ignore[return-value]


def interventions_import(*, path: Path, by: Actor, dry_run: bool = False) -> ImportReport:
    """Add the rows that are not known yet; with any row refused, none. Raises SheetRefused.

    A row within ten minutes of a request on the same machine adds its times and cure to that one.
    """
    by.require("maintenance.work")
    rows = sheet_read(path, columns=COLUMNS, required=REQUIRED)
    report = ImportReport(path.name, dry_run)
    known = selectors.intervention_imports_known([row.digest for row in rows])
    fresh = [row for row in rows if row.digest not in known]
    report.known = len(rows) - len(fresh)
    now = timezone.now()
    read = [_Intervention(row, report.errors, by, now) for row in fresh]
    if report.errors:
        return report
    with transaction.atomic():
        report.added = [_add(item, path.name, by) for item in read]
        transaction.set_rollback(dry_run)
    return report


def _add(item: _Intervention, file_name: str, by: Actor) -> str:
    assert item.equipment is not None
    assert item.stop_start is not None
    near = selectors.request_near(equipment_id=item.equipment.pk, at=item.stop_start, within=NEAR)
    if near is not None and selectors.request_state(near) == "withdrawn":
        # Maintenance came all the same, so the stop did ask for it.
        near = request_raise(equipment=item.equipment, stop_start=near.stop_start, by=by)
    request = near or request_raise(
        equipment=item.equipment,
        stop_start=item.stop_start,
        by=by,
        reason_code=item.reason,
        description=item.description,
    )
    InterventionImport.objects.create(
        file_name=file_name,
        row_number=item.row.number,
        row=dict(item.row.source),
        digest=item.row.digest,
        request=request,
    )
    kinds = _events_add(request, item, by)
    what = f"{', '.join(kinds) or 'nothing new'} for {request.code}" if near else "new request"
    return f"row {item.row.number}: {what}, {item.equipment.code} {item.stop_start:%Y-%m-%d %H:%M} UTC"


def _events_add(request: MaintenanceRequest, item: _Intervention, by: Actor) -> list[str]:
    """What the row says and nobody said before; what does not fit the events there stays in the row."""
    said = selectors.events_by_kind(request)
    times = {
        "repair_started": item.begun or item.stop_start,
        "repair_ended": item.ended,
        "closed": item.ended,
    }
    added: list[str] = []
    for kind in ORDER:
        at = times.get(kind)
        if at is None or misplaced(kind, at, stop_start=min(request.stop_start, at), kinds=said):
            continue
        MaintenanceEvent.objects.create(
            request=request,
            kind=kind,
            at=at,
            person=item.technician,
            device_id=by.device_id,
            actor=by.label[:80],
            cure=item.cure if kind == "closed" or item.ended is None else "",
        )
        said[kind] = at
        added.append(kind)
    return added
