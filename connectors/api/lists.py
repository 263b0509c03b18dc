"""/api/v1/signals, /api/v1/gaps and /api/v1/quarantine."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import selectors, services
from connectors.api import fields
from connectors.filters import GapFilter, QuarantineFilter, SignalFilter
from connectors.models import Gap, QuarantinedMessage, SignalDefinition
from plant.rest import actor_of


class SignalViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[SignalDefinition]
):
    """Which address speaks about which machine, and what its values mean."""

    required_action = "view"
    serializer_class = fields.SignalSerializer
    filterset_class = SignalFilter
    queryset = SignalDefinition.objects.none()
    cursor_ordering = "id"

    def get_queryset(self) -> QuerySet[SignalDefinition]:
        return selectors.signals_visible(actor_of(self.request))


class GapViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Gap]):
    """When values may be missing, and why."""

    required_action = "view"
    serializer_class = fields.GapSerializer
    filterset_class = GapFilter
    queryset = Gap.objects.none()
    cursor_ordering = ("-start_time", "-id")

    def get_queryset(self) -> QuerySet[Gap]:
        return selectors.gaps_visible(actor_of(self.request))


class QuarantineViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[QuarantinedMessage]
):
    """Messages nobody could read, kept as they came."""

    required_action = "view"
    required_actions = {"reprocess": "connection.edit"}
    serializer_class = fields.QuarantineSerializer
    filterset_class = QuarantineFilter
    queryset = QuarantinedMessage.objects.none()
    cursor_ordering = ("-last_arrival", "-id")

    def get_queryset(self) -> QuerySet[QuarantinedMessage]:
        return selectors.quarantine_visible(actor_of(self.request))

    @extend_schema(request=None, responses=fields.ReprocessSerializer)
    @action(detail=True, methods=["post"])
    def reprocess(self, request: Request, pk: Any = None) -> Response:
        """Read the message again with today's configuration. Doing it twice stores nothing twice."""
        message = self.get_object()
        stored = services.quarantine_reprocess(
            message_id=message.pk, by=actor_of(request), now=timezone.now()
        )
        return Response({"stored": stored})
