"""/api/v1/…/changeovers of a line, and the changeover to one order with its checklist and its ticks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mom.pages.changeover_steps import TICK, changeover_told
from mom.pages.lookup import line_or_404
from mom.pages.order_commands import order_or_404
from plant.rest import BadgeField, ETagged, Streamed, actor_for, actor_of, once, stream_window, streamed
from production import selectors as production
from production.api.fields import Seconds
from production.api.observed import WINDOW, _window
from production.domain.smed import Smed, smed
from production.selectors.changeover_steps import SequenceCost, sequence_costs, step_ticks, ticks_told
from production.services.changeover_steps import ACTS, changeover_step_tick

if TYPE_CHECKING:
    from mom.pages.changeover_steps import StepShown
    from production.domain.changeover import Done
    from production.models import JobOrder
    from production.selectors import LineChangeovers


class ChangeoverSerializer(serializers.Serializer):
    """From the last run of one order to the first of the next on what paces the line, without breaks.

    ``internal_seconds`` + ``external_inside_seconds`` + ``not_known_seconds`` is ``seconds``; null: no step
    was ticked with its times. ``over_seconds``: over the standard.
    """

    from_order = serializers.CharField()
    to_order = serializers.CharField()
    from_product = serializers.CharField(allow_null=True)
    to_product = serializers.CharField(allow_null=True)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    seconds = Seconds()
    standard_seconds = Seconds(allow_null=True)
    over_seconds = Seconds(allow_null=True)
    internal_seconds = Seconds(allow_null=True)
    external_inside_seconds = Seconds(allow_null=True)
    not_known_seconds = Seconds(allow_null=True)
    clean_up_seconds = Seconds(allow_null=True)
    adjustment_seconds = Seconds(allow_null=True)
    run_up_seconds = Seconds(allow_null=True)


class MatrixRowSerializer(serializers.Serializer):
    """All changeovers from one product to another."""

    from_product = serializers.CharField()
    to_product = serializers.CharField()
    count = serializers.IntegerField()
    standard_seconds = Seconds(allow_null=True)
    median_seconds = Seconds()
    mean_seconds = Seconds()
    best_seconds = Seconds()
    over_seconds = Seconds(allow_null=True)


class SequenceChangeSerializer(serializers.Serializer):
    """Changeover time of the sequence chosen less that of the one replaced; less than zero: saved.

    ``standard_seconds``: by standards, as known when decided; null: one is missing. ``measured_seconds``:
    with each changeover run as long as it took; null while none was run.
    """

    at = serializers.DateTimeField(source="decision.said_at")
    by = serializers.SerializerMethodField()
    why = serializers.CharField(source="decision.why")
    job_orders = serializers.ListField(child=serializers.CharField(), source="decision.detail.after")
    instead_of = serializers.ListField(child=serializers.CharField(), source="decision.detail.before")
    standard_seconds = Seconds(source="standard", allow_null=True)
    measured_seconds = serializers.SerializerMethodField()
    changeovers = serializers.IntegerField()
    changeovers_run = serializers.IntegerField(source="measured")

    def get_by(self, cost: SequenceCost) -> str:
        return str(cost.decision.said_by or cost.decision.said_by_rule)

    def get_measured_seconds(self, cost: SequenceCost) -> float | None:
        return cost.cost.total_seconds() if cost.cost is not None and cost.measured else None


class LineChangeoversSerializer(serializers.Serializer):
    equipment = serializers.CharField()
    paced_by = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    rows = ChangeoverSerializer(many=True)
    matrix = MatrixRowSerializer(many=True)
    sequence_changes = SequenceChangeSerializer(many=True)


class LineChangeoversView(Streamed, ETagged, APIView):
    """Changeovers of a line as measured, beside their standards, and what changes of sequence cost.

    404 where no machine is declared to pace the line, or nothing was received.
    """

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=LineChangeoversSerializer)
    def get(self, request: Request, code: str) -> Any:
        line = line_or_404(request._request, code)
        wanted = stream_window(request)
        start, end = _window(request)
        found = production.line_changeovers(line_id=line.pk, start=start, end=end)
        if found is None:
            raise exceptions.NotFound(f"{code}: no machine paces it, or nothing received in this window")
        rows = list(_rows(found))
        if wanted:
            return streamed(request, "changeovers", ChangeoverSerializer, rows)
        costs = sequence_costs(line_id=line.pk, start=start, end=end, done=found.done)
        return Response(
            {
                "equipment": line.code,
                "paced_by": found.paced_by.code,
                "start_time": start,
                "end_time": end,
                "rows": rows,
                "matrix": list(_matrix(found)),
                "sequence_changes": SequenceChangeSerializer(costs, many=True).data,
            }
        )


def _rows(found: LineChangeovers) -> Iterable[dict[str, Any]]:
    """Oldest first, each as its page tells it."""
    cells = {item: cell for cell in found.cells for item in cell.done}
    ticks = step_ticks(order_codes={item.to_order for item in found.done})
    for item in found.done:
        cell = cells.get(item)
        standard = cell.standard if cell else None
        over = None if standard is None else max(item.duration - standard, timedelta())
        row = {
            "from_product": cell.before.code if cell else None,
            "to_product": cell.after.code if cell else None,
            "standard_seconds": standard,
            "over_seconds": over,
            **_told(item, smed(item.stood, ticks_told(ticks.get(item.to_order, ())))),
        }
        yield dict(ChangeoverSerializer(row).data)


def _told(item: Done, split: Smed) -> dict[str, Any]:
    phases, known = item.phases, split.is_known
    return {
        "from_order": item.from_order,
        "to_order": item.to_order,
        "start_time": item.start,
        "end_time": item.end,
        "seconds": item.duration,
        "internal_seconds": split.internal if known else None,
        "external_inside_seconds": split.external_inside if known else None,
        "not_known_seconds": split.not_known if known else None,
        "clean_up_seconds": phases.clean_up if phases else None,
        "adjustment_seconds": phases.adjustment if phases else None,
        "run_up_seconds": phases.run_up if phases else None,
    }


def _matrix(found: LineChangeovers) -> Iterable[dict[str, Any]]:
    for cell in found.cells:
        row = {
            "from_product": cell.before.code,
            "to_product": cell.after.code,
            "count": len(cell.done),
            "standard_seconds": cell.standard,
            "median_seconds": cell.median,
            "mean_seconds": cell.mean,
            "best_seconds": cell.best,
            "over_seconds": cell.over,
        }
        yield dict(MatrixRowSerializer(row).data)


class ChecklistStepSerializer(serializers.Serializer):
    """A step of the checklist and what was ticked. ``seconds`` null: its times are not known."""

    code = serializers.CharField(source="step.code")
    name_en = serializers.CharField(source="step.name_en")
    name_fr = serializers.CharField(source="step.name_fr")
    is_external = serializers.BooleanField(source="step.is_external")
    standard_seconds = Seconds(source="step.standard_time", allow_null=True)
    start_time = serializers.DateTimeField(source="tick.start_time", default=None, allow_null=True)
    end_time = serializers.DateTimeField(source="tick.end_time", default=None, allow_null=True)
    seconds = Seconds(source="time", allow_null=True)
    said_by = serializers.CharField(source="tick.said_by.badge", default=None, allow_null=True)
    said_at = serializers.DateTimeField(source="tick.said_at", default=None, allow_null=True)


class OrderChangeoverSerializer(serializers.Serializer):
    """The changeover to an order before, while and after it happens; ``done`` null: not run yet."""

    job_order = serializers.CharField()
    from_order = serializers.CharField(allow_null=True)
    done = ChangeoverSerializer(allow_null=True)
    steps = ChecklistStepSerializer(many=True)


class TickSerializer(serializers.Serializer):
    """``step``: code of a step of the checklist. ``done`` without ``start``: done, its time not known."""

    step = serializers.CharField(max_length=40)
    act = serializers.ChoiceField(choices=ACTS)
    at = serializers.DateTimeField(default=None, allow_null=True, help_text="Default: now.")
    person = BadgeField(help_text="Badge of who ticked, when a program sends it.")


class OrderChangeoverView(ETagged, APIView):
    """The changeover to one order: its checklist with what was ticked, and how long it took."""

    required_action = "view"
    required_actions = {"POST": TICK}

    @extend_schema(operation_id="job_orders_changeover", responses=OrderChangeoverSerializer)
    def get(self, request: Request, code: str) -> Response:
        return Response(order_changeover(order_or_404(request._request, code)))

    @extend_schema(
        operation_id="job_orders_changeover_tick",
        request=TickSerializer,
        responses={201: OrderChangeoverSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        """Tick a step: begun, done, or taken back. Needs an Idempotency-Key."""
        order = order_or_404(request._request, code)
        actor_of(request).require(TICK, order.line)

        def write() -> tuple[int, Any]:
            data = TickSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            given = data.validated_data
            changeover_step_tick(
                job_order_id=order.pk,
                step_id=_step(order, given["step"]),
                act=given["act"],
                by=actor_for(request, given["person"]),
                at=_past(given["at"]),
            )
            return 201, order_changeover(order)

        return once(request, write, required=True)


def order_changeover(order: JobOrder) -> dict[str, Any]:
    found = changeover_told(order, timezone.now())
    done = None
    if found.done is not None and found.split is not None:
        row = dict.fromkeys(ChangeoverSerializer().fields)
        done = {**row, **_told(found.done, found.split)}
    answer = {
        "job_order": order.code,
        "from_order": found.before or None,
        "done": done,
        "steps": found.steps,
    }
    return dict(OrderChangeoverSerializer(answer).data)


def _step(order: JobOrder, code: str) -> int:
    shown: tuple[StepShown, ...] = changeover_told(order, timezone.now()).steps
    for row in shown:
        if row.step.code == code:
            return row.step.pk
    expected = ", ".join(row.step.code for row in shown) or "no step: its standard has no checklist"
    raise exceptions.ValidationError({"step": [f"read {code!r}, expected one of {expected}"]})


def _past(at: datetime | None) -> datetime:
    now = timezone.now()
    if at is not None and at > now:
        raise exceptions.ValidationError({"at": [f"read {at.isoformat()}, expected a time that has come"]})
    return at or now
