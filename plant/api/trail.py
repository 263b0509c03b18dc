"""/api/v1/decisions and /api/v1/audit."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from plant import selectors, services
from plant.access import scoped
from plant.api import fields
from plant.filters import AuditFilter, DecisionFilter
from plant.models import AuditEntry, Decision
from plant.rest import actor_of, once


class DecisionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Decision]):
    """What someone with authority decided, and why. It is never changed; a later one supersedes it."""

    required_action = "view"
    required_actions = {"create": "action.edit"}
    serializer_class = fields.DecisionSerializer
    filterset_class = DecisionFilter
    queryset = Decision.objects.select_related("line", "said_by")
    cursor_ordering = ("-said_at", "-id")

    def get_queryset(self) -> QuerySet[Decision]:
        return scoped(super().get_queryset(), actor_of(self.request), path="line__path")

    @extend_schema(request=fields.DecisionWriteSerializer, responses={201: fields.DecisionSerializer})
    def create(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            data = fields.DecisionWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values, actor = dict(data.validated_data), actor_of(request)
            line = values.pop("line")
            actor.require("action.edit", line)
            job_order = values.pop("job_order")
            decision = services.decision_record(**values, job_order_code=job_order, line_id=line.pk, by=actor)
            return 201, fields.DecisionSerializer(decision).data

        return once(request, write)


class AuditViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[AuditEntry]):
    """Every write: who, what, when, before, after, why. Newest first; for administrators of every site."""

    required_action = "audit.view"
    serializer_class = fields.AuditSerializer
    filterset_class = AuditFilter
    queryset = AuditEntry.objects.select_related("person", "device")
    cursor_ordering = "-id"

    def get_queryset(self) -> QuerySet[AuditEntry]:
        if not selectors.may_everywhere(actor_of(self.request), "audit.view"):
            raise PermissionDenied("the audit trail is for administrators of every site")
        return super().get_queryset()
