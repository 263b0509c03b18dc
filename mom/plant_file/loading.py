"""Loading a plant file: everything that is wrong is said at once, and it is loaded whole or not at all."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction

from mom.plant_file import schema
from mom.plant_file.diff import Outcome
from mom.plant_file.problems import PlantFileError, Problem
from mom.plant_file.references import Names, flat, identity_paths, in_loading_order, refs
from mom.plant_file.rows import Row, document_read, label_of
from mom.plant_file.schema import Section
from mom.plant_file.values import Ref
from plant import selectors, services
from plant.access import Actor
from plant.services import Change
from production.services.instructions import Written, instruction_write

LOCK = 7_041
PIN_DIGITS = 6
BOUND = ("product", "segment", "equipment_class", "owner")
# What a new version of an instruction has from the one before; what is new in it is said anew.
KEPT = (
    "name_en", "name_fr", "text_en", "text_fr", "product_id", "segment_id", "equipment_class_id", "owner_id",
)  # fmt: skip


def plant_load(*, text: str, file: str, by: Actor, now: datetime, dry_run: bool = False) -> Outcome:
    """Load a plant file in one transaction; a dry run does the same and takes it back.

    Nothing is deleted. Raises PlantFileError with every problem, and changes nothing then.
    """
    document = document_read(text)
    names = Names(document.rows)
    problems = list(document.problems)
    for row in document.rows:
        named = [*refs(row), *(("", ref) for ref in row.mentions)]
        problems += [found for name, ref in named if (found := names.problem(name, ref))]
    ordered = in_loading_order(document.rows, names, problems)
    if problems:
        raise PlantFileError(file, problems)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        outcome = Outcome(kept=_kept(document.rows, document.site))
        _store(ordered, names, outcome, by=by, file=file, now=now)
        services.equipment_paths_refresh()  # what is kept below a place that moved moves along
        _calendars_make(ordered, names, outcome, now=now)
        if not outcome.changed_nothing:
            _pages_redraw(document.site)
        if dry_run:
            outcome.pins.clear()
            transaction.set_rollback(True)
    return outcome


def _store(rows: list[Row], names: Names, outcome: Outcome, *, by: Actor, file: str, now: datetime) -> None:
    problems: list[Problem] = []
    for row in rows:
        try:
            change = _row_store(row, names, by=by, why=f"plant file {file}", now=now)
        except ValidationError as error:
            problems.append(Problem(row.entry.line, row.entry.where, row.label, "; ".join(error.messages)))
        except (IntegrityError, DataError, ValueError) as error:
            said = str(error).splitlines()[0]
            problems.append(
                Problem(row.entry.line, row.entry.where, row.label, f"what the database keeps: {said}")
            )
        else:
            names.keep(row, change.pk)
            outcome.changes.append((row.section.name, row.label, change))
            if row.extras.get("pin") and (pin := _pin_make(change.pk, by=by)):
                outcome.pins.append((row.label, pin))
        if len(problems) > 50:
            break
    if problems:
        raise PlantFileError(file, problems)


def _row_store(row: Row, names: Names, *, by: Actor, why: str, now: datetime) -> Change:
    values = {
        name: names.pk(value) if isinstance(value, Ref) else value for name, value in row.values.items()
    }
    if row.section.name == "calendars":
        return _calendar_store(values, by=by, why=why, now=now)
    if row.section.name == "work_instructions":
        return _instruction_store(values, by=by)
    key = {name: values.pop(name) for name in row.section.identity}
    with transaction.atomic():
        return services.configuration_upsert(
            model_label=row.section.model, natural_key=key, values=values, by=by, why=why
        )


def _calendar_store(values: dict[str, Any], *, by: Actor, why: str, now: datetime) -> Change:
    line: Any = selectors.configuration_rows("plant.Equipment", pk=values["line"]).get()
    earlier: Any = (
        selectors.configuration_rows("plant.CalendarVersion", line=line, valid_from=values["valid_from"])
        .order_by("-recorded_at")
        .first()
    )
    made = services.calendar_version_store(
        line=line, valid_from=values["valid_from"], pattern=values["pattern"], by=by, why=why, at=now
    )
    if made is None:
        return Change("unchanged", earlier.pk, {}, {})
    before = {"pattern": earlier.pattern} if earlier else {}
    return Change("changed" if earlier else "added", made.pk, before, {"pattern": made.pattern})


def _instruction_store(values: dict[str, Any], *, by: Actor) -> Change:
    """The next version of an instruction where the file says anything else than its last one; what the file
    does not say stays, its picture too.
    """
    rows = selectors.configuration_rows("production.WorkInstruction", code=values["code"])
    last: Any = rows.order_by("-version").first()
    given = {f"{name}_id" if name in BOUND else name: value for name, value in values.items()}
    before = {name: getattr(last, name) for name in given} if last else {}
    if before == given:
        return Change("unchanged", last.pk, {}, {})
    kept: dict[str, Any] = {name: getattr(last, name) for name in KEPT} if last else {}
    kept["image"] = bytes(last.image) if last else b""
    names = {"name_en": "", "name_fr": "", "text_en": "", "text_fr": ""}
    made = instruction_write(written=Written(**(names | kept | given)), by=by)
    told = {name: value for name, value in given.items() if before.get(name) != value}
    return Change("changed" if last else "added", made.pk, before, told)


def _pin_make(person_id: Any, *, by: Actor) -> str:
    """A new PIN for someone who has none, to be shown once; empty for someone who has one."""
    person: Any = selectors.configuration_rows("plant.Person", pk=person_id).get()
    if person.pin:
        return ""
    pin = str(secrets.randbelow(10**PIN_DIGITS)).zfill(PIN_DIGITS)
    services.pin_set(person=person, pin=pin, by=by)
    return pin


def _calendars_make(rows: list[Row], names: Names, outcome: Outcome, *, now: datetime) -> None:
    lines = {names.pk(row.values["line"]) for row in rows if row.section.name == "calendars"}
    until = (now + services.CALENDAR_HORIZON).date()
    for line_id in sorted(lines):
        made, withdrawn = services.calendar_materialise(line_id=line_id, until=until, now=now)
        outcome.intervals_made += made
        outcome.intervals_withdrawn += withdrawn


def _pages_redraw(site: str) -> None:
    lines = selectors.configuration_rows("plant.Equipment", level="line", path__startswith=f"/{site}/")
    for line_id in lines.order_by("pk").values_list("pk", flat=True):
        services.revision_bump(line_id=line_id)


def _kept(rows: list[Row], site: str) -> dict[str, list[str]]:
    """What is stored for this site and not in the file, by section."""
    named: dict[str, set[Any]] = {}
    for row in rows:
        named.setdefault(row.section.model, set()).add(flat(row.section.model, row.identity))
    kept: dict[str, list[str]] = {}
    for section in _every_section():
        absent = [
            label_of(stored)
            for stored in section_rows(section, site).values_list(*identity_paths(section.model)).distinct()
            if stored not in named.get(section.model, set())
        ]
        if absent:
            kept[section.name] = sorted(absent)
    return kept


def _every_section() -> list[Section]:
    return [item for section in schema.SECTIONS for item in (section, *section.children)]


def section_rows(section: Section, site: str) -> Any:
    """Stored rows a section speaks of: those of the site, or all where sites share them."""
    lookup: dict[str, Any] = {section.place: f"/{site}/"} if section.place else {}
    if section.model == "plant.Equipment":
        return selectors.configuration_rows(section.model, **lookup).exclude(level="site")
    if section.model == "plant.Person":
        lookup = {"erased_at": None}
    return selectors.configuration_rows(section.model, **lookup)
