"""Orders: stored, changed, commanded, put in sequence; every version of the plan kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, connection, transaction

from plant import hooks
from plant.access import Actor, Grant
from plant.models import AuditEntry, Decision, Revision
from production import selectors, services
from production.domain.job_order import IllegalTransition
from production.models import JobOrder, JobOrderVersion, OrderSpan, WorkMaster
from production.services.rebuilding import rebuild_check
from tests.factories.plant import line_make, material_make
from tests.factories.production import PLANNER, T0, at, order_make, sender_make

pytestmark = pytest.mark.django_db


def test_storing_the_same_again_changes_nothing():
    line, product = line_make(1), material_make()
    item = {"code": "PO1", "line": line.line.code, "product": product.code, "quantity": "500"}
    assert [s.action for s in services.job_orders_store(items=[item], by=PLANNER)] == ["stored"]
    assert [s.action for s in services.job_orders_store(items=[item], by=PLANNER)] == ["unchanged"]
    changed = {**item, "quantity": 600, "options": {"label": "FR"}}
    [dry] = services.job_orders_store(items=[changed], by=PLANNER, dry_run=True)
    assert dry.changes["quantity"] == (Decimal(500), Decimal(600))
    assert JobOrder.objects.get().quantity == 500
    services.job_orders_store(items=[changed], by=PLANNER, why="call-off")
    order = JobOrder.objects.get()
    assert (order.version, order.options) == (2, {"label": "FR"})
    plans = [
        (v.version, v.change, v.plan["quantity"]) for v in selectors.plan_versions(job_order_id=order.pk)
    ]
    assert plans == [(1, "store", "500"), (2, "update", "600")]


def test_a_bad_item_is_refused_with_every_error_and_stops_no_other():
    line, product = line_make(1), material_make()
    good = {"code": "PO1", "line": line.line.code, "product": product.code, "quantity": 5}
    bad = {
        "code": "PO2",
        "line": "NOWHERE",
        "product": "GHOST",
        "quantity": -1,
        "colour": "red",
        "due_time": "soon",
    }
    stored, refused = services.job_orders_store(items=[good, bad], by=PLANNER)
    assert stored.action == "stored"
    assert {error.field for error in refused.errors} == {"line", "product", "quantity", "colour", "due_time"}
    assert "product: read 'GHOST', expected the code of a product" in map(str, refused.errors)
    assert JobOrder.objects.count() == 1


def test_an_order_takes_the_routing_of_its_product_on_its_line():
    line, product = line_make(1), material_make()
    master = WorkMaster.objects.create(code="WM1", product=product, line=line.line)
    assert order_make(line, product=product).work_master_id == master.pk


def test_commands_follow_the_states_of_the_standard():
    line = line_make(1)
    order = order_make(line)
    with pytest.raises(IllegalTransition, match="pause: the order is allowed_to_start"):
        services.job_order_pause(job_order_id=order.pk, at=at(10), by=PLANNER)
    services.job_order_start(job_order_id=order.pk, at=at(10), by=PLANNER)
    services.job_order_pause(job_order_id=order.pk, at=at(20), by=PLANNER, why="no caps")
    services.job_order_resume(job_order_id=order.pk, at=at(30), by=PLANNER)
    done = services.job_order_stop(job_order_id=order.pk, at=at(40), by=PLANNER)
    assert (done.state, done.started_at, done.ended_at) == ("ended", at(10), at(40))
    spans = OrderSpan.objects.filter(equipment=line.line).values_list("start_time", "end_time")
    assert list(spans) == [(at(10), at(20)), (at(30), at(40))]
    with pytest.raises(IllegalTransition):
        services.job_order_start(job_order_id=order.pk, at=at(50), by=PLANNER)
    found = selectors.job_order_at(line_id=line.line.pk, at=at(15))
    assert found is not None
    assert found.pk == order.pk
    assert selectors.job_order_at(line_id=line.line.pk, at=at(25)) is None
    assert AuditEntry.objects.filter(subject_code=order.code).count() == 5


def test_a_command_dated_back_must_leave_what_followed_legal():
    order = order_make(line_make(1))
    services.job_order_start(job_order_id=order.pk, at=at(10), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(40), by=PLANNER)
    with pytest.raises(IllegalTransition):
        services.job_order_abort(job_order_id=order.pk, at=at(20), by=PLANNER)


def test_another_floor_may_refuse_a_start():
    order = order_make(line_make(1))
    hooks.may_start.register(
        "test", lambda pk: hooks.Veto("held", "held by quality") if pk == order.pk else None
    )
    try:
        with pytest.raises(services.Vetoed, match="held by quality"):
            services.job_order_start(job_order_id=order.pk, at=at(10), by=PLANNER)
    finally:
        hooks.may_start._checks.pop("test")


def test_the_order_signal_starts_and_ends_an_order_and_is_never_refused():
    line = line_make(1)
    order = order_make(line, code="PO77")
    sender = sender_make(line.unit)
    sender.say([(100, "order", "PO77"), (500, "order", "PO78"), (600, "order", "PO77")], watermark=700)
    sender.stitch()
    order.refresh_from_db()
    assert (order.state, order.started_at, order.ended_at) == ("running", at(100), None)
    assert [event.at for event in selectors.execution_of(order).illegal] == [at(600)]
    assert rebuild_check().lines == []


def test_an_order_told_after_its_machine_ran_it_is_running():
    line = line_make(1)
    sender = sender_make(line.unit)
    sender.say([(100, "order", "PO79")], watermark=200)
    sender.stitch()
    assert order_make(line, code="PO79").state == "running"


def test_an_update_is_refused_when_the_view_is_stale_or_the_order_finished():
    order = order_make(line_make(1))
    services.job_order_update(
        job_order_id=order.pk, changes={"quantity": 50}, by=PLANNER, why="call-off", seen_version=1
    )
    assert Decision.objects.get().kind == "order_change"
    with pytest.raises(services.StaleView, match="seen version 1, now version 2"):
        services.job_order_update(job_order_id=order.pk, changes={"quantity": 60}, by=PLANNER, seen_version=1)
    with pytest.raises(services.PlanRefused, match="quantity: read 'many'"):
        services.job_order_update(job_order_id=order.pk, changes={"quantity": "many"}, by=PLANNER)
    services.job_order_abort(job_order_id=order.pk, at=at(1), by=PLANNER)
    with pytest.raises(services.PlanRefused):
        services.job_order_update(job_order_id=order.pk, changes={"quantity": 60}, by=PLANNER)


def test_a_sequence_change_is_a_decision_with_a_reason_and_versions():
    line = line_make(1)
    a, b, c = (order_make(line) for _ in range(3))
    with pytest.raises(ValueError, match="expected the reason why"), transaction.atomic():
        services.sequence_change(line_id=line.line.pk, job_order_ids=[c.pk], by=PLANNER, why=" ")
    services.sequence_change(
        line_id=line.line.pk, job_order_ids=[c.pk, a.pk], by=PLANNER, why="truck is early"
    )
    assert [o.pk for o in selectors.dispatch_list(line_id=line.line.pk)] == [c.pk, a.pk, b.pk]
    decision = Decision.objects.get()
    assert decision.detail == {"before": [a.code, b.code, c.code], "after": [c.code, a.code, b.code]}
    assert JobOrderVersion.objects.filter(change="sequence", why="truck is early").count() == 3
    with pytest.raises(services.PlanRefused):
        services.sequence_change(line_id=line.line.pk, job_order_ids=[a.pk, a.pk], by=PLANNER, why="twice")


def test_every_write_moves_the_line_s_revision():
    line = line_make(1)
    order = order_make(line)
    before = Revision.objects.get(line=line.line).value
    services.job_order_start(job_order_id=order.pk, at=at(1), by=PLANNER)
    assert Revision.objects.get(line=line.line).value > before


def test_a_plan_cannot_be_changed_outside_one_s_scope():
    order = order_make(line_make(1))
    stranger = Actor(label="x", grants=(Grant("supervisor", "/ELSEWHERE/"),))
    with pytest.raises(PermissionDenied):
        services.job_order_start(job_order_id=order.pk, at=T0, by=stranger)


def test_versions_and_events_can_neither_be_changed_nor_deleted():
    order_make(line_make(1))
    for table in ("joborderversion", "joborderevent"):
        for statement in (f"DELETE FROM production_{table}", f"UPDATE production_{table} SET actor = 'x'"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(statement)
