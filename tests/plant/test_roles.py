from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from plant import audit
from plant.access import rule
from plant.models import AuditEntry
from plant.roles import append_only_tables

pytestmark = pytest.mark.django_db


def test_tests_run_as_the_application_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("mom_app", False)


def test_what_was_said_cannot_be_changed_or_deleted() -> None:
    entry = audit.record(by=rule("test"), action="x", subject_type="t", subject_code="c")
    for attempt in (
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(why="no"),
        lambda: AuditEntry.objects.filter(pk=entry.pk).delete(),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            attempt()
    assert AuditEntry.objects.get(pk=entry.pk).why == ""


def test_every_append_only_table_is_closed_to_the_application() -> None:
    with connection.cursor() as cursor:
        for table in append_only_tables():
            cursor.execute(
                "SELECT has_table_privilege(%s, 'UPDATE'), has_table_privilege(%s, 'DELETE')", [table, table]
            )
            assert cursor.fetchone() == (False, False), table


@pytest.mark.django_db(transaction=True)
def test_cleaning_after_a_committed_test_works() -> None:
    audit.record(by=rule("test"), action="x", subject_type="t", subject_code="c")
    assert AuditEntry.objects.count() == 1
