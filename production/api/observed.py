"""/api/v1/stops, /notes, /counts and the states and figures of an equipment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant import selectors as plant
from plant.domain.streams import AT_ONCE, batches
from plant.rest import (
    ETagged,
    Streamed,
    actor_for,
    actor_of,
    each,
    once,
    one_or_many,
    refuse_unknown,
    stream_window,
    streamed,
)
from production import selectors, services
from production.api import fields
from production.api.problems import answered
from production.api.reasons import SuggestionSerializer
from production.domain.account import Account
from production.domain.bridge import STEPS, bridge
from production.domain.iso22400 import NAMES
from production.domain.oee import seconds
from production.filters import StopFilter
from production.models import ReasonAssertion, Stop
from production.selectors import Kpi
from production.selectors.definitions import InForce
from production.selectors.suggestions import reason_suggestions

LONGEST = timedelta(days=35)
DEFAULT = timedelta(hours=24)
WINDOW = [
    OpenApiParameter("start", OpenApiTypes.DATETIME, description="Start, included; a day ago by default."),
    OpenApiParameter("end", OpenApiTypes.DATETIME, description="End, excluded; now by default."),
]


class StopViewSet(Streamed, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Stops, newest first, with the reason in force; a reason is said with ``POST stops/reasons``."""

    required_action = "view"
    required_actions = {"reasons": "stop.code"}
    serializer_class = fields.StopSerializer
    filterset_class = StopFilter
    queryset = Stop.objects.none()
    lookup_value_regex = "[0-9a-f-]{36}"
    cursor_ordering = ("-start_time", "pk")

    def get_queryset(self) -> QuerySet[Stop]:
        return selectors.stops(actor_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if stream_window(request):
            found = self.filter_queryset(self.get_queryset()).iterator(chunk_size=AT_ONCE)
            rows = (row for some in batches(found) for row in self._rows(some))
            return streamed(request, "stops", fields.StopSerializer, rows)
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._rows(page or []))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._rows([self.get_object()])[0])

    def _rows(self, found: Sequence[Stop]) -> Any:
        return fields.StopSerializer(selectors.told(found), many=True).data

    @extend_schema(filters=False, responses=SuggestionSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def suggestions(self, request: Request, pk: str = "") -> Response:
        """At most three reasons, the likeliest first, each with why it is suggested. Nothing is entered."""
        found = reason_suggestions(self.get_object())
        return Response(SuggestionSerializer(found, many=True).data)

    @one_or_many("StopReason", fields.ReasonWriteSerializer, fields.ReasonSaidSerializer)
    @extend_schema(filters=False)
    @action(detail=False, methods=["post"])
    def reasons(self, request: Request) -> Response:
        """Say why a machine did not run in a range of time. A view that is no longer true gets 409.

        Up to 1000 as a list: then a refused one stops no other, and an Idempotency-Key is needed.
        """

        def say(values: dict[str, Any]) -> ReasonAssertion:
            given = {name: values[name] for name in ("start_time", "end_time", "seen_end", "supersedes")}
            with answered():
                return services.reason_assert(
                    equipment_id=values["equipment"].pk,
                    reason_code=values["reason"],
                    by=actor_for(request, values.get("person")),
                    comment=values["comment"],
                    at=_come(values.get("at")),
                    **given,
                )

        def write() -> tuple[int, Any]:
            return 201, fields.ReasonSaidSerializer(say(_read(fields.ReasonWriteSerializer, request))).data

        if isinstance(request.data, list):
            return each(request, fields.ReasonWriteSerializer, lambda values: say(values).pk, _turn)
        return once(request, write)


def _turn(item: Any) -> tuple[str, float]:
    """``services.stop_turn`` of an item as it came; one that names no stop is refused at any turn."""
    given = item if isinstance(item, Mapping) else {}
    try:
        return services.stop_turn(
            str(given.get("equipment")), serializers.DateTimeField().run_validation(given.get("start_time"))
        )
    except (exceptions.ValidationError, OverflowError):
        return ("", 0.0)


class NoteView(APIView):
    """Notes about a machine or line."""

    required_action = "note.write"

    @extend_schema(request=fields.NoteWriteSerializer, responses={201: fields.NoteSerializer})
    def post(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            values = _read(fields.NoteWriteSerializer, request)
            order, equipment = values.pop("job_order"), values.pop("equipment")
            by = actor_for(request, values.pop("person", None))
            with answered():
                said = services.note_assert(
                    equipment_id=equipment.pk, job_order_id=order.pk if order else None, by=by, **values
                )
            return 201, fields.NoteSerializer(said).data

        return once(request, write)


class CountView(APIView):
    """Counts made by people."""

    required_action = "count.enter"

    @extend_schema(request=fields.CountWriteSerializer, responses={201: fields.CountSerializer})
    def post(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            values = _read(fields.CountWriteSerializer, request)
            order, equipment = values.pop("job_order"), values.pop("equipment")
            reason, by = values.pop("reason"), actor_for(request, values.pop("person", None))
            with answered():
                said = services.count_assert(
                    equipment_id=equipment.pk,
                    job_order_id=order.pk if order else None,
                    reason_code=reason,
                    by=by,
                    **values,
                )
            return 201, fields.CountSerializer(said).data

        return once(request, write)


class StatesView(Streamed, ETagged, APIView):
    """States of a machine in a window, whole and in order."""

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=fields.StateSerializer(many=True))
    def get(self, request: Request, code: str) -> Any:
        equipment = _equipment(request, code)
        if window := stream_window(request):
            refuse_unknown(request, {"start", "end"})
            return streamed(request, "states", fields.StateSerializer, _states(equipment.pk, *window))
        start, end = _window(request)
        found = selectors.states_between(equipment_ids=[equipment.pk], start=start, end=end)
        return Response(fields.StateSerializer(found.get(equipment.pk, []), many=True).data)


class MicroStopsView(ETagged, APIView):
    """Micro-stops of a machine that began in a window, those of one sort and fault close together as one."""

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=fields.MicroStopsSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        equipment = _equipment(request, code)
        start, end = _window(request)
        found = selectors.micro_stops(equipment_id=equipment.pk, start=start, end=end)
        return Response(fields.MicroStopsSerializer(found, many=True).data)


def _states(equipment_id: int, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """States day by day, each once: with the day it begins in, or the first."""
    begin = start
    while begin < end:
        until = min(begin + DEFAULT, end)
        found = selectors.states_between(equipment_ids=[equipment_id], start=begin, end=until)
        for row in found.get(equipment_id, []):
            if row.start >= begin or begin == start:
                yield fields.StateSerializer(row).data
        begin = until


class KpiView(ETagged, APIView):
    """Effectiveness of a machine or line in a window, and everything it was computed from. 404 without
    data.
    """

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=fields.KpiSerializer)
    def get(self, request: Request, code: str) -> Response:
        equipment = _equipment(request, code)
        start, end = _window(request)
        found = selectors.kpi(equipment_id=equipment.pk, start=start, end=end)
        if found is None:
            raise exceptions.NotFound(f"{code}: nothing received in this window, or no constraint declared")
        return Response(kpi_data(found))


def kpi_data(kpi: Kpi) -> dict[str, Any]:
    trs, oee = kpi.trs, kpi.oee
    return {
        "equipment": kpi.equipment.code,
        "attribution": kpi.attribution,
        "paced_by": kpi.paced_by.code,
        "paced_with": [unit.code for unit in kpi.members],
        "good_from": kpi.good_from.code,
        "good_from_all": [unit.code for unit in kpi.exits],
        "account": times_data(kpi.account),
        "time_models": fields.TimeModelSerializer(models_of(kpi), many=True).data,
        "nf_e60_182": {
            name: getattr(trs, name)
            for name in ("tt", "to", "tr", "tf", "tn", "tu", "do", "tp", "tq", "trs", "trg", "tre")
        },
        "iso_22400_2": {
            name: getattr(oee, name)
            for name in ("pbt", "apt", "good", "total", "availability", "effectiveness", "quality", "oee")
        }
        | {name: getattr(kpi.figures, name) for name in NAMES},
        "bridges": [bridge_data(kpi, standard) for standard in STEPS],
        "made": [
            {
                "job_order": made.use.code,
                "start_time": made.use.start,
                "end_time": made.use.end,
                "product": made.product_code,
                "good": made.good,
                "total": made.total,
                "scrap": made.line_scrap,
                "units_per_hour": made.per_hour,
            }
            for made in kpi.made
        ],
    }


def models_of(kpi: Kpi) -> list[InForce]:
    """The definitions in force in the window, of what paces the line."""
    start, end = kpi.account.start, kpi.account.end
    return selectors.time_models_in_force(equipment=kpi.paced_by, start=start, end=end)


def bridge_data(kpi: Kpi, standard: str) -> dict[str, Any]:
    """Calendar time to useful time in seconds, loss by loss."""
    account = kpi.account
    found = bridge(standard, account.durations, [made.output for made in kpi.made], account.slow_lost)
    return {
        "standard": standard,
        "window": found.window,
        "levels": [
            {
                "name": level.name,
                "seconds": level.seconds,
                "losses": {loss.kind: loss.seconds for loss in level.losses},
            }
            for level in found.levels
        ],
        "difference": found.difference,
        "is_whole": found.is_whole,
    }


def times_data(account: Account) -> dict[str, Any]:
    return {
        "start_time": account.start,
        "end_time": account.end,
        "seconds": {name: seconds(time) for name, time in account.durations.items()},
        "unexplained": seconds(account.unexplained),
        "slow": seconds(account.slow),
        "slow_lost": round(float(account.slow_lost), 3),
    }


def _read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    _come(data.validated_data.get("at"))
    return dict(data.validated_data)


def _come(at: datetime | None) -> datetime | None:
    if at is not None and at > timezone.now():
        raise exceptions.ValidationError({"at": [f"read {at.isoformat()}, expected a time that has come"]})
    return at


def _equipment(request: Request, code: str) -> Any:
    """The equipment by code; one outside the caller's scope is not there."""
    equipment = plant.equipment_by_code(code)
    if not actor_of(request).may("view", equipment):
        raise exceptions.NotFound(f"equipment {code}")
    return equipment


def _window(request: Request) -> tuple[datetime, datetime]:
    refuse_unknown(request, {"start", "end"})
    field = serializers.DateTimeField()
    given: dict[str, datetime] = {}
    for name in ("start", "end"):
        if raw := request.query_params.get(name):
            try:
                given[name] = field.to_internal_value(raw)
            except serializers.ValidationError as error:
                raise exceptions.ValidationError({name: error.detail}) from None
    end = given.get("end") or timezone.now()
    start = given.get("start") or end - DEFAULT
    if not start < end <= start + LONGEST:
        said = f"read {start.isoformat()} to {end.isoformat()}, expected at most {LONGEST.days} days"
        raise exceptions.ValidationError({"end": [said]})
    return start, end
