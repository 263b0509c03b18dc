"""How connectors' rows are written in JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connectors.models import Gap, QuarantinedMessage, SignalDefinition


class SignalSerializer(serializers.ModelSerializer[SignalDefinition]):
    connection = serializers.CharField(source="connection.slug")
    equipment = serializers.CharField(source="equipment.code")
    department = serializers.CharField(source="department.code", default=None)
    setpoint_for = serializers.CharField(source="setpoint_for.address", default=None)
    name = serializers.CharField()

    class Meta:
        model = SignalDefinition
        fields = [
            "id",
            "connection",
            "address",
            "equipment",
            "role",
            "name",
            "name_en",
            "name_fr",
            "unit",
            "value_type",
            "state_map",
            "setpoint_for",
            "department",
            "counter_modulus",
            "maximum_rate",
            "total_includes_scrap",
        ]


class GapSerializer(serializers.ModelSerializer[Gap]):
    connection = serializers.CharField(source="connection.slug")
    equipment = serializers.CharField(source="equipment.code", default=None)

    class Meta:
        model = Gap
        fields = [
            "id",
            "connection",
            "equipment",
            "cause",
            "start_time",
            "end_time",
            "scope",
            "detail",
            "recovered",
        ]


class QuarantineSerializer(serializers.ModelSerializer[QuarantinedMessage]):
    connection = serializers.CharField(source="connection.slug")
    preview = serializers.SerializerMethodField(help_text="The beginning of what came, as text.")

    class Meta:
        model = QuarantinedMessage
        fields = [
            "id",
            "connection",
            "source",
            "reason",
            "form",
            "preview",
            "count",
            "first_arrival",
            "last_arrival",
            "configuration_revision",
            "status",
            "reprocessed_at",
        ]

    def get_preview(self, message: QuarantinedMessage) -> str:
        from connectors.selectors import quarantine_preview

        return quarantine_preview(message)


class ReprocessSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField(help_text="Values that were stored now; 0 when they were already.")


class PostedSampleSerializer(serializers.Serializer[Any]):
    address = serializers.CharField(help_text="A signal's address on the connection.")
    source_time = serializers.DateTimeField(help_text="ISO 8601 with an offset.")
    value = serializers.JSONField(help_text="Number, true or false, text or null.")
    quality = serializers.ChoiceField(choices=["good", "uncertain", "bad"], required=False)
    server_time = serializers.DateTimeField(required=False)
    status_code = serializers.IntegerField(required=False)
    historical = serializers.BooleanField(required=False)


class PostSerializer(serializers.Serializer[Any]):
    connection = serializers.SlugField(help_text="The connection the samples belong to.")
    samples = PostedSampleSerializer(many=True, help_text="At most 20,000.")
    watermark = serializers.DateTimeField(required=False, help_text="Nothing older than this will come.")


class PostedSerializer(serializers.Serializer[Any]):
    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    deduplicated = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    refused = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Of lines: the first 100 refused, with why."
    )


class SampleSerializer(serializers.Serializer[Any]):
    source_time = serializers.DateTimeField()
    server_time = serializers.DateTimeField(allow_null=True)
    arrival_time = serializers.DateTimeField()
    value = serializers.JSONField(allow_null=True)
    quality = serializers.ChoiceField(choices=["good", "uncertain", "bad"])
    historical = serializers.BooleanField()


class RetiredSerializer(serializers.Serializer[Any]):
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    samples = serializers.IntegerField()
    dropped_at = serializers.DateTimeField()
    rule = serializers.CharField(help_text="Role and months kept.")
    why = serializers.CharField()


class SamplePageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    retired = RetiredSerializer(many=True, help_text="Days of the range that retention dropped.")
    results = SampleSerializer(many=True)
