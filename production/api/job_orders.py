"""/api/v1/job-orders: store one or many, change, command, put in sequence; every version of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plant.domain.streams import AT_ONCE
from plant.rest import Streamed, actor_for, actor_of, once, stream_window, streamed
from production import selectors, services
from production.api import fields
from production.api.problems import Stale, Unconditional, answered
from production.filters import JobOrderFilter
from production.models import JobOrder

MOST = 1000
DRY_RUN = OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="1: tell what would happen only.")
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="ETag of the order read.",
)
EXECUTE = ("start", "pause", "resume", "stop", "abort")


class JobOrderViewSet(Streamed, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Production orders: what to make, where, by when, and how far it is."""

    required_action = "view"
    required_actions = {
        "create": "order.plan",
        "partial_update": "order.plan",
        "sequence": "order.plan",
        **dict.fromkeys(EXECUTE, "order.execute"),
    }
    serializer_class = fields.JobOrderSerializer
    filterset_class = JobOrderFilter
    extra_parameters = ("dry_run",)
    queryset = JobOrder.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = ("created_at", "id")

    def get_queryset(self) -> QuerySet[JobOrder]:
        return selectors.job_orders(actor_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if stream_window(request, ("start", "end"), ("planned_after", "due_before")):
            found = self.filter_queryset(self.get_queryset()).iterator(chunk_size=AT_ONCE)
            rows = (fields.JobOrderSerializer(order).data for order in found)
            return streamed(request, "job-orders", fields.JobOrderSerializer, rows)
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(
        request=fields.JobOrderItemSerializer(many=True),
        parameters=[DRY_RUN],
        responses={200: fields.StoredSerializer(many=True), 201: fields.StoredSerializer(many=True)},
    )
    def create(self, request: Request) -> Response:
        """Store one order, or up to 1000 as a list; the answer is a list with what became of each.

        A refused order stops no other. One order alone that is refused answers 400. Needs an Idempotency-Key.
        """
        dry_run = request.query_params.get("dry_run", "") in ("1", "true")

        def write() -> tuple[int, Any]:
            items = _items(request.data)
            results = services.job_orders_store(items=items, by=actor_of(request), dry_run=dry_run)
            if not isinstance(request.data, list) and results[0].errors:
                refused = services.PlanRefused(results[0].errors)
                with answered():
                    raise refused
            stored = any(result.action == "stored" for result in results) and not dry_run
            return 201 if stored else 200, fields.StoredSerializer(results, many=True).data

        return once(request, write, required=not dry_run)

    @extend_schema(
        request=fields.JobOrderItemSerializer(partial=True),
        parameters=[IF_MATCH],
        responses=fields.JobOrderSerializer,
        filters=False,
    )
    def partial_update(self, request: Request, code: str) -> Response:
        """Change the plan, at the last moment if need be. ``why`` makes it a decision. Stale views get
        412.
        """
        seen = _seen_version(request)

        def write() -> tuple[int, Any]:
            command = _command(request)
            changes = {
                key: value for key, value in dict(request.data).items() if key not in ("why", "person", "at")
            }
            order = self.get_object()
            with answered(stale=Stale):
                changed = services.job_order_update(
                    job_order_id=order.pk, changes=changes, seen_version=seen, **command
                )
            return 200, fields.JobOrderSerializer(self.get_queryset().get(pk=changed.pk)).data

        return once(request, write)

    @extend_schema(request=fields.CommandSerializer, responses=fields.JobOrderSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, code: str) -> Response:
        return self._run(request, services.job_order_start)

    @extend_schema(request=fields.CommandSerializer, responses=fields.JobOrderSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, code: str) -> Response:
        return self._run(request, services.job_order_pause)

    @extend_schema(request=fields.CommandSerializer, responses=fields.JobOrderSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, code: str) -> Response:
        return self._run(request, services.job_order_resume)

    @extend_schema(request=fields.CommandSerializer, responses=fields.JobOrderSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, code: str) -> Response:
        return self._run(request, services.job_order_stop)

    @extend_schema(request=fields.CommandSerializer, responses=fields.JobOrderSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def abort(self, request: Request, code: str) -> Response:
        return self._run(request, services.job_order_abort)

    def _run(self, request: Request, service: Callable[..., JobOrder]) -> Response:
        def write() -> tuple[int, Any]:
            command = _command(request)
            command["at"] = command["at"] or timezone.now()
            order = self.get_object()
            with answered():
                done = service(job_order_id=order.pk, **command)
            return 200, fields.JobOrderSerializer(self.get_queryset().get(pk=done.pk)).data

        return once(request, write)

    @extend_schema(
        request=fields.SequenceSerializer, responses=fields.JobOrderSerializer(many=True), filters=False
    )
    @action(detail=False, methods=["post"])
    def sequence(self, request: Request) -> Response:
        """Put a line's open orders in this sequence. A decision: it needs a reason, and who and why are
        kept.
        """

        def write() -> tuple[int, Any]:
            data = fields.SequenceSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = data.validated_data
            known = dict(self.get_queryset().filter(code__in=values["job_orders"]).values_list("code", "pk"))
            missing = [code for code in values["job_orders"] if code not in known]
            if missing:
                raise exceptions.ValidationError({"job_orders": [f"read {missing}, expected known orders"]})
            with answered():
                ordered = services.sequence_change(
                    line_id=values["line"].pk,
                    job_order_ids=[known[code] for code in values["job_orders"]],
                    by=actor_for(request, values.get("person")),
                    why=values["why"],
                    at=_past(values.get("at")),
                )
            rows = self.get_queryset().in_bulk([order.pk for order in ordered])
            return 200, fields.JobOrderSerializer([rows[order.pk] for order in ordered], many=True).data

        return once(request, write)

    @extend_schema(responses=fields.VersionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, code: str) -> Response:
        """Every version of the plan, the first one first."""
        found = selectors.plan_versions(job_order_id=self.get_object().pk)
        return Response(fields.VersionSerializer(found, many=True).data)

    @extend_schema(responses=fields.EventSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def events(self, request: Request, code: str) -> Response:
        """Commands given, in the order they took effect."""
        found = selectors.job_order_events(job_order_id=self.get_object().pk)
        return Response(fields.EventSerializer(found, many=True).data)

    def _answer(self, order: JobOrder) -> Response:
        return Response(fields.JobOrderSerializer(order).data, headers={"ETag": f'"{order.version}"'})


def _items(data: Any) -> list[Mapping[str, Any]]:
    items = data if isinstance(data, list) else [data]
    if not 1 <= len(items) <= MOST:
        raise exceptions.ValidationError({"detail": f"read {len(items)} orders, expected 1 to {MOST}"})
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise exceptions.ValidationError({"detail": f"item {index}: read {item!r}, expected an object"})
    return items


def _seen_version(request: Request) -> int:
    tag = request.headers.get("If-Match", "").removeprefix("W/").strip('"')
    if not tag:
        raise Unconditional({"If-Match": "header missing: send the ETag of the order you read"})
    if not tag.isdecimal():
        raise Stale({"detail": f'If-Match: read {tag!r}, expected the ETag of the order, such as "3"'})
    return int(tag)


def _command(request: Request) -> dict[str, Any]:
    """Who, when and why of a write; a program may speak for a person and say when it happened."""
    values = request.data
    if not isinstance(values, dict):
        raise exceptions.ValidationError({"detail": "read a list, expected one object"})
    given = {key: values[key] for key in ("at", "why", "person") if key in values}
    data = fields.CommandSerializer(data=given)
    data.is_valid(raise_exception=True)
    person = data.validated_data.get("person")
    return {
        "by": actor_for(request, person),
        "why": data.validated_data["why"],
        "at": _past(data.validated_data.get("at")),
    }


def _past(at: datetime | None) -> datetime | None:
    if at is not None and at > timezone.now():
        raise exceptions.ValidationError({"at": [f"read {at.isoformat()}, expected a time that has come"]})
    return at
