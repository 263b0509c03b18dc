"""/api/v1/connections/{slug}/trust: whether a connection's values can be believed, and why not."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connectors import selectors, services
from connectors.domain.balance import Spool
from connectors.domain.trust import Evidence, Level, Missing, verdict
from connectors.models import SpoolReport
from connectors.selectors.imports import imports_of
from connectors.selectors.trust import evidence_of
from plant.rest import actor_of, once, refuse_unknown


class TrustReasonSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(
        choices=[("care", "care"), ("refuse", "refuse")], help_text="How much it weighs."
    )
    text = serializers.CharField(help_text="As a person reads it, in English.")
    evidence = serializers.CharField(help_text="Which part below shows it.")
    cause = serializers.CharField(help_text="Code of a gap's cause, if it is one.")


class BalanceSerializer(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="Values the runners and the API counted.")
    stored = serializers.IntegerField()
    deduplicated = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    ignored = serializers.IntegerField(help_text="Of addresses somebody decided to ignore: not kept.")
    retired = serializers.IntegerField(help_text="Stored once, dropped since by the rule of how long.")
    in_spool = serializers.IntegerField(allow_null=True, help_text="null: a runner's disk cannot be seen.")
    lost = serializers.IntegerField(help_text="On a runner's disk that was written off.")
    difference = serializers.IntegerField(
        allow_null=True, help_text="received less the other seven; above 0 is missing here, null is unknown."
    )
    astray = serializers.IntegerField(help_text="Of the difference: what a disk should hold and does not.")


class RunnerSerializer(serializers.Serializer[Any]):
    spool = serializers.UUIDField(help_text="Its disk's own identity.")
    host = serializers.CharField()
    heard_at = serializers.DateTimeField(help_text="When its last word came.")
    silent = serializers.BooleanField(help_text="No word for more than 60 seconds.")
    waiting = serializers.IntegerField(help_text="Values its disk holds and the database does not.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the oldest of them came.")
    astray = serializers.IntegerField(help_text="Values its disk should hold and does not; below 0: extra.")
    back = serializers.IntegerField(help_text="Values an older copy of its file counted less than it had.")
    lost = serializers.IntegerField(help_text="Values written off with it.")
    lost_at = serializers.DateTimeField(allow_null=True)
    lost_by = serializers.CharField()
    lost_why = serializers.CharField()


class WriteOffSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=300, help_text="Why the disk does not come back.")


class WrittenOffSerializer(serializers.Serializer[Any]):
    lost = serializers.IntegerField(help_text="Values declared lost, of all its connections.")


class MissingSerializer(serializers.Serializer[Any]):
    cause = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(allow_null=True)
    recovered = serializers.CharField()
    equipment = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField()


class StuckSerializer(serializers.Serializer[Any]):
    signal = serializers.IntegerField()
    address = serializers.CharField()
    equipment = serializers.CharField()
    value = serializers.JSONField()
    since = serializers.DateTimeField()
    usual_seconds = serializers.FloatField(help_text="Time between changes before.")


class DiskSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="spool or database.")
    where = serializers.CharField()
    share = serializers.FloatField(help_text="In use, 0 to 1.")
    free = serializers.IntegerField(allow_null=True, help_text="Bytes.")
    full = serializers.BooleanField(help_text="Whether the source is no longer acknowledged.")
    full_in_days = serializers.FloatField(
        source="filling.days",
        default=None,
        allow_null=True,
        help_text="At the pace of the last days; null: not within a year, or unknown.",
    )
    pace_of_days = serializers.IntegerField(
        source="filling.over",
        default=None,
        allow_null=True,
        help_text="Days the pace is of, at most 7; null: unknown, as they are fewer than two or have holes.",
    )


class MinuteSerializer(serializers.Serializer[Any]):
    minute = serializers.DateTimeField()
    values = serializers.IntegerField()


class CheckedSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    segments = serializers.IntegerField(help_text="Packed segments read.")
    samples = serializers.IntegerField(help_text="Values in them.")
    broken = serializers.IntegerField(help_text="Segments that do not agree with their seals.")


class ImportSerializer(serializers.Serializer[Any]):
    file = serializers.CharField(source="record.file")
    state = serializers.ChoiceField(choices=[(state, state) for state in ("going", "stopped", "done")])
    share = serializers.FloatField(help_text="Read so far, 0 to 1.")
    rows = serializers.IntegerField(source="record.rows")
    rows_total = serializers.IntegerField(source="record.rows_total")
    stored = serializers.IntegerField(source="record.stored")
    deduplicated = serializers.IntegerField(source="record.deduplicated")
    quarantined = serializers.IntegerField(source="record.quarantined")
    began_at = serializers.DateTimeField(source="record.began_at")
    moved_at = serializers.DateTimeField(source="record.moved_at", help_text="When it last got on.")
    problem = serializers.CharField(source="record.problem", help_text="Why it stopped, if it said so.")


class TrustSerializer(serializers.Serializer[Any]):
    connection = serializers.SlugField()
    verdict = serializers.ChoiceField(choices=[(level.value, level.value) for level in Level])
    reasons = TrustReasonSerializer(many=True)
    balance = BalanceSerializer()
    reported_at = serializers.DateTimeField(allow_null=True, help_text="The runner's last word on its disk.")
    watermark = serializers.DateTimeField(allow_null=True)
    last_value = serializers.DateTimeField(allow_null=True)
    delay_p50 = serializers.FloatField(allow_null=True, help_text="Seconds from source to database.")
    delay_p95 = serializers.FloatField(allow_null=True, help_text="Seconds from source to database.")
    least_delay = serializers.FloatField(
        allow_null=True, help_text="Seconds from source to arrival; below 0: the source's clock is ahead."
    )
    unread = serializers.IntegerField(help_text="Unreadable messages of the last 24 hours.")
    unmapped = serializers.IntegerField(
        help_text="Addresses of the last 24 hours that nobody mapped or ignored, as far as they have names."
    )
    runners = RunnerSerializer(many=True)
    gaps = MissingSerializer(many=True)
    stuck = StuckSerializer(many=True)
    disks = DiskSerializer(many=True)
    rate = MinuteSerializer(many=True)
    imports = ImportSerializer(many=True, help_text="Files of history of the last 30 days.")
    history = CheckedSerializer(
        allow_null=True, help_text="When packed history was last compared with its seals."
    )


class TrustView(APIView):
    required_action = "view"

    @extend_schema(responses=TrustSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Whether this connection's values can be believed, each reason with its evidence."""
        refuse_unknown(request, set())
        now = timezone.now()
        connection = get_object_or_404(selectors.connections_visible(actor_of(request)), slug=slug)
        found = evidence_of(connections=[connection], now=now)[connection.pk]
        told = verdict(found, now)
        answer = {
            "connection": connection.slug,
            "verdict": told.level.value,
            "reasons": [
                {
                    "level": one.level.value,
                    "text": str(one.text),
                    "evidence": one.evidence,
                    "cause": one.cause,
                }
                for one in told.reasons
            ],
            "runners": [_runner(one, now) for one in found.spools],
            "gaps": [_gap(gap, gap.lasted(now).total_seconds()) for gap in found.gaps],
            "imports": imports_of(connection_id=connection.pk, now=now),
            **_measured(found),
        }
        return Response(TrustSerializer(answer).data)


class SpoolWriteOffView(APIView):
    required_action = "connection.edit"

    @extend_schema(request=WriteOffSerializer, responses=WrittenOffSerializer)
    def post(self, request: Request, slug: str, spool: UUID) -> Response:
        """Declare what a runner's disk held lost: it is gone. Every connection it owed to gets a gap."""
        actor = actor_of(request)
        connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
        if not SpoolReport.objects.filter(connection=connection, spool=spool).exists():
            raise Http404
        asked = WriteOffSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def write() -> tuple[int, dict[str, int]]:
            why = asked.validated_data["why"]
            return 200, {"lost": services.spool_write_off(spool=spool, why=why, by=actor, now=timezone.now())}

        return once(request, write)


def _runner(one: Spool, now: datetime) -> dict[str, Any]:
    return {**asdict(one), "silent": one.is_silent(now)}


def _measured(found: Evidence) -> dict[str, Any]:
    half, most = found.delay or (None, None)
    return {
        "balance": found.balance,
        "reported_at": found.reported_at,
        "watermark": found.watermark,
        "last_value": found.last_value,
        "delay_p50": half,
        "delay_p95": most,
        "least_delay": found.least_delay,
        "unread": found.unread,
        "unmapped": found.unmapped,
        "stuck": [
            {
                "signal": one.signal_id,
                "address": one.address,
                "equipment": one.equipment,
                "value": one.value,
                "since": one.since,
                "usual_seconds": one.usual.total_seconds(),
            }
            for one in found.stuck
        ],
        "disks": found.disks,
        "history": found.checked,
        "rate": [{"minute": minute, "values": count} for minute, count in sorted(found.rate.items())],
    }


def _gap(gap: Missing, seconds: float) -> dict[str, Any]:
    return {
        "cause": gap.cause,
        "start_time": gap.start_time,
        "end_time": gap.end_time,
        "recovered": gap.recovered,
        "equipment": list(gap.machines),
        "seconds": seconds,
    }
