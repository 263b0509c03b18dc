"""Nothing kept is shown when it is no longer true, or to someone it is not meant for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from plant.models import CalendarSlot, Equipment, MaterialDefinition, Person, Reason
from production.models import IdealRate
from tests.factories.pages import Plant
from tests.factories.plant import account_make

pytestmark = pytest.mark.django_db
LINE = "/lines/L2/"


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one minute: nothing below may owe its freshness to the minute turning."""
    now = timezone.now().replace(second=10)
    monkeypatch.setattr(timezone, "now", lambda: now)


def page(client: Client, path: str = LINE, **headers: str) -> str:
    return client.get(path, headers=headers).content.decode()


def test_an_edit_of_master_data_is_on_the_page_at_once(supervisor: Client, busy: Plant) -> None:
    """However it is made: none of these tells the line's pages itself."""
    assert "Renamed" not in page(supervisor)
    for model, code, shown in (
        (Equipment, "L2-CAP", "Renamed machine"),
        (Equipment, "L2", "Renamed line"),
        (Reason, "JAM", "Renamed reason"),
        (MaterialDefinition, "COL-33", "Renamed product"),
    ):
        model.objects.filter(code=code).update(name_en=shown)  # type: ignore[attr-defined]
    Person.objects.filter(badge="1003").update(name="Renamed person")
    body = page(supervisor)
    for shown in ("Renamed machine", "Renamed line", "Renamed reason", "Renamed person"):
        assert shown in body
    assert "Renamed product" in body + page(supervisor, "/orders/")


def test_a_poll_learns_of_master_data(supervisor: Client, busy: Plant) -> None:
    answer = supervisor.get(LINE, headers={"x-poll": "1"})
    asked = {"x-poll": "1", "if-none-match": answer["ETag"]}
    assert supervisor.get(LINE, headers=asked).status_code == 304
    Equipment.objects.filter(code="L2-CAP").update(name_en="Renamed machine")
    changed = supervisor.get(LINE, headers=asked)
    assert changed.status_code == 200
    assert "Renamed machine" in changed.content.decode()


def test_a_rate_a_shift_and_a_new_machine_count_at_once(supervisor: Client, busy: Plant) -> None:
    now, line, units = timezone.now(), busy.lines[1], busy.units["L2"]
    before = supervisor.get(LINE).context["board"].reading
    IdealRate.objects.create(
        equipment=units[0], units_per_hour=12345, valid_from=now - timedelta(days=1), product=None
    )
    assert supervisor.get(LINE).context["board"].reading.rate == Decimal(12345)
    CalendarSlot.objects.filter(line=line, kind="shift", start_time__lte=now, end_time__gt=now).update(
        start_time=before.window.start + timedelta(minutes=30)
    )
    moved = supervisor.get(LINE).context["board"].reading
    assert moved.window.start == before.window.start + timedelta(minutes=30)
    Equipment.objects.create(
        code="L2-NEW", name_en="New", level="work_unit", parent=line, path=f"{line.path}L2-NEW/", position=90
    )
    assert "L2-NEW" in page(supervisor)


def test_what_is_kept_never_crosses_languages_or_scopes(supervisor: Client, busy: Plant) -> None:
    """Every reader in turn, so that each comes after what was kept for another."""
    readers = {"supervisor": supervisor}
    for role, scope in (("operator", busy.lines[0]), ("maintenance", busy.lines[1])):
        readers[role] = Client()
        readers[role].force_login(
            account_make(role, scope), backend="django.contrib.auth.backends.ModelBackend"
        )
    etags = set()
    for _ in range(2):
        for language, word in (("en", "Bottling line 2"), ("fr", "Ligne d&#x27;embouteillage 2")):
            for name, reader in readers.items():
                reader.cookies["language"] = language
                overview = page(reader, "/")
                answer = reader.get(LINE, headers={"x-poll": "1"})
                if name == "operator":
                    assert answer.status_code == 404
                    assert "L2-FILL" not in overview
                else:
                    assert word in overview
                    etags.add(answer["ETag"])
                    assert ("L1-FILL" in overview) == (name == "supervisor")
    assert len(etags) == 4
