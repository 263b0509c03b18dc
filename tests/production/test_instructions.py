"""Work instructions: the version an order was started by, what came since, and who read which."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from mom.pages.plain_text import html_of
from mom.questions import NO, YES, seven_questions
from plant.access import Actor, Grant, rule
from production import services
from production.models import InstructionReading, JobOrder, WorkInstruction
from production.selectors.instructions import instructions_read, order_instructions
from production.services.assertions import Refused
from production.services.instructions import Written, instruction_read, instruction_write
from tests.factories.plant import Line, account_make, line_make, material_make, person_make
from tests.factories.production import order_make

pytestmark = pytest.mark.django_db
ENGINEER = rule("engineer")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def write(code: str = "CLOSE", text: str = "Close it.", **more: Any) -> WorkInstruction:
    """Recorded when it takes effect, as if it had been written then."""
    since: datetime = more.pop("since")
    values = {"name_en": "Closing", "name_fr": "Fermeture", "text_fr": "", "text_en": text, **more}
    made = instruction_write(written=Written(code=code, effective_from=since, **values), by=ENGINEER)
    made.recorded_at = since
    return made


@pytest.fixture
def line() -> Line:
    return line_make(2)


def started(line: Line, since: datetime, **more: Any) -> JobOrder:
    order = order_make(line, **more)
    services.job_order_start(job_order_id=order.pk, at=since, by=ENGINEER)
    order.refresh_from_db()
    return order


def reader(line: Line) -> Actor:
    person = person_make("operator", line.site)
    return Actor(label=person.badge, person_id=person.pk, grants=(Grant("operator", "/"),))


def read(order: JobOrder, version: WorkInstruction, line: Line, by: Actor) -> InstructionReading:
    return instruction_read(
        job_order_id=order.pk, instruction_id=version.pk, equipment_id=line.unit.pk, by=by
    )


def test_an_order_pins_the_version_in_force_at_its_start_and_a_new_one_asks_again(line: Line) -> None:
    first = write(since=timezone.now())
    order = started(line, timezone.now())
    by = reader(line)
    assert method_of(order) == NO
    read(order, first, line, by)
    read(order, first, line, by)
    assert InstructionReading.objects.count() == 1, "saying it again changes nothing"
    assert method_of(order) == YES
    second = write(text="Close it.\nTwice.", changed_en="Close it twice", since=timezone.now())
    [told] = instructions_read(order.pk)
    assert told.pinned is not None
    assert told.current is not None
    assert (told.pinned.version, told.current.version, told.is_changed, told.is_read) == (1, 2, True, False)
    assert [(each.sign, each.text) for each in told.changes] == [("+", "Twice.")]
    assert method_of(order) == NO
    read(order, second, line, by)
    [told] = instructions_read(order.pk)
    assert told.is_read_by(by.person_id)
    assert not told.is_read_by((by.person_id or 0) + 1)
    assert [row.version for row in told.reads] == [1, 2]


def method_of(order: JobOrder) -> str:
    answers = {answer.key: answer for answer in seven_questions(job_order_id=order.pk)}
    return answers["method"].verdict


def test_a_version_is_never_in_force_before_it_was_stored(line: Line) -> None:
    order = started(line, timezone.now() - timedelta(hours=1))
    write(since=timezone.now() - timedelta(days=30))
    [told] = order_instructions(order, now=timezone.now())
    assert (told.pinned, told.current is not None) == (None, True)


def test_it_is_asked_of_the_orders_and_machines_it_is_bound_to_only(line: Line) -> None:
    juice, other = material_make(), material_make()
    now = timezone.now()
    write("PRODUCT", since=now, product_id=juice.pk)
    write("CLASS", since=now, equipment_class_id=line.units[1].equipment_class_id)
    write("ALL", since=now)
    order = started(line, timezone.now(), product=juice)
    told = {each.code for each in order_instructions(order, now=timezone.now())}
    assert told == {"ALL", "CLASS", "PRODUCT"}
    first = order_instructions(order, now=timezone.now(), units=[line.unit])
    assert {each.code for each in first} == {"ALL", "PRODUCT"}
    elsewhere = started(line_make(1), timezone.now(), product=other)
    assert "PRODUCT" not in {each.code for each in order_instructions(elsewhere, now=timezone.now())}


def test_what_is_withdrawn_is_asked_of_nobody_and_what_nobody_could_follow_is_refused(line: Line) -> None:
    write(since=timezone.now())
    with pytest.raises(Refused, match="what is new"):
        write(text="Other", since=timezone.now())
    write(text="", withdrawn=True, changed_en="Machine sold", since=timezone.now())
    order = started(line, timezone.now())
    assert order_instructions(order, now=timezone.now()) == []
    with pytest.raises(Refused, match="empty"):
        write("OTHER", text=" ", since=timezone.now())
    with pytest.raises(Refused, match="neither PNG nor JPEG"):
        write("OTHER", image=b"<svg onload=alert(1)>", since=timezone.now())


def test_text_is_shown_as_written_whatever_it_holds() -> None:
    html = html_of("# Close\n- take **two**\n- <script>x</script>\n1. one\n2) two\n\nEnd\nof it")
    assert html == (
        "<h3>Close</h3><ul><li>take <b>two</b></li><li>&lt;script&gt;x&lt;/script&gt;</li></ul>"
        "<ol><li>one</li><li>two</li></ol><p>End<br>of it</p>"
    )


def test_the_record_tells_which_version_an_order_was_made_by_and_who_read_it(
    line: Line, client: Client
) -> None:
    first = write(since=timezone.now())
    order = started(line, timezone.now())
    read(order, first, line, reader(line))
    client.force_login(account_make("supervisor", line.site), backend=BACKEND)
    page = client.get(f"/orders/{order.code}/").content.decode()
    assert 'id="instructions"' in page
    assert "Closing" in page
    assert f"/instructions/{first.pk}/" in page
    answer = client.get(f"/api/v1/job-orders/{order.code}/instructions").json()
    assert [(row["code"], row["pinned"], row["is_read"]) for row in answer] == [("CLOSE", 1, True)]


def test_an_engineer_writes_a_version_by_the_page_and_an_operator_may_not(line: Line, client: Client) -> None:
    client.force_login(account_make("engineer", line.site), backend=BACKEND)
    body = {"code": "TORQUE", "name_en": "Torque", "text_en": "# One\nTurn.", "image": picture()}
    assert client.post("/instructions/new/", body).status_code == 302
    made = WorkInstruction.objects.get()
    assert (made.version, made.image_type, bytes(made.image)[:4]) == (1, "image/png", b"\x89PNG")
    assert "Torque" in client.get("/instructions/").content.decode()
    assert client.get(f"/instructions/{made.pk}/image/").headers["Content-Type"] == "image/png"
    assert "readonly" in client.get(f"/instructions/new/?from={made.pk}").content.decode()
    again = client.post("/instructions/new/", {**body, "image": picture()})
    assert again.status_code == 422
    assert "what is new" in again.content.decode()
    client.force_login(account_make("operator", line.site), backend=BACKEND)
    assert client.post("/instructions/new/", body).status_code == 403


def picture() -> SimpleUploadedFile:
    return SimpleUploadedFile("step.png", b"\x89PNG\r\n\x1a\n....", content_type="image/png")
