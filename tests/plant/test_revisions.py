"""What is kept of master data is never stale: the database tells of every change, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction

from plant import selectors
from plant.models import Equipment, Reason
from plant.models.base import Configuration
from plant.services.revisions import master_data_tables
from tests.factories.plant import Line, line_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Iterator[Line]:
    selectors.configuration_forget()
    yield line_make(2, code="REV")
    selectors.configuration_forget()


def kept_names(line: Line) -> list[str]:
    revision = selectors.revision_of(line.line.pk)
    return selectors.configuration_kept(
        "names", revision=revision, make=lambda: list(Equipment.objects.values_list("name_en", flat=True))
    )


def test_every_table_of_master_data_tells_when_it_changes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE tgname = 'configuration_revised'"
        )
        telling = {name for (name,) in cursor.fetchall()}
    assert telling == set(master_data_tables())
    days_work = {
        model._meta.label
        for model in apps.get_models()
        if issubclass(model, Configuration) and not model.is_master_data
    }
    assert days_work == {"production.JobOrder", "mom.Action", "mom.SavedView"}


def test_any_way_of_changing_master_data_is_seen_at_once(line: Line) -> None:
    unit = line.units[0]
    seen = {selectors.revision_of(line.line.pk)}

    def change_shows(name: str) -> None:
        assert name in kept_names(line)
        revision = selectors.revision_of(line.line.pk)
        assert revision not in seen
        seen.add(revision)

    unit.name_en = "saved"
    unit.save()
    change_shows("saved")
    Equipment.objects.filter(pk=unit.pk).update(name_en="updated")
    change_shows("updated")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE plant_equipment SET name_en = 'by SQL' WHERE id = %s", [unit.pk])
    change_shows("by SQL")
    Reason.objects.bulk_create([Reason(code="R1", name_en="one"), Reason(code="R2", name_en="two")])
    change_shows("by SQL")
    Reason.objects.filter(code="R1").delete()
    change_shows("by SQL")


def test_unchanged_is_read_once(line: Line) -> None:
    revision = selectors.revision_of(line.line.pk)
    made = [selectors.configuration_kept("key", revision=revision, make=object) for _ in range(2)]
    assert made[0] is made[1]
    Equipment.objects.filter(pk=line.line.pk).update(name_en="other")
    revision = selectors.revision_of(line.line.pk)
    assert selectors.configuration_kept("key", revision=revision, make=object) is not made[0]


def test_a_change_taken_back_leaves_nothing_kept(line: Line) -> None:
    before = kept_names(line)
    with transaction.atomic():
        Equipment.objects.filter(pk=line.line.pk).update(name_en="never")
        assert "never" in kept_names(line)
        transaction.set_rollback(True)
    assert kept_names(line) == before
    Equipment.objects.filter(pk=line.line.pk).update(name_en="at last")
    assert "at last" in kept_names(line)


def test_without_a_revision_nothing_is_kept() -> None:
    made = [selectors.configuration_kept("key", revision="", make=object) for _ in range(2)]
    assert made[0] is not made[1]
