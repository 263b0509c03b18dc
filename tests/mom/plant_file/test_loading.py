"""A plant file is loaded whole or not at all, twice without effect, refused with every mistake at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from mom.plant_file import diff
from mom.plant_file.diff import Outcome
from mom.plant_file.dumping import plant_dump
from mom.plant_file.loading import plant_load
from mom.plant_file.problems import PlantFileError
from plant import selectors
from plant.access import rule
from plant.models import AuditEntry, CalendarSlot, CalendarVersion, Equipment, Person, Reason, RoleAssignment

pytestmark = pytest.mark.django_db
SMALL = (Path(__file__).parent / "small_plant.yaml").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)  # a Wednesday


def load(text: str, **options: Any) -> Outcome:
    return plant_load(text=text, file="plant.yaml", by=rule("test"), now=options.pop("now", NOW), **options)


def refused(text: str) -> list[str]:
    with pytest.raises(PlantFileError) as caught:
        load(text)
    return str(caught.value).splitlines()


def edited(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def test_what_the_file_says_is_stored() -> None:
    outcome = load(SMALL)
    assert outcome.count("added") == len(outcome.changes)
    filler = selectors.equipment_by_code("L1-FILL")
    assert filler.path == "/ROUEN/PACK/L1/L1-FILL/"
    assert filler.registered_stop == timedelta(minutes=2)
    assert filler.minimum_stop == timedelta(seconds=1.5)
    assert filler.is_constraint
    group = selectors.equipment_by_code("L1-CAP").parallel_group
    assert group is not None
    assert (group.code, group.line.code, group.minimum_running) == ("L1-CAPS", "L1", 2)
    link: Any = selectors.configuration_rows("plant.EquipmentLink").get()
    assert (link.transit, link.tolerance) == (timedelta(seconds=8), timedelta(seconds=1.5))
    jam = Reason.objects.get(code="JAM")
    assert (jam.name_fr, jam.parent.code) == ("Bourrage", "MECH")  # type: ignore[union-attr]
    assert jam in selectors.reasons_offered(filler), "a reason of the wider class is offered"
    setpoint: Any = selectors.configuration_rows("connectors.SignalDefinition", address="SP").get()
    assert setpoint.setpoint_for.address == "PV"
    bom: Any = selectors.configuration_rows("production.BillOfMaterialsItem", material__code="GLASS").get()
    assert bom.unit == "pcs", "the unit of a material is its own unless said otherwise"
    source: Any = selectors.configuration_rows("connectors.Connection").get()
    assert source.config["period_ms"] == 500
    assert source.config["note"] == "12"
    assert source.state_map == {"6": "execute", "2": "stopped"}


def test_a_second_load_changes_nothing() -> None:
    load(SMALL)
    entries, slots = AuditEntry.objects.count(), CalendarSlot.objects.count()
    again = load(SMALL)
    assert again.changed_nothing
    assert (again.intervals_made, again.intervals_withdrawn, again.pins, again.kept) == (0, 0, [], {})
    assert AuditEntry.objects.count() == entries
    assert CalendarSlot.objects.count() == slots


def test_a_changed_instruction_is_a_new_version_that_says_what_is_new() -> None:
    load(SMALL)
    [said] = refused(edited("one lid.", "two lids."))
    assert "Say what is new" in said
    news = edited("one lid.", "two lids.").replace(
        "effective_from: 2026-02-01", "effective_from: 2026-03-01\n    changed: {en: Two lids}"
    )
    assert load(news).count("changed") == 1
    versions: Any = selectors.configuration_rows("production.WorkInstruction", code="LIDS")
    first, second = versions.order_by("version")
    assert ("one lid." in first.text_en, "two lids." in second.text_en) == (True, True)
    assert (second.text_fr, second.segment.code, second.changed_en) == (first.text_fr, "FILL", "Two lids")
    assert load(news).changed_nothing
    assert load(plant_dump()).changed_nothing


def test_a_change_is_shown_from_what_to_what_and_kept_in_the_audit_trail() -> None:
    load(SMALL)
    outcome = load(edited("registered_stop: 2 min", "registered_stop: 3 min"))
    assert "  ~ L1-FILL: registered_stop: 120.0 → 180.0" in list(diff.lines(outcome))
    assert outcome.count("changed") == 1
    entry = AuditEntry.objects.get(action="equipment.change")
    assert (entry.before, entry.after) == ({"registered_stop": 120.0}, {"registered_stop": 180.0})
    assert entry.why == "plant file plant.yaml"


def test_what_is_absent_is_kept_and_named() -> None:
    load(SMALL)
    shorter = edited("  - {code: MAINT, name: {en: Maintenance, fr: Maintenance}}\n", "")
    shorter = shorter.replace("      - {role: quality, scope: ROUEN}\n", "")
    outcome = load(shorter)
    assert outcome.kept == {"departments": ["MAINT"], "roles": ["B-100 quality ROUEN"]}
    assert outcome.changed_nothing
    assert "  = kept, not in file: MAINT" in list(diff.lines(outcome))
    assert RoleAssignment.objects.filter(role="quality").exists()


def test_a_dry_run_shows_the_same_and_changes_nothing() -> None:
    outcome = load(SMALL, dry_run=True)
    assert outcome.count("added") > 20
    assert outcome.pins == []
    assert not Equipment.objects.exists()
    assert not AuditEntry.objects.exists()
    assert list(diff.lines(outcome)) == list(diff.lines(load(SMALL)))


def test_an_error_on_line_40_says_file_line_what_was_read_and_what_was_expected() -> None:
    lines = SMALL.splitlines()
    lines[39] = lines[39].replace("quantity: 1", "quantity: one")
    assert refused("\n".join(lines)) == [
        "plant.yaml:40: work_masters[0].bom[0].quantity: read 'one', expected a number"
    ]


def test_every_mistake_is_told_at_once_and_nothing_is_stored() -> None:
    text = edited("time_zone: Europe/Paris", "time_zone: Europe/Paris, colour: red")
    text = text.replace("stale_after: 60", "stale_after: soon")
    text = text.replace("parent: filler", "parent: fillr").replace("kind: raw", "kind: rwa")
    text = (
        text.replace('products: ["0012"]', "products: [TOMATE]")
        .replace("code: GLASS", "code: '0012'")
        .replace("role: operator", "role: operatr")
    )
    said = refused(text)
    assert [int(line.split(":")[1]) for line in said] == sorted(int(line.split(":")[1]) for line in said)
    assert said[0].startswith("plant.yaml:2: site.colour: read key 'colour', expected one of")
    for part in (
        "[0].parent: read 'fillr', expected one of capper, filler, piston_filler (nearest: filler)",
        "stale_after: read 'soon', expected a duration in seconds or such as '2 min'",
        "[2].kind: read 'rwa', expected one of finished, packaging, raw, semi_finished (nearest: raw)",
        "materials[1]: read '0012' again, expected each once (first on line 29)",
        "read 'operatr', expected one of",
        "test_specifications[0].products[0]: read 'TOMATE', expected one of 0012, TOMATO (nearest: TOMATO)",
        "work_masters[0].bom[0].material: read 'GLASS', expected one of 0012, TOMATO",
    ):
        assert any(part in line for line in said), (part, said)
    assert not Equipment.objects.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "plant.yaml:1: read an empty file, expected sections such as site and equipment"),
        ("site: {code: A\nequipment: [", "plant.yaml:2: read "),
        ("a: &x [1]\nb: *x", "plant.yaml:2: read an alias (*name), expected plain YAML"),
        ("[" * 100, "lists and mappings more than 40 deep"),
        ("- 1", "plant.yaml:1: read a list, expected sections such as site and equipment"),
        ("site: {code: A, time_zone: Mars/Olympus}", "site.time_zone: read 'Mars/Olympus', expected"),
        ("site: {code: A, code: B, time_zone: UTC}", "read 'code' again, expected each key once"),
        ("departments: []", "plant.yaml:1: read no site, expected a section site with code and time_zone"),
    ],
)
def test_a_file_that_is_no_plant_is_refused_with_its_line(text: str, expected: str) -> None:
    said = refused(text)
    assert any(expected in line for line in said), said


def test_a_group_of_reasons_that_leads_back_to_itself_is_refused() -> None:
    said = refused(edited("department: MAINT}", "department: MAINT, parent: JAM}"))
    assert any("expected one that does not lead back here" in line for line in said), said


def test_a_value_only_the_database_refuses_names_its_line() -> None:
    said = refused(edited("downstream: L1-CAP", "downstream: L1-FILL"))
    assert len(said) == 1
    assert said[0].startswith("plant.yaml:27: links[0]: read L1-FILL L1-FILL, expected")
    assert "equipment_link_not_to_itself" in said[0]
    assert not Equipment.objects.exists()


def test_a_pin_is_made_once_and_never_read_from_the_file() -> None:
    outcome = load(SMALL)
    [(badge, pin)] = outcome.pins
    assert badge == "B-100"
    assert len(pin) == 6
    assert pin not in str(list(AuditEntry.objects.values_list("after", flat=True)))
    assert Person.objects.get(badge="B-100").pin not in ("", pin)
    said = refused(edited("pin: generate", "pin: 4711"))
    assert "4711" not in said[0]
    assert "a file carries no PIN" in said[0]


def test_the_command_prints_the_pin_and_refuses_with_every_line(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(SMALL.replace("kind: raw", "kind: rwa"), encoding="utf-8")
    with pytest.raises(
        CommandError, match=r"plant\.yaml:31: materials\[2\]\.kind: read 'rwa'.*\n.*1 mistake"
    ):
        call_command("plant_load", str(file))
    file.write_text(SMALL, encoding="utf-8")
    out = StringIO()
    call_command("plant_load", str(file), stdout=out)
    assert "PIN of B-100: " in out.getvalue()
    with pytest.raises(CommandError, match="expected a plant file"):
        call_command("plant_load", str(tmp_path / "none.yaml"))


def test_a_dump_loads_without_a_change() -> None:
    load(SMALL)
    outcome = load(plant_dump())
    assert outcome.changed_nothing, list(diff.lines(outcome))
    assert outcome.kept == {}


def test_a_dump_loaded_into_a_fresh_database_is_dumped_the_same() -> None:
    with transaction.atomic():
        load(SMALL)
        dumped = plant_dump()
        transaction.set_rollback(True)
    assert not Equipment.objects.exists()
    load(dumped)
    assert plant_dump() == dumped
    assert "pin: generate" in dumped


def test_the_demo_plant_loads_and_survives_its_dump() -> None:
    outcome = load((settings.BASE_DIR / "examples" / "demo_plant.yaml").read_text(encoding="utf-8"))
    assert outcome.count("added") > 200
    again = load(plant_dump())
    assert again.changed_nothing, list(diff.lines(again))
    assert again.kept == {}


def test_a_changed_calendar_is_a_new_version_and_time_begun_does_not_move() -> None:
    load(SMALL)
    begun = list(CalendarSlot.objects.filter(start_time__lte=NOW).values_list("pk", "start_time", "end_time"))
    ahead = CalendarSlot.objects.filter(start_time__gt=NOW, code="M").count()
    later = NOW + timedelta(hours=1)
    outcome = load(edited("end: 14:00", "end: 13:00"), now=later)
    assert CalendarVersion.objects.count() == 2
    assert outcome.intervals_withdrawn >= ahead
    assert outcome.intervals_withdrawn == outcome.intervals_made
    kept = CalendarSlot.objects.filter(start_time__lte=NOW).values_list("pk", "start_time", "end_time")
    assert list(kept) == begun
    assert load(edited("end: 14:00", "end: 13:00"), now=later).intervals_made == 0
