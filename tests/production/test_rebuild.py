"""Rebuild: finds every row that is not what the facts say, and puts it right."""

from __future__ import annotations

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection
from django.db.models import F

from production import services
from production.models import OrderSpan, QuantityActual, StateInterval, Stop
from tests.factories.plant import line_make
from tests.factories.production import PLANNER, Sender, at, order_make, sender_make


def history() -> Sender:
    line = line_make(1)
    sender = sender_make(line.unit)
    order = order_make(line, code="PO1")
    services.job_order_start(job_order_id=order.pk, at=at(5), by=PLANNER)
    sender.say([(s, "good_count", s) for s in range(0, 2000, 10)])
    sender.say([(0, "state", 6), (500, "state", 11), (800, "state", 6), (0, "order", "PO1")], watermark=2000)
    sender.stitch()
    return sender


@pytest.mark.django_db
def test_what_was_stitched_is_what_the_facts_say(capsys):
    history()
    call_command("rebuild", "--check")
    assert "1 machines, 204 samples, 1 orders: 0 differences" in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize(
    "damage",
    [
        lambda: StateInterval.objects.filter(state="held").update(state="aborted"),
        lambda: Stop.objects.update(end_time=F("end_time") + (at(1) - at(0))),
        lambda: QuantityActual.objects.filter(start_time=at(300)).delete(),
        lambda: QuantityActual.objects.update(quantity=F("quantity") + 1),
        lambda: OrderSpan.objects.filter(source="events").update(end_time=at(9)),
        lambda: OrderSpan.objects.filter(source="signal").delete(),
    ],
)
def test_any_row_that_was_tampered_with_is_named_and_put_right(damage, capsys):
    history()
    damage()
    with pytest.raises(CommandError, match="difference"):
        call_command("rebuild", "--check")
    assert "stored" in (told := capsys.readouterr().out) or "derived" in told
    call_command("rebuild")
    call_command("rebuild", "--check")


@pytest.mark.django_db(transaction=True)
def test_stitching_at_the_same_time_from_many_sides_gives_one_answer():
    sender = sender_make()
    sender.say([(s, "state", 6 if s % 20 else 2) for s in range(0, 600, 10)], watermark=600)
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            sender.say([(605 + number, "state", 11), (300 + number, "state", 11)])
            services.stitch(work_unit_id=sender.unit.pk)
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    services.stitch(work_unit_id=sender.unit.pk)
    assert services.rebuild_check().lines == []
