"""/api/v1/reason-rules: which fault code means which reason; and suggested reasons of a stop."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from plant.access import Actor, scoped
from plant.rest import ETagged, actor_of
from production.domain.suggestion import WAYS
from production.models import ReasonRule


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
