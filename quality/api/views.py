"""/api/v1/test-specifications, /test-results and /nonconformances."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plant.rest import actor_for, actor_of, each, once, one_or_many, row_key
from quality import selectors, services
from quality.api import fields
from quality.filters import NonconformanceFilter, ResultFilter, SpecificationFilter
from quality.models import Nonconformance, TestResult, TestSpecification


class SpecificationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What is checked, within which limits and how often. Written by the plant file and in administration."""

    required_action = "view"
    serializer_class = fields.SpecificationSerializer
    filterset_class = SpecificationFilter
    queryset = TestSpecification.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = "code"

    def get_queryset(self) -> QuerySet[TestSpecification]:
        return selectors.specifications(actor_of(self.request))

    @extend_schema(responses=fields.SpecificationVersionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, code: str) -> Response:
        """Every version of the limits, the first one first; a value is judged by the one in force then."""
        found = selectors.versions_of(self.get_queryset().get(code=code).pk)
        return Response(fields.SpecificationVersionSerializer(found, many=True).data)


class ResultViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Measured values, judged when stored; a failed one opens a nonconformance. POST needs a key.

    A corrected result stays, with a ``superseded_by``.
    """

    required_actions = {"create": "quality.record", "correction": "quality.record"}
    required_action = "view"
    serializer_class = fields.ResultSerializer
    filterset_class = ResultFilter
    queryset = TestResult.objects.none()
    lookup_value_regex = r"\d{1,18}"
    cursor_ordering = ("measured_at", "id")

    def get_queryset(self) -> QuerySet[TestResult]:
        return selectors.results(actor_of(self.request))

    @one_or_many("TestResult", fields.ResultWriteSerializer, fields.ResultSerializer)
    def create(self, request: Request) -> Response:
        """Store a measured value, or up to 1000 as a list: then a refused one stops no other."""

        def record(values: dict[str, Any]) -> TestResult:
            order, by = values.pop("job_order"), actor_for(request, values.pop("person"))
            code, lot = values.pop("specification"), values.pop("lot")
            key = row_key(request, values.pop("key"))
            measurement = services.Measurement(
                job_order_id=order.pk if order else None, lot_code=lot, **values
            )
            return services.result_record(specification_code=code, measurement=measurement, by=by, key=key)

        def write() -> tuple[int, Any]:
            data = fields.ResultWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            key = record(data.validated_data).key
            return 201, fields.ResultSerializer(selectors.result_by_key(key)).data

        if isinstance(request.data, list):
            return each(request, fields.ResultWriteSerializer, lambda values: record(values).pk)
        return once(request, write, required=True)

    @extend_schema(
        request=fields.ResultCorrectSerializer, responses={201: fields.ResultSerializer}, filters=False
    )
    @action(detail=True, methods=["post"])
    def correction(self, request: Request, pk: str) -> Response:
        """Say what the value should have been, and why; both results stay, the new one counts."""

        def write() -> tuple[int, Any]:
            data = fields.ResultCorrectSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = data.validated_data
            by = actor_for(request, values.pop("person"))
            made = services.result_correct(result_id=self.get_queryset().get(pk=pk).pk, by=by, **values)
            return 201, fields.ResultSerializer(selectors.result_by_id(made.pk)).data

        return once(request, write)


class NonconformanceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What does not conform; ``disposition`` decides what is done with the product."""

    required_actions = {"create": "quality.record", "disposition": "quality.dispose"}
    required_action = "view"
    serializer_class = fields.NonconformanceSerializer
    filterset_class = NonconformanceFilter
    queryset = Nonconformance.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = ("opened_at", "id")

    def get_queryset(self) -> QuerySet[Nonconformance]:
        return selectors.nonconformances(actor_of(self.request))

    @extend_schema(
        request=fields.NonconformanceOpenSerializer, responses={201: fields.NonconformanceSerializer}
    )
    def create(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            data = fields.NonconformanceOpenSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = data.validated_data
            order = values.pop("job_order")
            opened = services.nonconformance_open(
                job_order_id=order.pk if order else None,
                lot_code=values.pop("lot"),
                by=actor_of(request),
                **values,
            )
            return 201, self._answer(opened.code)

        return once(request, write)

    @extend_schema(
        request=fields.DispositionWriteSerializer,
        responses={201: fields.NonconformanceSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"])
    def disposition(self, request: Request, code: str) -> Response:
        def write() -> tuple[int, Any]:
            data = fields.DispositionWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            found = self.get_queryset().get(code=code)
            services.disposition_set(
                nonconformance_code=found.code, by=actor_of(request), **data.validated_data
            )
            return 201, self._answer(code)

        return once(request, write)

    @extend_schema(responses=fields.DispositionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def dispositions(self, request: Request, code: str) -> Response:
        found = self.get_queryset().get(code=code)
        return Response(fields.DispositionSerializer(selectors.dispositions_of(found.pk), many=True).data)

    def _answer(self, code: str) -> Any:
        return fields.NonconformanceSerializer(selectors.nonconformance_by_code(code)).data
