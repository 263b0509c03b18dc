"""One of everything on a line of ours, so that addresses with arguments can be asked for.

A sample is a function of the world that makes the object and returns the address's arguments. Every code
holds MARK, which may never appear in an answer to somebody of another site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from django.utils import timezone

from plant import services
from plant.access import Actor, rule
from plant.models import User
from tests.factories import plant as make

# Long enough never to turn up by chance in a token or a key.
MARK = "ZQXWVKJQZ"
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """Our line, another site, and the account of the one who asks."""

    ours: make.Line
    elsewhere: make.Line
    user: User | None = None

    @property
    def admin(self) -> Actor:
        return rule(f"{MARK}-test")


def world_make() -> World:
    make.material_make("SHARED")
    return World(
        ours=make.line_make(2, code=f"{MARK}-L1", site=make.site_make(f"{MARK}-SITE")),
        elsewhere=make.line_make(1, code="OTHER-L1", site=make.site_make("OTHER-SITE")),
    )


def line(world: World) -> dict[str, Any]:
    return {"code": world.ours.line.code}


def line_day(world: World) -> dict[str, Any]:
    return {**line(world), "day": "2026-03-25"}


def unit(world: World) -> dict[str, Any]:
    return {"code": world.ours.unit.code}


def material(world: World) -> dict[str, Any]:
    return {"code": make.material_make("SHARED-SKU").code}


def token(world: World) -> dict[str, Any]:
    """A key of the one who asks: keys are nobody else's."""
    user = world.user or make.user_make()
    made, _secret = services.token_create(user=user, name="k", scope="read", days=1, by=world.admin)
    return {"token_key": made.token_key}


def saved_view(world: World) -> dict[str, Any]:
    """A view of the one who asks: views are nobody else's."""
    from mom.saved_views.models import SavedView
    from plant.models import Person

    owner = Person.objects.filter(user=world.user).first() if world.user else None
    made = SavedView.objects.create(
        owner=owner or make.person_make(), page="stops", name=f"{MARK}-view", saved_at=AT
    )
    return {"pk": made.pk}


def own_view(world: World) -> dict[str, Any]:
    """The same by REST, which tells its name: one without our mark."""
    from mom.saved_views.models import SavedView

    made = saved_view(world)
    SavedView.objects.filter(**made).update(name="own")
    return made


def foreign_token(world: World) -> dict[str, Any]:
    made, _secret = services.token_create(
        user=make.user_make(), name="k", scope="read", days=1, by=world.admin
    )
    return {"token_key": made.token_key}


def device(world: World) -> dict[str, Any]:
    made, _secret = make.device_make(world.ours.line)
    return {"pk": made.pk}


def enrolment(world: World) -> dict[str, Any]:
    _device, secret = services.device_create(label="T", equipment=world.ours.line, by=world.admin)
    return {"secret": secret}


def connection(world: World) -> dict[str, Any]:
    from tests.factories import connectors

    return {"slug": connectors.connection_make(world.ours.site, slug=f"{MARK}-connection".lower()).slug}


def runner(world: World) -> dict[str, Any]:
    """A runner's disk that held values and fell silent."""
    from connectors.models import Connection, SpoolReport

    found = connection(world)
    made = SpoolReport.objects.create(
        connection=Connection.objects.get(**found), spool=uuid4(), at=AT, received=2, confirmed=1, usage=0
    )
    return {**found, "spool": made.spool}


def unmapped(world: World) -> dict[str, Any]:
    """An address nobody mapped."""
    from connectors.models import Connection, UnmappedAddress

    found = connection(world)
    of = Connection.objects.get(**found)
    UnmappedAddress.objects.get_or_create(
        connection=of, address="M1/temp", count=1, first_seen=AT, last_seen=AT
    )
    return found


def protocol(world: World) -> dict[str, Any]:
    return {"protocol": "mqtt"}


def signal(world: World) -> dict[str, Any]:
    from tests.factories import connectors

    return {"pk": connectors.signal_make(world.ours.unit, f"{MARK}/speed").pk}


def gap(world: World) -> dict[str, Any]:
    from connectors.models import Gap
    from tests.factories import connectors

    source = connectors.connection_make(world.ours.site, slug=f"{MARK}-gap".lower())
    made = Gap.objects.create(
        connection=source,
        equipment=world.ours.unit,
        key=uuid4(),
        start_time=AT,
        end_time=AT + timedelta(minutes=1),
        cause="process_down",
    )
    return {"pk": made.pk}


def quarantined(world: World) -> dict[str, Any]:
    from connectors.models import QuarantinedMessage
    from tests.factories import connectors

    source = connectors.connection_make(
        world.ours.site,
        slug=f"{MARK}-unread".lower(),
        config={
            "broker": "mqtt://127.0.0.1:1",
            "client_id": "t",
            "mappings": [{"topic": "t/{unit}/{key}", "value": "v"}],
        },
    )
    made = QuarantinedMessage.objects.create(
        connection=source,
        source=f"{MARK}/topic",
        reason="no JSON",
        form="message",
        raw=b"?",
        digest=b"0" * 16,
        first_arrival=AT,
        last_arrival=AT,
        configuration_revision=1,
    )
    return {"pk": made.pk}


def lot(world: World) -> dict[str, Any]:
    from tests.factories import traceability

    return {"code": traceability.lot_make(world.ours.line, code=f"{MARK}-LOT").code}


def order(world: World) -> dict[str, Any]:
    from tests.factories import traceability

    return {"code": traceability.order_make(world.ours.line, code=f"{MARK}-PO").code}


def order_figure(world: World) -> dict[str, Any]:
    return {**order(world), "figure": "good"}


def unit_figure(world: World) -> dict[str, Any]:
    return {**unit(world), "figure": "trs"}


def order_verb(world: World) -> dict[str, Any]:
    return {**order(world), "verb": "pause"}


def stop(world: World) -> dict[str, Any]:
    """A stop of our first machine, by its row as the API and the tablet address it."""
    from production.models import Stop

    made = Stop.objects.create(
        id=uuid5(NAMESPACE_URL, f"{world.ours.unit.code}{AT}"),
        work_unit=world.ours.unit,
        start_time=AT,
        end_time=AT + timedelta(minutes=5),
        base_class="own",
        size="registered",
        needs_reason=True,
    )
    return {"pk": made.pk, "stop_id": made.pk}


def manual_station(world: World) -> dict[str, Any]:
    world.ours.unit.is_manual = True
    world.ours.unit.save(update_fields=["is_manual"])
    return unit(world)


def station_entry(world: World) -> dict[str, Any]:
    from production.models import StateAssertion

    made = StateAssertion.objects.create(equipment=world.ours.unit, start_time=AT, state="execute")
    return {**manual_station(world), "pk": made.pk}


def instruction(world: World) -> dict[str, Any]:
    """One version for the order that runs on our line: instructions belong to the plant, as products do."""
    from production.models import WorkInstruction
    from production.services import job_order_start
    from tests.factories import production

    made = WorkInstruction.objects.create(
        code="CLOSING", version=1, name_en="Closing", text_en="Close it.", effective_from=AT,
        recorded_at=AT, image=b"\x89PNG\r\n\x1a\n", image_type="image/png",
    )  # fmt: skip
    running = production.order_make(world.ours, code=f"{MARK}-RUNS")
    job_order_start(job_order_id=running.pk, at=timezone.now(), by=world.admin)
    return {"pk": made.pk}


def undo(world: World) -> dict[str, Any]:
    """What can be taken back is kept in the session of whoever did it."""
    return {"token": "none"}


def call_step(world: World) -> dict[str, Any]:
    from mom.calls.models import HelpCall

    made = HelpCall.objects.create(kind="material", equipment=world.ours.line, raised_at=timezone.now())
    return {"pk": made.pk, "step": "take"}


def movement(world: World) -> dict[str, Any]:
    from tests.factories import traceability

    code = lot(world)["code"]
    running = traceability.order_make(world.ours.line, code=f"{MARK}-PO")
    moved = traceability.movement_make(
        traceability.MaterialLot.objects.get(code=code),
        "consumed",
        5,
        job_order=running,
        equipment=world.ours.unit,
    )
    return {"code": code, "movement_id": moved.pk}


def action(world: World) -> dict[str, Any]:
    from mom.improvement import services as improvement

    owner = make.person_make("supervisor", world.ours.line)
    made = improvement.action_open(
        title=MARK,
        equipment_code=world.ours.unit.code,
        owner_badge=owner.badge,
        due_on=AT.date(),
        by=world.admin,
        at=AT,
    )
    return {"pk": made.pk}


def shortage(world: World) -> dict[str, Any]:
    from traceability.models import MaterialShortage

    made = MaterialShortage.objects.create(
        equipment=world.ours.unit, material=make.material_make("SHARED-CAP"), start_time=AT
    )
    return {"pk": made.pk}


def maintenance_request(world: World) -> dict[str, Any]:
    from maintenance import services as maintenance

    made = maintenance.request_raise(
        equipment=world.ours.unit, stop_start=timezone.now(), by=world.admin, description=MARK
    )
    return {"code": made.code}


def specification(world: World) -> dict[str, Any]:
    from quality.models import TestSpecification

    made, _ = TestSpecification.objects.get_or_create(
        code=f"{MARK}-TS", defaults={"equipment": world.ours.unit, "upper": Decimal(5)}
    )
    return {"code": made.code}


def test_result(world: World) -> dict[str, Any]:
    from quality.models import TestResult, TestSpecification

    made = TestResult.objects.create(
        specification=TestSpecification.objects.get(**specification(world)),
        equipment=world.ours.unit,
        value=Decimal(4),
        measured_at=AT,
        judgement="pass",
        source="api",
    )
    return {"pk": made.pk}


def nonconformance(world: World) -> dict[str, Any]:
    from quality import services as quality

    made = quality.nonconformance_open(equipment=world.ours.unit, description=MARK, by=world.admin)
    return {"code": made.code}


def line_shift_last(world: World) -> dict[str, Any]:
    line_shift(world)
    return line(world)


def line_shift(world: World) -> dict[str, Any]:
    """A shift of our line that is over."""
    from plant.models import CalendarSlot, CalendarVersion

    version, _ = CalendarVersion.objects.get_or_create(
        line=world.ours.line, valid_from=AT.date(), defaults={"pattern": {"shifts": []}}
    )
    end = timezone.now() - timedelta(hours=1)
    slot = CalendarSlot.objects.filter(
        line=world.ours.line, code=MARK
    ).first() or CalendarSlot.objects.create(
        line=world.ours.line,
        version=version,
        kind="shift",
        code=MARK,
        production_day=end.date(),
        start_time=end - timedelta(hours=8),
        end_time=end,
    )
    return {**line(world), "day": slot.production_day.isoformat(), "shift": slot.code}


def line_shift_signed(world: World) -> dict[str, Any]:
    from mom.signing.models import ShiftReport
    from plant.models import CalendarSlot

    found = line_shift(world)
    slot = CalendarSlot.objects.get(line=world.ours.line, code=MARK)
    if not ShiftReport.objects.filter(line=slot.line, start_time=slot.start_time).exists():
        ShiftReport.objects.create(
            line=slot.line,
            shift_code=slot.code,
            production_day=slot.production_day,
            start_time=slot.start_time,
            end_time=slot.end_time,
            figures={},
            digest="0" * 64,
            said_by_rule="test",
        )
    return found


SAMPLES: dict[str, Callable[[World], dict[str, Any]]] = {
    sample.__name__: sample
    for sample in (
        line,
        line_day,
        line_shift,
        line_shift_last,
        line_shift_signed,
        unit,
        material,
        token,
        foreign_token,
        saved_view,
        own_view,
        device,
        enrolment,
        connection,
        runner,
        unmapped,
        protocol,
        signal,
        gap,
        quarantined,
        lot,
        order,
        order_figure,
        unit_figure,
        order_verb,
        stop,
        manual_station,
        station_entry,
        instruction,
        undo,
        call_step,
        movement,
        action,
        shortage,
        maintenance_request,
        specification,
        test_result,
        nonconformance,
    )
}
