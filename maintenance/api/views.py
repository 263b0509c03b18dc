"""/api/v1/maintenance-requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from maintenance import selectors, services
from maintenance.api import fields
from maintenance.filters import RequestFilter
from maintenance.models import MaintenanceRequest
from plant.rest import actor_for, actor_of, once

STEP = extend_schema(
    request=fields.MaintenanceStepSerializer,
    responses={201: fields.MaintenanceRequestSerializer},
    filters=False,
)


class MaintenanceRequestViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Calls for maintenance with what was known when the machine failed; taken, repaired and closed."""

    required_actions = {
        "create": "maintenance.request",
        "take": "maintenance.work",
        "repair_start": "maintenance.work",
        "repair_end": "maintenance.work",
        "close": "maintenance.work",
    }
    required_action = "view"
    serializer_class = fields.MaintenanceRequestSerializer
    filterset_class = RequestFilter
    queryset = MaintenanceRequest.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = ("-stop_start", "-id")

    def get_queryset(self) -> QuerySet[MaintenanceRequest]:
        return selectors.requests(actor_of(self.request))

    @extend_schema(
        request=fields.MaintenanceRaiseSerializer, responses={201: fields.MaintenanceRequestSerializer}
    )
    def create(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            data = fields.MaintenanceRaiseSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = data.validated_data
            raised = services.request_raise(by=actor_for(request, values.pop("person")), **values)
            return 201, self._answer(raised.code)

        return once(request, write)

    @STEP
    @action(detail=True, methods=["post"])
    def take(self, request: Request, code: str) -> Response:
        return self._step(request, code, services.request_take, fields.MaintenanceStepSerializer)

    @STEP
    @action(detail=True, methods=["post"], url_path="repair-start")
    def repair_start(self, request: Request, code: str) -> Response:
        return self._step(request, code, services.request_repair_start, fields.MaintenanceStepSerializer)

    @STEP
    @action(detail=True, methods=["post"], url_path="repair-end")
    def repair_end(self, request: Request, code: str) -> Response:
        return self._step(request, code, services.request_repair_end, fields.MaintenanceStepSerializer)

    @extend_schema(
        request=fields.MaintenanceCloseSerializer,
        responses={201: fields.MaintenanceRequestSerializer},
        filters=False,
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, code: str) -> Response:
        return self._step(request, code, services.request_close, fields.MaintenanceCloseSerializer)

    def _step(
        self,
        request: Request,
        code: str,
        service: Callable[..., Any],
        serializer: type[serializers.Serializer],
    ) -> Response:
        def write() -> tuple[int, Any]:
            data = serializer(data=request.data)
            data.is_valid(raise_exception=True)
            found = self.get_queryset().get(code=code)
            values = data.validated_data
            service(request_code=found.code, by=actor_for(request, values.pop("person")), **values)
            return 201, self._answer(code)

        return once(request, write)

    def _answer(self, code: str) -> Any:
        return fields.MaintenanceRequestSerializer(selectors.request_by_code(code)).data
