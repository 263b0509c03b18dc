"""/api/v1/actions: what somebody will do about a loss; opened, moved on, done with a result, closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from mom.api.filters import ActionFilter
from mom.improvement.models import Action
from mom.improvement.selectors import actions_seen
from mom.improvement.services import action_close, action_done, action_move, action_open
from plant.access import scoped
from plant.rest import BadgeField, ETagged, actor_for, actor_of, once

MOVES = tuple(state for state in Action.State.choices if state[0] not in ("check", "closed"))


class ActionSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    reason = serializers.CharField(source="reason.code", default=None)
    owner = serializers.CharField(source="owner.badge")
    opened_by = serializers.CharField(source="opened_by.badge", default=None)

    class Meta:
        model = Action
        fields = [
            "id", "title", "equipment", "reason", "owner", "due_on", "state", "evidence", "opened_by",
            "opened_at", "done_at", "result", "closed_at", "effect",
        ]  # fmt: skip


class ActionOpenSerializer(serializers.Serializer):
    """``owner``: badge of who will do it. ``evidence``: page of this product that shows the loss."""

    title = serializers.CharField(max_length=160)
    equipment = serializers.CharField(max_length=60)
    owner = serializers.CharField(max_length=40)
    due_on = serializers.DateField()
    reason = serializers.CharField(max_length=40, default="", allow_blank=True)
    evidence = serializers.CharField(max_length=500, default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who opened it, when a program sends it.")


class ActionDoneSerializer(serializers.Serializer):
    result = serializers.CharField(help_text="What was done, and what came of it.")
    person = BadgeField(help_text="Badge of who says so, when a program sends it.")


class ActionCloseSerializer(serializers.Serializer):
    effect = serializers.CharField(help_text="What the check of its effect showed.")
    person = BadgeField(help_text="Badge of who says so, when a program sends it.")


class ActionMoveSerializer(serializers.Serializer):
    state = serializers.ChoiceField(choices=[*MOVES, Action.State.CHECK.value])
    person = BadgeField(help_text="Badge of who says so, when a program sends it.")


class ActionViewSet(ETagged, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Actions on losses: who will do what by when, the page that shows the loss, and what came of it."""

    required_action = "view"
    required_actions = dict.fromkeys(("create", "done", "close", "move"), "action.edit")
    serializer_class = ActionSerializer
    filterset_class = ActionFilter
    queryset = Action.objects.none()
    lookup_value_regex = r"\d{1,18}"
    cursor_ordering = ("due_on", "id")

    def get_queryset(self) -> QuerySet[Action]:
        return scoped(actions_seen(), actor_of(self.request))

    @extend_schema(request=ActionOpenSerializer, responses={201: ActionSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Open an action on a loss. Needs an Idempotency-Key: sent twice, it is opened once."""

        def write() -> tuple[int, Any]:
            data = ActionOpenSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = dict(data.validated_data)
            made = action_open(
                equipment_code=values.pop("equipment"),
                owner_badge=values.pop("owner"),
                reason_code=values.pop("reason"),
                by=actor_for(request, values.pop("person")),
                at=timezone.now(),
                **values,
            )
            return 201, ActionSerializer(made).data

        return once(request, write, required=True)

    @extend_schema(request=ActionDoneSerializer, responses=ActionSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def done(self, request: Request, pk: str) -> Response:
        """It is done, with a result. Its effect is checked from then on."""
        return self._step(request, pk, ActionDoneSerializer, action_done)

    @extend_schema(request=ActionCloseSerializer, responses=ActionSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close it, with what the check of its effect showed."""
        return self._step(request, pk, ActionCloseSerializer, action_close)

    @extend_schema(request=ActionMoveSerializer, responses=ActionSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Move it between plan, do, check and act."""
        return self._step(request, pk, ActionMoveSerializer, action_move)

    def _step(
        self,
        request: Request,
        pk: str,
        reader: type[serializers.Serializer],
        service: Callable[..., Action],
    ) -> Response:
        def write() -> tuple[int, Any]:
            found = self.get_queryset().get(pk=pk)
            data = reader(data=request.data)
            data.is_valid(raise_exception=True)
            values = dict(data.validated_data)
            by = actor_for(request, values.pop("person"))
            service(action_id=found.pk, by=by, at=timezone.now(), **values)
            return 200, ActionSerializer(self.get_queryset().get(pk=found.pk)).data

        return once(request, write)
