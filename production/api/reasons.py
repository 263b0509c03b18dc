"""/api/v1/reason-rules, suggested reasons of a stop, and reasons split, merged and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant.access import Actor, scoped
from plant.rest import BadgeField, CodeField, ETagged, actor_for, actor_of, once
from plant.selectors import equipment_by_code
from production import services
from production.api.fields import ReasonSaidSerializer
from production.api.problems import answered
from production.domain.suggestion import WAYS
from production.models import ReasonAssertion, ReasonRule


class ReasonRuleSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code", default=None)
    equipment_class = serializers.CharField(source="equipment_class.code", default=None)
    reason = serializers.CharField(source="reason.code")
    look_back = serializers.SerializerMethodField(help_text="Seconds.")

    class Meta:
        model = ReasonRule
        fields = [
            "code", "name_en", "name_fr", "equipment", "equipment_class", "fault_code", "reason", "priority",
            "look_back", "valid_from", "is_active",
        ]  # fmt: skip

    def get_look_back(self, rule: ReasonRule) -> float:
        return rule.look_back.total_seconds()


class CauseSerializer(serializers.Serializer):
    """The reason was given ``count`` of the last ``of`` times, at most 10, to stops alike in this ``way``."""

    way = serializers.ChoiceField(choices=[way for way, _names, _weight in WAYS])
    fault_code = serializers.CharField()
    count = serializers.IntegerField()
    of = serializers.IntegerField()


class SuggestionSerializer(serializers.Serializer):
    """A reason the stop may have. ``score`` ranks and means nothing by itself."""

    reason = serializers.CharField(source="reason.code")
    name_en = serializers.CharField(source="reason.name_en")
    name_fr = serializers.CharField(source="reason.name_fr")
    score = serializers.FloatField()
    cause = CauseSerializer()


class ReasonRuleViewSet(ETagged, mixins.ListModelMixin, viewsets.GenericViewSet[ReasonRule]):
    """Rules that say a reason from a fault code: those of machines the caller sees, and of all machines."""

    required_action = "view"
    serializer_class = ReasonRuleSerializer
    queryset = ReasonRule.objects.select_related("equipment", "equipment_class", "reason")
    cursor_ordering = ("-priority", "code")

    def get_queryset(self) -> QuerySet[ReasonRule]:
        return _seen(super().get_queryset(), actor_of(self.request))


def _seen(rules: QuerySet[ReasonRule], actor: Actor) -> QuerySet[ReasonRule]:
    """Rules of one machine are seen by whoever sees the machine; the others are the same for all sites."""
    found: Any = scoped(rules, actor, path="equipment__path") | rules.filter(equipment=None)
    return found


class SplitSerializer(serializers.Serializer):
    """``seen``: the entry that begins at ``start_time`` as the author saw it, null if there was none.
    ``seen_end``: the end of the stop. ``reasons``: of the two parts; an empty one keeps that of the whole.
    """

    equipment = CodeField(equipment_by_code)
    start_time = serializers.DateTimeField()
    at = serializers.DateTimeField()
    reasons = serializers.ListField(child=serializers.CharField(allow_blank=True), min_length=2, max_length=2)
    seen = serializers.IntegerField(required=False, allow_null=True, default=None)
    seen_end = serializers.DateTimeField(required=False, allow_null=True, default=None)
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


class MergeSerializer(serializers.Serializer):
    """Two entries that meet. Without a ``reason`` the left one's is kept."""

    left = serializers.IntegerField()
    right = serializers.IntegerField()
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


class UndoSerializer(serializers.Serializer):
    """An entry of the split, merge, undo or single reason to take back."""

    entry = serializers.IntegerField()
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


class _ActView(APIView):
    required_action = "stop.code"

    def act(
        self,
        request: Request,
        serializer: type[serializers.Serializer],
        write: Callable[[dict[str, Any], Actor], list[ReasonAssertion]],
    ) -> Response:
        def say() -> tuple[int, Any]:
            data = serializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = dict(data.validated_data)
            by = actor_for(request, values.pop("person", None))
            with answered():
                return 201, ReasonSaidSerializer(write(values, by), many=True).data

        return once(request, say)


class SplitView(_ActView):
    """Cut what was said of a stop in two. A view that is no longer true gets 409 with both views."""

    @extend_schema(request=SplitSerializer, responses={201: ReasonSaidSerializer(many=True)})
    def post(self, request: Request) -> Response:
        def write(values: dict[str, Any], by: Actor) -> list[ReasonAssertion]:
            first, second = values.pop("reasons")
            equipment = values.pop("equipment")
            return services.reason_split(
                equipment_id=equipment.pk, first_code=first, second_code=second, by=by, **values
            )

        return self.act(request, SplitSerializer, write)


class MergeView(_ActView):
    """Join two entries that meet into one. 409 when one of them no longer holds."""

    @extend_schema(request=MergeSerializer, responses={201: ReasonSaidSerializer(many=True)})
    def post(self, request: Request) -> Response:
        def write(values: dict[str, Any], by: Actor) -> list[ReasonAssertion]:
            return services.reason_merge(reason_code=values.pop("reason"), by=by, **values)

        return self.act(request, MergeSerializer, write)


class UndoView(_ActView):
    """What stood before a split, merge or reason holds again. 409 when a part was corrected since."""

    @extend_schema(request=UndoSerializer, responses={201: ReasonSaidSerializer(many=True)})
    def post(self, request: Request) -> Response:
        return self.act(request, UndoSerializer, lambda values, by: services.reason_undo(by=by, **values))
