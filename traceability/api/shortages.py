"""/api/v1/shortages."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plant.rest import actor_for, actor_of, each, once, one_or_many
from traceability import selectors, services
from traceability.api import fields
from traceability.filters import ShortageFilter
from traceability.models import MaterialShortage


class ShortageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Times in which material was lacking. A shortage is opened, then closed: closing gives it a new id."""

    required_actions = {"create": "lot.move", "close": "lot.move"}
    required_action = "view"
    serializer_class = fields.ShortageSerializer
    filterset_class = ShortageFilter
    queryset = MaterialShortage.objects.none()
    cursor_ordering = ("start_time", "id")
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[MaterialShortage]:
        return selectors.shortages(actor_of(self.request))

    @one_or_many("Shortage", fields.ShortageOpenSerializer, fields.ShortageSerializer)
    def create(self, request: Request) -> Response:
        """Say that material lacks, or lacked; up to 1000 as a list: then a refused one stops no other."""

        def opened(values: dict[str, Any]) -> MaterialShortage:
            order, by = values.pop("job_order"), actor_for(request, values.pop("person"))
            order_id = order.pk if order else None
            return services.shortage_open(
                material_code=values.pop("material"), job_order_id=order_id, by=by, **values
            )

        def write() -> tuple[int, Any]:
            data = fields.ShortageOpenSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            return 201, fields.ShortageSerializer(opened(data.validated_data)).data

        if isinstance(request.data, list):
            return each(request, fields.ShortageOpenSerializer, lambda values: opened(values).pk)
        return once(request, write)

    @extend_schema(
        request=fields.ShortageCloseSerializer, responses={201: fields.ShortageSerializer}, filters=False
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        def write() -> tuple[int, Any]:
            data = fields.ShortageCloseSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            shortage = self.get_queryset().get(pk=pk)
            closed = services.shortage_close(
                shortage_id=shortage.pk, by=actor_of(request), **data.validated_data
            )
            return 201, fields.ShortageSerializer(closed).data

        return once(request, write)
